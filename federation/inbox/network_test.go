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

	"github.com/dunnock-server/dunnock/hardening/pipenet"
)

// network is the rest of the world, in memory: what the node dials as NAME:80 arrives at the handler of NAME. It is a
// relay, so that every request the node makes passes and is written down.
type network struct {
	listener *pipenet.Listener
	mu       sync.Mutex
	hosts    map[string]http.Handler
	requests []string // "METHOD http://host/path"
}

func newNetwork(t testing.TB) *network {
	n := &network{hosts: map[string]http.Handler{}}
	n.listener = pipenet.Serve(t, &http.Server{Handler: n, ErrorLog: log.New(io.Discard, "", 0)})
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
	return n.listener.Dial(ctx)
}
