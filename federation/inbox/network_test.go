package inbox

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// network is the rest of the world, in memory: what the node dials as NAME:80 arrives at the handler of NAME. It is a
// relay, so that every request the node makes passes and is written down.
type network struct {
	listener *pipes
	mu       sync.Mutex
	hosts    map[string]http.Handler
	requests []string // "METHOD http://host/path"
}

func newNetwork(t testing.TB) *network {
	n := &network{listener: &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}, hosts: map[string]http.Handler{}}
	server := &http.Server{Handler: n, ErrorLog: log.New(io.Discard, "", 0)}
	var served sync.WaitGroup
	served.Go(func() { server.Serve(n.listener) })
	t.Cleanup(func() {
		server.Close()
		served.Wait()
	})
	return n
}

func (n *network) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	n.requests = append(n.requests, r.Method+" http://"+r.Host+r.URL.RequestURI())
	h := n.hosts[r.Host]
	n.mu.Unlock()
	if h == nil { // it was taken off while somebody was connected
		panic(http.ErrAbortHandler)
	}
	h.ServeHTTP(w, r)
}

// put a host on the network; a nil handler takes it off.
func (n *network) put(host string, h http.Handler) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hosts[host] = h
}

// during returns the requests that are made while f runs.
func (n *network) during(f func()) []string {
	n.mu.Lock()
	before := len(n.requests)
	n.mu.Unlock()
	f()
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.requests[before:])
}

func (n *network) Name() string { return "memory" }
func (n *network) Kind() string { return "memory" }
func (n *network) Close() error { return nil }

func (n *network) DialContext(ctx context.Context, _, address string) (net.Conn, error) {
	n.mu.Lock()
	h := n.hosts[strings.TrimSuffix(address, ":80")]
	n.mu.Unlock()
	if h == nil {
		return nil, errors.New("no such host")
	}
	near, far := net.Pipe()
	select {
	case n.listener.conns <- far:
		return near, nil
	case <-n.listener.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// pipes is a listener whose connections are made in memory.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipes) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "unix"} }
