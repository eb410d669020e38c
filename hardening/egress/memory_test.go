package egress

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
)

func init() { log.SetOutput(io.Discard) } // see the package comment

// memory is a relay that connects to handlers in this process. Each dial is one net.Pipe.
type memory struct {
	name, kind string
	serve      func(net.Conn)
	dials      atomic.Int64

	mu       sync.Mutex
	targets  []string
	circuits []Circuit
}

func (m *memory) Name() string { return m.name }
func (m *memory) Kind() string { return m.kind }
func (m *memory) Close() error { return nil }

func (m *memory) DialContext(ctx context.Context, _, address string) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.dials.Add(1)
	c, _ := CircuitOf(ctx)
	m.mu.Lock()
	m.targets, m.circuits = append(m.targets, address), append(m.circuits, c)
	m.mu.Unlock()
	near, far := net.Pipe()
	go m.serve(far)
	return near, nil
}

// handler serves h over real HTTP on each connection.
func handler(t *testing.T, h http.HandlerFunc) *memory {
	t.Helper()
	ln := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
	s := &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)}
	go s.Serve(ln)
	t.Cleanup(func() { s.Close() })
	return &memory{name: "memory", kind: "memory", serve: func(c net.Conn) {
		select {
		case ln.conns <- c:
		case <-ln.done:
			c.Close()
		}
	}}
}

type pipeListener struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// client is one over plain HTTP through relays.
func client(t *testing.T, c Config) *Client {
	t.Helper()
	c.Rules.HTTP = true
	client, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

func get(t *testing.T, raw string) Request {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return Request{Method: http.MethodGet, URL: u, Purpose: Lookup}
}
