package resolve

import (
	"context"
	"errors"
	"fmt"
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

func init() { log.SetOutput(io.Discard) } // net/http's, of what hostile servers send

// network is a relay to servers in this process. Each connection is a net.Pipe with real HTTP on it, so that the network
// works in a synctest bubble.
type network struct {
	t     testing.TB
	mu    sync.Mutex
	sites map[string]*site
	asked []string // every request, as "host path?query"
}

func newNetwork(t testing.TB) *network {
	return &network{t: t, sites: map[string]*site{}}
}

func (*network) Name() string { return "memory" }
func (*network) Kind() string { return "memory" }
func (*network) Close() error { return nil }

func (n *network) DialContext(ctx context.Context, _, address string) (net.Conn, error) {
	name := strings.TrimSuffix(address, ":80")
	n.mu.Lock()
	s := n.sites[name]
	gone := s == nil || s.down
	n.mu.Unlock()
	if gone {
		return nil, errors.New("no such host")
	}
	return s.ln.Dial(ctx)
}

// requests takes what was asked since the last call.
func (n *network) requests() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	asked := n.asked
	n.asked = nil
	return asked
}

// site is a server: an answer for each path. One that is not there is 404.
type site struct {
	host string
	ln   *pipenet.Listener
	down bool

	network *network
	mu      sync.Mutex
	pages   map[string]http.HandlerFunc
	handles map[string]string // what WebFinger says: user to actor
}

// site puts a server on the network.
func (n *network) site(host string) *site {
	s := &site{host: host, network: n, pages: map[string]http.HandlerFunc{}, handles: map[string]string{}}
	s.ln = pipenet.Serve(n.t, &http.Server{Handler: s, ErrorLog: log.New(io.Discard, "", 0)})
	s.serve("/.well-known/webfinger", s.webfinger)
	n.mu.Lock()
	n.sites[host] = s
	n.mu.Unlock()
	return s
}

func (s *site) url(path string) string { return "http://" + s.host + path }

// serve gives a path, with its query if it has one, an answer.
func (s *site) serve(path string, h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pages[path] = h
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.network.mu.Lock()
	s.network.asked = append(s.network.asked, s.host+" "+r.URL.RequestURI())
	s.network.mu.Unlock()
	s.mu.Lock()
	h := s.pages[r.URL.RequestURI()]
	if h == nil {
		h = s.pages[r.URL.Path]
	}
	s.mu.Unlock()
	if h == nil {
		h = http.NotFound
	}
	h(w, r)
}

// webfinger answers for the users of a site.
func (s *site) webfinger(w http.ResponseWriter, r *http.Request) {
	account := strings.TrimPrefix(r.URL.Query().Get("resource"), "acct:")
	user, _, _ := strings.Cut(account, "@")
	s.mu.Lock()
	actor := s.handles[user]
	s.mu.Unlock()
	if actor == "" {
		http.NotFound(w, r)
		return
	}
	named("acct:"+account, actor)(w, r)
}

// named is WebFinger's answer for one actor.
func named(subject, actor string) http.HandlerFunc {
	return page("application/jrd+json",
		fmt.Sprintf(`{"subject":%q,"links":[{"rel":"self","type":"application/activity+json","href":%q}]}`, subject, actor))
}

func page(contentType, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		io.WriteString(w, text)
	}
}

func code(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
}

func moved(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", to)
		w.WriteHeader(http.StatusFound)
	}
}

// stuck never answers.
func stuck(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// counted compares the requests that were made with those that should have been, in any order.
func (n *network) counted(t testing.TB, want ...string) {
	t.Helper()
	got := n.requests()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("requests:\n got %q\nwant %q", got, want)
	}
}

// down takes a server off the network, or puts it back.
func (n *network) down(host string, down bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sites[host].down = down
}
