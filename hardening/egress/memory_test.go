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

	"github.com/dunnock-server/dunnock/hardening/pipenet"
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
	ln := pipenet.Serve(t, &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)})
	return &memory{name: "memory", kind: "memory", serve: func(c net.Conn) {
		if ln.Hand(context.Background(), c) != nil {
			c.Close()
		}
	}}
}

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
