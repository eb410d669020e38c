package egress

import (
	"context"
	"net"
)

// Relay is a way out. Direct is here; tests hand in one that connects in memory.
//
// DialContext is given network "tcp" and an address "host:port" whose host is a canonical name or a literal, already
// checked with Rules.CheckTarget. What is left to the relay depends on where it resolves names:
//
//   - at home, or through its own tunnel: every address it is about to connect to must pass Rules.CheckAddr, at the
//     connect itself and not only after the look-up, so that a second look-up cannot slip another address in;
//   - at the far end, which refuses its own private addresses by itself (tor, `dunnock relay serve`): it hands the name over
//     as it is;
//   - at the far end, which may refuse nothing (sshd, SOCKS and HTTP proxies): it hands over only what Resolve gave.
//
// The relay's own host is not subject to Rules, which are about what remote documents can make us dial. A relay that can
// separate streams takes the circuit's key from CircuitOf. When its link is down it returns an error that wraps
// ErrRelayDown, and must not reach the target in any other way. It must not return a connection after ctx is done. What a
// target does (refuse, be silent) is not the relay's fault, and must not take it down.
type Relay interface {
	// Name is the owner's name for it: unique in the configuration, and what the ledger records as the exit.
	Name() string
	// Kind is "direct", "ssh", "tor" …: an .onion name is handed only to the kind "tor".
	Kind() string
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
	Close() error
}

// Linked is a relay whose link can be seen to be down. The pool moves the domains of one that is.
type Linked interface {
	Relay
	// State is what is known of the link, without asking anybody.
	State() State
	// Connect brings the link up, or sees that it is, and changes State. No target is involved: the relay is all that is
	// told. The client calls it now and then while the link is down.
	Connect(ctx context.Context) error
}

// Listening is a relay at whose far end the node can be reached.
type Listening interface {
	Relay
	// Listen asks the far end to take connections on a TCP port of its public address and to hand them over as they are. The
	// listener ends (Accept returns an error) with the link; whoever wants it back calls Listen again. The address of a
	// connection it gives is the visitor's where the relay knows it.
	Listen(ctx context.Context, port uint16) (net.Listener, error)
}

// Dial opens a connection, as net.Dialer does: it is how a relay's own link is made, from this machine (Home) or through
// the relay before it in a chain (its DialContext).
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Kinds of relay that are told from others here.
const (
	KindDirect = "direct" // Direct
	kindTor    = "tor"
)

// Circuit is what connection state may be shared within.
type Circuit struct {
	Domain  string // canonical
	Purpose Purpose
	Exit    string // relay name
	// For is the purpose whose dial a look-up of a name serves, where Purpose is Names; else zero.
	For Purpose
}

type circuitContext struct{}

// CircuitOf gives the circuit a relay is dialling for; ok is false outside Client.Do. A relay with streams that can be told
// apart (SOCKS credentials for tor) keeps those of two circuits apart by it.
func CircuitOf(ctx context.Context) (c Circuit, ok bool) {
	c, ok = ctx.Value(circuitContext{}).(Circuit)
	return c, ok
}
