package wireguard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/dunnock-server/dunnock/hardening/egress"
)

// Kind is what the ledger and the configuration call such a relay.
const Kind = "wireguard"

// Config describes a relay.
type Config struct {
	// Name is the owner's name for it.
	Name string
	// Conf is the file, as Parse gave it.
	Conf *Conf
	// Rules say which addresses may be connected to.
	Rules egress.Rules
	// Dial reaches the endpoints over "udp": egress.Home().
	Dial egress.Dial
	// Log is told, at Debug, in what way the library failed. Nil: nobody is.
	Log *slog.Logger
}

// Relay is an [egress.Linked] and [egress.Listening] relay. Until it is used it is nothing but its configuration.
type Relay struct {
	c      Config
	link   egress.Link
	making chan struct{}   // holds one: whoever makes or tries a tunnel
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	quiet  time.Duration // quiet, but for tests in a hurry

	mu      sync.Mutex
	tunnel  *tunnel // nil while there is none
	closed  bool
	watches sync.WaitGroup
}

var (
	_ egress.Linked    = (*Relay)(nil)
	_ egress.Listening = (*Relay)(nil)
)

// New makes a relay, and sends nothing. An error names the fault in c.
func New(c Config) (*Relay, error) {
	switch {
	case c.Name == "":
		return nil, errors.New("wireguard relay: no name")
	case c.Conf == nil || len(c.Conf.Peers) == 0 || len(c.Conf.Addresses) == 0:
		return nil, errors.New("wireguard relay: no file")
	case c.Dial == nil:
		return nil, errors.New("wireguard relay: no way to reach its endpoint")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	r := &Relay{c: c, making: make(chan struct{}, 1), quiet: quiet}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r, nil
}

func (r *Relay) Name() string        { return r.c.Name }
func (r *Relay) Kind() string        { return Kind }
func (r *Relay) State() egress.State { return r.link.State() }

// Notes are those of its Conf.
func (r *Relay) Notes() []string { return r.c.Conf.Notes }

// DialContext implements [egress.Relay].
func (r *Relay) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if network != "tcp" {
		return nil, fmt.Errorf("%w: network", egress.ErrRefused)
	}
	t, err := r.up(ctx)
	if err != nil {
		return nil, err
	}
	before := t.received()
	inside, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(t.ctx, cancel)()
	targets, err := egress.ResolveBy(inside, r.c.Rules, address, t.ask())
	var conn net.Conn
	for _, target := range targets {
		if conn, err = t.dial(inside, target); err == nil || inside.Err() != nil {
			break
		}
	}
	if err != nil && t.lost(ctx, before, err) {
		return nil, egress.Down(egress.ReasonSilent)
	}
	return conn, err
}

// lost finds out, when a target could not be reached, whether that was for want of a link: once something was received since,
// it was not.
func (t *tunnel) lost(ctx context.Context, before uint64, err error) bool {
	var timeout net.Error
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		return t.ctx.Err() != nil
	}
	tick := time.NewTicker(look / 10)
	defer tick.Stop()
	for t.ctx.Err() == nil && ctx.Err() == nil && t.received() == before {
		select {
		case <-t.ctx.Done(): // the watch has judged
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	return t.ctx.Err() != nil
}

// Connect implements [egress.Linked].
func (r *Relay) Connect(ctx context.Context) error {
	_, err := r.connect(ctx, true)
	return err
}

// up gives the tunnel, which is made if there is none and the link is not known to be down.
func (r *Relay) up(ctx context.Context) (*tunnel, error) {
	r.mu.Lock()
	t, closed := r.tunnel, r.closed
	r.mu.Unlock()
	switch s := r.State(); {
	case closed:
		return nil, egress.ErrClosed
	case s.Down:
		return nil, egress.Down(s.Reason)
	case t != nil:
		return t, nil
	}
	return r.connect(ctx, false)
}

// connect makes a tunnel and waits for its handshake. If there is one, a handshake of it is asked for when try is set.
func (r *Relay) connect(ctx context.Context, try bool) (*tunnel, error) {
	select {
	case r.making <- struct{}{}:
		defer func() { <-r.making }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	r.mu.Lock()
	t, closed := r.tunnel, r.closed
	r.mu.Unlock()
	if closed {
		return nil, egress.ErrClosed
	}
	if s := r.State(); s.Down && !try {
		return nil, egress.Down(s.Reason) // by one who came before
	}
	if t != nil && !try {
		return t, nil
	}
	inside, cancel := context.WithTimeoutCause(ctx, greeting, errSilent)
	defer cancel()
	defer context.AfterFunc(r.ctx, cancel)()
	var err error
	if t == nil {
		if t, err = newTunnel(inside, r.c); err != nil {
			return nil, r.fails(ctx, nil, err, try)
		}
	}
	if err = t.alive(inside); err != nil {
		return nil, r.fails(ctx, t, err, try)
	}
	return t, r.take(t)
}

// take makes t the relay's tunnel, if it is not yet.
func (r *Relay) take(t *tunnel) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		t.close()
		return egress.ErrClosed
	case r.tunnel == nil:
		r.tunnel = t
		r.watches.Go(func() {
			if t.watch(r.quiet) {
				r.mu.Lock()
				r.drop(t, egress.ReasonSilent)
				r.mu.Unlock()
				t.close()
			}
		})
	}
	r.link.Up()
	return nil
}

// drop gives up a tunnel. r.mu is held.
func (r *Relay) drop(t *tunnel, reason string) {
	if r.tunnel == t && !r.closed {
		r.tunnel = nil
		r.link.Down(reason)
	}
}

// fails notes that the link is down, unless it was the caller who gave up. That time is up counts for one who tries.
func (r *Relay) fails(ctx context.Context, t *tunnel, err error, try bool) error {
	gaveUp := ctx.Err() != nil && !(try && errors.Is(ctx.Err(), context.DeadlineExceeded))
	r.mu.Lock()
	kept := gaveUp && t == r.tunnel
	switch {
	case r.closed:
		err = egress.ErrClosed
	case gaveUp:
		err = context.Cause(ctx)
	default:
		r.drop(r.tunnel, reasonOf(err)) // it is t, or there is none: nobody else makes one now
		err = egress.Down(reasonOf(err))
	}
	r.mu.Unlock()
	if t != nil && !kept {
		t.close()
	}
	return err
}

// Listen implements [egress.Listening]: on a port of our addresses inside the tunnel. That it can be reached from outside is up
// to the far end.
func (r *Relay) Listen(ctx context.Context, port uint16) (net.Listener, error) {
	if port == 0 {
		return nil, errors.New("wireguard: no port to listen on")
	}
	t, err := r.up(ctx)
	if err != nil {
		return nil, err
	}
	l, err := t.listen(port)
	if err == nil {
		t.keepalive()
	}
	return l, err
}

// Close implements [egress.Relay]. It returns when nothing of the relay runs.
func (r *Relay) Close() error {
	r.mu.Lock()
	t := r.tunnel
	r.tunnel, r.closed = nil, true
	r.mu.Unlock()
	r.cancel()
	if t != nil {
		t.close()
	}
	r.making <- struct{}{} // nobody makes another
	<-r.making
	r.watches.Wait()
	return nil
}

// reasonOf says in our own words what is wrong with a link.
func reasonOf(err error) string {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		return "its endpoint's name is not found"
	case errors.Is(err, errSilent), errors.Is(err, context.DeadlineExceeded):
		return egress.ReasonSilent
	}
	return "cannot be reached"
}
