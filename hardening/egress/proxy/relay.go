package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/dunnock-server/dunnock/hardening/egress"
)

// protocol is what is said on a connection to a proxy. An error of its methods that is a fault is the proxy's own.
type protocol interface {
	// greet says what comes before any target: whatever fails is the proxy's fault. It gives the connection to go on with.
	greet(ctx context.Context, conn net.Conn) (net.Conn, error)
	// connect asks for a target. Only a fault is the proxy's.
	connect(conn net.Conn, target string) (net.Conn, error)
	// probe asks, after greet, for a sign of life that involves no target.
	probe(conn net.Conn) error
}

// fault is what is wrong with a proxy, in words that can be logged.
type fault string

func (f fault) Error() string { return "proxy " + string(f) }

// errSilent is also a net.Error that is a timeout.
var errSilent = fmt.Errorf("no answer: %w", os.ErrDeadlineExceeded)

type relay struct {
	name, kind, address string
	dial                egress.Dial
	speaks              protocol
	patience            time.Duration // for a target; 0: as long as the context
	// targets is what may be asked for in place of an address, at least one.
	targets func(ctx context.Context, address string) ([]string, error)
	// health is asked by Connect, and now and then after a target failed. May be nil.
	health func(ctx context.Context) error

	link   egress.Link
	mu     sync.Mutex // over a look at link and what follows from it
	looked time.Time  // when health was last asked for a target's sake
}

func (r *relay) Name() string        { return r.name }
func (r *relay) Kind() string        { return r.kind }
func (r *relay) State() egress.State { return r.link.State() }
func (r *relay) Close() error        { return nil }

// DialContext implements [egress.Relay].
func (r *relay) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if network != "tcp" {
		return nil, fmt.Errorf("%w: network", egress.ErrRefused)
	}
	if s := r.State(); s.Down {
		return nil, egress.Down(s.Reason)
	}
	targets, err := r.targets(ctx, address)
	if err != nil {
		return nil, err
	}
	var conn net.Conn
	for _, target := range targets {
		if conn, err = r.reach(ctx, target); err == nil || ctx.Err() != nil || errors.Is(err, egress.ErrRelayDown) {
			break
		}
	}
	return conn, err
}

// Connect implements [egress.Linked].
func (r *relay) Connect(ctx context.Context) error {
	err := r.greets(ctx)
	if ctx.Err() == nil && reasonOf(err) == egress.ReasonHangsUp {
		err = r.greets(ctx) // tinyproxy does so once in a while, and what waits would be put off for minutes
	}
	if err == nil {
		err = r.healthy(ctx)
	}
	switch {
	case err == nil:
		r.link.Up()
	case ctx.Err() == nil || errors.Is(ctx.Err(), context.DeadlineExceeded):
		return r.fails(err, true)
	}
	return err
}

// greets says whether the proxy takes a connection and speaks as it should.
func (r *relay) greets(ctx context.Context) error {
	conn, raw, err := r.open(ctx)
	if err != nil {
		return err
	}
	defer raw.Close()
	return within(ctx, raw, patience, func() error { return r.speaks.probe(conn) })
}

// reach asks the proxy for one target.
func (r *relay) reach(ctx context.Context, target string) (net.Conn, error) {
	conn, raw, err := r.open(ctx)
	if err != nil {
		if ctx.Err() == nil {
			err = r.fails(err, false)
		}
		return nil, err
	}
	err = within(ctx, raw, r.patience, func() (err error) {
		conn, err = r.speaks.connect(conn, target)
		return err
	})
	var f fault
	switch {
	case err == nil:
		r.link.Up()
		return conn, nil
	case ctx.Err() != nil:
	case errors.As(err, &f):
		err = r.fails(err, false)
	default:
		err = r.ask(ctx, err)
	}
	raw.Close()
	return nil, err
}

// open makes a connection to the proxy and greets. raw is the one that was dialled: whoever closes it ends conn as well.
func (r *relay) open(ctx context.Context) (conn, raw net.Conn, err error) {
	limited, cancel := context.WithTimeoutCause(ctx, patience, errSilent)
	defer cancel()
	if raw, err = r.dial(limited, "tcp", r.address); err != nil {
		if limited.Err() != nil {
			err = context.Cause(limited)
		}
		return nil, nil, err
	}
	err = within(limited, raw, 0, func() (err error) {
		conn, err = r.speaks.greet(limited, raw)
		return err
	})
	if err != nil {
		raw.Close()
		return nil, nil, err
	}
	return conn, raw, nil
}

// within runs f, which ends early when conn is closed: as it is once ctx ends or patience is over. The error then says why.
func within(ctx context.Context, conn net.Conn, patience time.Duration, f func() error) error {
	if patience != 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, patience, errSilent)
		defer cancel()
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	err := f()
	if !stop() {
		return context.Cause(ctx)
	}
	return err
}

// fails notes that the proxy is down. Of many dials that fail together one counts, or the next try would be far off.
func (r *relay) fails(err error, tried bool) error {
	reason := reasonOf(err)
	r.mu.Lock()
	defer r.mu.Unlock()
	if tried || !r.State().Down {
		r.link.Down(reason)
	}
	return egress.Down(reason)
}

// between is how often health is asked for the sake of targets that failed.
const between = 10 * time.Second

// ask finds out, when a target could not be reached, whether that was for want of a relay.
func (r *relay) ask(ctx context.Context, cause error) error {
	r.mu.Lock()
	due := time.Since(r.looked) > between
	if due {
		r.looked = time.Now()
	}
	r.mu.Unlock()
	if due {
		if err := r.healthy(ctx); err != nil && ctx.Err() == nil {
			return r.fails(err, false)
		}
	}
	return cause
}

func (r *relay) healthy(ctx context.Context) error {
	if r.health == nil {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errSilent)
	defer cancel()
	return r.health(ctx)
}

// reasonOf says in our own words what is wrong with a proxy.
func reasonOf(err error) string {
	var (
		f    fault
		cert *tls.CertificateVerificationError
		form tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &f):
		return string(f)
	case errors.As(err, &cert):
		return "its certificate is not valid"
	case errors.As(err, &form):
		return "does not speak TLS"
	}
	return egress.Reason(err)
}
