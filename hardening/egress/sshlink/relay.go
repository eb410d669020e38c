package sshlink

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/dunnock-server/dunnock/hardening/egress"
)

// Kind is what the ledger and the configuration call such a relay.
const Kind = "ssh"

// Config describes a relay.
type Config struct {
	// Name is the owner's name for it.
	Name string
	// Address is "host:port" of the SSH server. An address as the host spares the home's resolver.
	Address string
	// User is who we are there.
	User string
	// Identity is the key that proves it (ParseIdentity).
	Identity ssh.Signer
	// HostKey is the server's (ParseHostKey). Any other is refused.
	HostKey ssh.PublicKey
	// Rules say what may be asked for.
	Rules egress.Rules
	// Dial reaches the server: egress.Home(), or DialContext of the relay before it in a chain.
	Dial egress.Dial
	// FarNames says that the far end is `dunnock relay serve`, which resolves names and refuses private addresses by itself. A
	// server that does not say so in its version is refused.
	FarNames bool
	// Log is told when the link comes up and when it is lost. Nil: nobody is.
	Log *slog.Logger
}

// Relay is an [egress.Linked] and [egress.Listening] relay. Until it is used it is nothing but its configuration.
type Relay struct {
	c    Config
	link egress.Link
	life context.Context // ends with Close
	end  context.CancelFunc

	mu      sync.Mutex
	session *session // nil while there is none
	trying  *attempt // nil while none is being made
	working sync.WaitGroup
}

// attempt is the making of a session, which all share who want one.
type attempt struct {
	done    chan struct{}
	session *session
	err     error
}

var (
	_ egress.Linked    = (*Relay)(nil)
	_ egress.Listening = (*Relay)(nil)
)

// New makes a relay, and sends nothing. An error names the fault in c.
func New(c Config) (*Relay, error) {
	host, port, err := net.SplitHostPort(c.Address)
	n, e := strconv.ParseUint(port, 10, 16)
	switch {
	case c.Name == "":
		return nil, errors.New("ssh relay: no name")
	case err != nil || e != nil || n == 0 || host == "":
		return nil, errors.New("ssh relay: the address is not host:port")
	case c.User == "":
		return nil, errors.New("ssh relay: no user")
	case c.Identity == nil:
		return nil, errors.New("ssh relay: no identity")
	case c.HostKey == nil:
		return nil, errors.New("ssh relay: no host key")
	case c.Dial == nil:
		return nil, errors.New("ssh relay: no way to reach it")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	r := &Relay{c: c}
	r.life, r.end = context.WithCancel(context.Background())
	return r, nil
}

// Name implements [egress.Relay].
func (r *Relay) Name() string { return r.c.Name }

// Kind implements [egress.Relay].
func (r *Relay) Kind() string { return Kind }

// State implements [egress.Linked].
func (r *Relay) State() egress.State { return r.link.State() }

// DialContext implements [egress.Relay]. The connection it gives keeps deadlines, and its Close waits for nobody.
func (r *Relay) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if network != "tcp" {
		return nil, fmt.Errorf("%w: network", egress.ErrRefused)
	}
	s, err := r.ready(ctx)
	if err != nil {
		return nil, err
	}
	targets, err := r.targets(ctx, address)
	if err != nil {
		return nil, err
	}
	var conn net.Conn
	for _, t := range targets {
		if conn, err = s.dial(ctx, t); err == nil || ctx.Err() != nil || errors.Is(err, egress.ErrRelayDown) {
			break
		}
	}
	return conn, err
}

// targets is what the relay may be asked for in place of an address, at least one.
func (r *Relay) targets(ctx context.Context, address string) ([]target, error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("%w: address form", egress.ErrRefused)
	}
	if _, err := netip.ParseAddr(host); err != nil && r.c.FarNames {
		port, err := strconv.ParseUint(service, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("%w: port", egress.ErrRefused)
		}
		if err := r.c.Rules.CheckTarget(host, uint16(port)); err != nil {
			return nil, err
		}
		return []target{{host, uint16(port)}}, nil
	}
	addrs, err := egress.Resolve(ctx, r.c.Rules, address)
	targets := make([]target, len(addrs))
	for i, a := range addrs {
		targets[i] = target{a.Addr().String(), a.Port()}
	}
	return targets, err
}

// Listen implements [egress.Listening]. port is from 1 to 65535. A plain sshd without GatewayPorts says yes and listens on its
// loopback address only, which cannot be seen from here.
func (r *Relay) Listen(ctx context.Context, port uint16) (net.Listener, error) {
	if port == 0 {
		return nil, errors.New("ssh relay: no port to listen at")
	}
	s, err := r.ready(ctx)
	if err != nil {
		return nil, err
	}
	return s.listen(ctx, port)
}

// Connect implements [egress.Linked]. Where there is a link, it is asked for a sign of life.
func (r *Relay) Connect(ctx context.Context) error {
	r.mu.Lock()
	s := r.session
	r.mu.Unlock()
	if s != nil {
		if err := s.ask(ctx); err == nil || ctx.Err() != nil {
			return err
		}
	}
	_, err := r.try(ctx)
	return err
}

// ready gives the session, which is made if there was none yet.
func (r *Relay) ready(ctx context.Context) (*session, error) {
	r.mu.Lock()
	s, state := r.session, r.State()
	r.mu.Unlock()
	switch {
	case s != nil:
		return s, nil
	case r.life.Err() != nil:
		return nil, egress.ErrClosed
	case state.Down:
		return nil, egress.Down(state.Reason)
	}
	return r.try(ctx)
}

// try waits for a session to be made, or for ctx: the making goes on then, for whoever comes next.
func (r *Relay) try(ctx context.Context) (*session, error) {
	r.mu.Lock()
	if r.life.Err() != nil {
		r.mu.Unlock()
		return nil, egress.ErrClosed
	}
	if s := r.session; s != nil {
		r.mu.Unlock()
		return s, nil
	}
	a := r.trying
	if a == nil {
		a = &attempt{done: make(chan struct{})}
		r.trying = a
		r.working.Go(func() { r.make(a) })
	}
	r.mu.Unlock()
	select {
	case <-a.done:
		return a.session, a.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// patience is how long the link may take to be made: through a chain each of its five round trips takes a second.
const patience = 20 * time.Second

func (r *Relay) make(a *attempt) {
	ctx, cancel := context.WithTimeoutCause(r.life, patience, errSilent)
	defer cancel()
	s, err := r.c.connect(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	defer close(a.done)
	r.trying = nil
	switch {
	case r.life.Err() != nil:
		if err == nil {
			s.drop()
		}
		a.err = egress.ErrClosed
	case err != nil:
		reason := reasonOf(err)
		r.link.Down(reason)
		r.c.Log.Warn("relay is down", "relay", r.c.Name, "reason", reason)
		a.err = egress.Down(reason)
	default:
		r.link.Up()
		r.c.Log.Info("relay is up", "relay", r.c.Name)
		r.session, a.session = s, s
		r.working.Go(func() { s.run(r.lost) })
	}
}

// lost is told the end of a session, before its connections are.
func (r *Relay) lost(s *session, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.session = nil
	if r.life.Err() == nil {
		r.link.Down(reason)
		r.c.Log.Warn("relay is down", "relay", r.c.Name, "reason", reason)
	}
}

// Close ends the link and all that goes by it, and waits until its work has ended.
func (r *Relay) Close() error {
	r.end()
	r.mu.Lock()
	s := r.session
	r.mu.Unlock()
	if s != nil {
		s.lose("closed")
	}
	r.working.Wait()
	return nil
}
