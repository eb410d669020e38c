package ingress

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/dunnock-server/dunnock/hardening/egress"
)

const (
	// listenPatience is how long a relay may take to give a port.
	listenPatience = 30 * time.Second
	// steady is how long a port must have been held for its loss to be a new outage and not more of the last.
	steady = time.Minute
	// look is how often it is looked whether the relay is back.
	look = time.Second
)

// Forward is a port of a relay's public address, held for as long as the Forward is open: when the relay loses it, it is asked
// for again, after the pauses of an egress.Link or as soon as the relay's own link is back. It is a net.Listener that has no
// errors but the end: Accept waits through every outage. Nobody asks the relay while nobody is in Accept.
//
// A connection has the address of its visitor where the relay knows that. Where it does not (what it gives is no address of
// the public internet: its own, or that of a proxy or a translation of addresses in front of it), the visitor is a stranger, to
// whom the limits of Config.CrowdRate apply: see Strangers.
//
// The relay learns that the port is wanted, and all that its kind of link tells it. It can hand over whatever it likes, with
// whichever addresses: a relay that lies about these escapes the limits of one network, and not those on the whole.
type Forward struct {
	relay egress.Listening
	port  uint16

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	turn   chan struct{} // held by the one caller of Accept who asks the relay

	mu    sync.Mutex
	ln    net.Listener // nil: the relay has to be asked
	since time.Time    // when ln was given
	link  egress.Link  // the outages
}

// NewForward makes one. Nothing is asked of the relay before Accept is called.
func NewForward(relay egress.Listening, port uint16) *Forward {
	f := &Forward{relay: relay, port: port, turn: make(chan struct{}, 1)}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	return f
}

// State says whether the relay holds the port. That anybody can reach it is not known here: see Probe.
func (f *Forward) State() egress.State {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.link.State()
	switch {
	case f.ln != nil:
		return egress.State{Since: f.since, Lost: s.Since}
	case f.ctx.Err() != nil:
		return egress.State{Down: true, Since: s.Since, Reason: "closed"}
	case !s.Down:
		return egress.State{Down: true, Reason: "the relay has not given the port yet"}
	}
	return s
}

// Accept waits for the next visitor, and for the relay where that is not there. The error is net.ErrClosed.
func (f *Forward) Accept() (net.Conn, error) {
	for {
		ln, err := f.listener()
		if err != nil {
			return nil, err
		}
		conn, err := ln.Accept()
		if err == nil {
			return known(conn), nil
		}
		f.lost(ln)
	}
}

// listener gives the one that is there, or waits until there is one.
func (f *Forward) listener() (net.Listener, error) {
	select {
	case f.turn <- struct{}{}:
		defer func() { <-f.turn }()
	case <-f.ctx.Done():
	}
	for f.ctx.Err() == nil {
		f.mu.Lock()
		ln := f.ln
		f.mu.Unlock()
		if ln != nil {
			return ln, nil
		}
		f.pause()
		f.listen()
	}
	return nil, net.ErrClosed
}

// listen asks the relay once.
func (f *Forward) listen() {
	if f.ctx.Err() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(f.ctx, listenPatience)
	defer cancel()
	ln, err := f.relay.Listen(ctx, f.port)
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case err != nil:
		f.link.Down(f.reason(err))
	case f.ctx.Err() != nil:
		ln.Close()
	default:
		f.ln, f.since = ln, time.Now()
	}
}

// lost notes that ln has ended.
func (f *Forward) lost(ln net.Listener) {
	ln.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ln != ln {
		return // somebody else has noticed
	}
	f.ln = nil
	if time.Since(f.since) >= steady { // not before: a relay that gives and takes must not be asked every second
		f.link.Up()
	}
	f.link.Down(f.reason(nil))
}

// pause waits until the relay may be asked again.
func (f *Forward) pause() {
	s := f.link.State()
	if !s.Down {
		return
	}
	linked, ok := f.relay.(egress.Linked)
	waits := ok && linked.State().Down // for the relay, and it may be back sooner
	tick := time.NewTicker(look)
	defer tick.Stop()
	for time.Until(s.Next) > 0 && !(waits && !linked.State().Down) {
		select {
		case <-f.ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// reason says in our own words why there is no listener; err is what Listen gave, or nil where an old one has ended.
func (f *Forward) reason(err error) string {
	if linked, ok := f.relay.(egress.Linked); ok {
		if s := linked.State(); s.Down && s.Reason != "" {
			return "the relay: " + s.Reason
		}
	}
	switch {
	case err == nil:
		return "the relay has let go of the port"
	case errors.Is(err, context.DeadlineExceeded):
		return "the relay does not answer"
	case errors.Is(err, egress.ErrRelayDown):
		return "the relay cannot be reached"
	}
	return "the relay does not give the port"
}

// Close lets go of the port. Connections that were accepted stay.
func (f *Forward) Close() error {
	f.cancel()
	f.mu.Lock()
	ln := f.ln
	f.ln = nil
	f.mu.Unlock()
	if ln == nil {
		return nil
	}
	return ln.Close()
}

// Addr is the relay's name and the port.
func (f *Forward) Addr() net.Addr {
	return forwardAddr(net.JoinHostPort(f.relay.Name(), strconv.Itoa(int(f.port))))
}

type forwardAddr string

func (forwardAddr) Network() string  { return "tcp" }
func (a forwardAddr) String() string { return string(a) }

// Strangers gives ln's connections without the addresses they come from, for a listener whose connections all have the same:
// that of a tor daemon. Such visitors are neither exempt from the limits, as what is on this machine is, nor one network.
// They are a crowd, which has an allowance of its own (Config.CrowdRate) and no share of connections: there, what holds is
// MaxConns, with the slowest closed first. So whoever floods such a way in can use up the allowance of all who come by it, and
// of nobody else; that the visitors are hidden from us too is the price.
func Strangers(ln net.Listener) net.Listener { return strangers{ln} }

type strangers struct{ net.Listener }

func (l strangers) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return stranger{conn}, nil
}

// stranger is a connection whose visitor's address is not known.
type stranger struct{ net.Conn }

func (stranger) RemoteAddr() net.Addr { return hidden{} }

type hidden struct{}

func (hidden) Network() string { return "hidden" }
func (hidden) String() string  { return hiddenAddress }

// hiddenAddress stands for an address that is not known.
const hiddenAddress = "hidden"

var shared = netip.MustParsePrefix("100.64.0.0/10") // RFC 6598: of whoever translates addresses

// known gives conn as it is when its address can be a visitor's, and else as a stranger's.
func known(conn net.Conn) net.Conn {
	if a := conn.RemoteAddr(); a != nil {
		ap, err := netip.ParseAddrPort(a.String())
		addr := ap.Addr().Unmap()
		if err == nil && addr.IsGlobalUnicast() && !addr.IsPrivate() && !shared.Contains(addr) {
			return conn
		}
	}
	return stranger{conn}
}
