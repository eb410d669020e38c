package egress

import (
	"context"
	"net"
	"sync"
	"sync/atomic"

	"github.com/dunnock-server/dunnock/hardening/hostname"
)

// Look makes bare connections by the relay called exit and by no other, so that a node can look at itself from outside: by the
// rules of requests, on circuits of their own, whose names are looked up as theirs are. To own, an onion service of the node's or
// empty, port 80 is permitted as well: there is no TLS. The caller closes them. begin is told of each before it is dialled, and can
// refuse it; what it returns is told once how many bytes left. Errors are those of Do, but for *Error.
func (c *Client) Look(exit, own string, begin func(ctx context.Context, address string) (end func(sent int64), err error)) Dial {
	return func(ctx context.Context, _, address string) (net.Conn, error) {
		if exit == "" {
			return nil, ErrNoRelay
		}
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, refuse("address form")
		}
		domain, err := hostname.Canonical(host, true)
		if err != nil {
			return nil, refuse("domain form")
		}
		key, relay, err := c.way(domain, Request{Purpose: Look, Exit: exit})
		if err != nil {
			return nil, err
		}
		end, err := begin(ctx, address)
		if err != nil {
			return nil, err
		}
		conn, err := c.look(ctx, key, relay, address, address == net.JoinHostPort(own, "80"))
		if err != nil {
			end(0)
			return nil, err
		}
		counted := &counted{Conn: conn}
		counted.end = sync.OnceFunc(func() { end(counted.sent.Load()) })
		return counted, nil
	}
}

func (c *Client) look(ctx context.Context, key Circuit, relay Relay, address string, ours bool) (net.Conn, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(c.ctx, func() { cancel(ErrClosed) })()
	if c.ctx.Err() != nil {
		return nil, ErrClosed
	}
	circuit := c.circuits.acquire(key, relay)
	defer c.circuits.release(circuit)
	if ours && relay.Kind() == kindTor && isOnion(key.Domain) {
		return relay.DialContext(ToRelay(context.WithValue(ctx, circuitContext{}, key)), "tcp", address)
	}
	return circuit.open(ctx, address)
}

// counted is a connection that knows how much left.
type counted struct {
	net.Conn
	sent atomic.Int64
	end  func()
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.sent.Add(int64(n))
	return n, err
}

func (c *counted) Close() error {
	err := c.Conn.Close()
	c.end()
	return err
}
