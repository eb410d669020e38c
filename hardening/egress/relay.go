package egress

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"net"
	"strings"
)

// Relay is a way out. Direct is here; tests hand in one that connects in memory.
//
// DialContext is given network "tcp" and an address "host:port" whose host is a canonical name or a literal, already
// checked with Rules.CheckTarget. What is left to the relay depends on where it resolves names:
//
//   - at home, or through its own tunnel: every address it is about to connect to must pass Rules.CheckAddr, at the
//     connect itself and not only after the look-up, so that a second look-up cannot slip another address in;
//   - at the far end: it hands the name over as it is, and the far end has to refuse its own private addresses.
//
// The relay's own host is not subject to Rules, which are about what remote documents can make us dial. A relay that can
// separate streams takes the circuit's key from CircuitOf. When its link is down it returns an error, and must not reach
// the target in any other way. It must not return a connection after ctx is done.
type Relay interface {
	// Name is the owner's name for it: unique in the configuration, and what the ledger records as the exit.
	Name() string
	// Kind is "direct", "ssh", "tor" …: an .onion name is handed only to the kind "tor".
	Kind() string
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
	Close() error
}

const (
	kindDirect = "direct"
	kindTor    = "tor"
)

// Circuit is what connection state may be shared within.
type Circuit struct {
	Domain  string // canonical
	Purpose Purpose
	Exit    string // relay name
}

type circuitContext struct{}

// CircuitOf gives the circuit a relay is dialling for; ok is false outside Client.Do. A relay with streams that can be told
// apart (SOCKS credentials for tor) keeps those of two circuits apart by it.
func CircuitOf(ctx context.Context) (c Circuit, ok bool) {
	c, ok = ctx.Value(circuitContext{}).(Circuit)
	return c, ok
}

// exit chooses the relay for a domain: the one with the highest keyed hash of (domain, relay name), so that the choice is
// stable, moves only the domains of a relay that is taken out of the pool, and cannot be predicted by someone who owns
// another domain. The purpose takes no part: a domain that sees one exit for all it is asked learns one exit.
func (c *Client) exit(domain string, _ Purpose) (Relay, error) {
	var best Relay
	var most string
	for _, r := range c.relays {
		if isOnion(domain) && r.Kind() != kindTor {
			continue
		}
		mac := hmac.New(sha256.New, c.key)
		mac.Write([]byte(domain + "\x00" + r.Name()))
		if sum := string(mac.Sum(nil)); best == nil || strings.Compare(sum, most) > 0 {
			best, most = r, sum
		}
	}
	if best == nil {
		return nil, ErrNoRelay
	}
	return best, nil
}
