package egress

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	maxHead       = 32 << 10 // bytes of status line and headers, interim responses included
	bufferedBytes = 4 << 10  // of each connection, each way
)

// conn is one connection to one origin.
type conn struct {
	http   *http.ClientConn
	wire   *wire
	origin string // scheme://host:port
	expiry *time.Timer
}

// close closes the transport below first, so that TLS's farewell cannot hold us, nor leave after the deadline.
func (k *conn) close() {
	if k.expiry != nil {
		k.expiry.Stop()
	}
	k.wire.Close()
	k.http.Close()
}

// wire counts the bytes that pass through a relay.
type wire struct {
	net.Conn
	sent, received atomic.Int64
}

// Write counts before it writes: while the count is what it was, nothing is on its way.
func (w *wire) Write(p []byte) (int, error) {
	w.sent.Add(int64(len(p)))
	n, err := w.Conn.Write(p)
	w.sent.Add(int64(n - len(p)))
	return n, err
}

func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	w.received.Add(int64(n))
	return n, err
}

// dial makes a connection through the relay. A *wire is returned with an error too, once there was one: its bytes count.
func (c *circuit) dial(ctx context.Context, scheme, address string) (*conn, *wire, Stage, error) {
	var w *wire
	t := &http.Transport{
		// Proxy stays nil: the environment has no say.
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			nc, err := c.open(ctx, address)
			if err != nil {
				return nil, err
			}
			w = &wire{Conn: nc}
			return w, nil
		},
		TLSClientConfig:        c.tls,
		Protocols:              new(http.Protocols),
		DisableCompression:     true, // done in body.go
		MaxResponseHeaderBytes: maxHead,
		ReadBufferSize:         bufferedBytes,
		WriteBufferSize:        bufferedBytes,
	}
	t.Protocols.SetHTTP1(true)
	cc, err := t.NewClientConn(ctx, scheme, address)
	switch {
	case err == nil:
		return &conn{http: cc, wire: w, origin: scheme + "://" + address}, w, "", nil
	case w == nil:
		return nil, nil, StageDial, err
	}
	w.Close()
	return nil, w, StageTLS, err
}

// open asks the relay for a connection to address ("host:port"), if the rules let its kind have it.
func (c *circuit) open(ctx context.Context, address string) (net.Conn, error) {
	if err := c.rules.dialTarget(c.relay.Kind(), address); err != nil {
		return nil, err
	}
	ctx = context.WithValue(ctx, circuitContext{}, c.Circuit)
	ctx = context.WithValue(ctx, lookupContext{}, c)
	return c.relay.DialContext(ctx, "tcp", address)
}
