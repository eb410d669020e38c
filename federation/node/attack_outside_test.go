package node_test

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/dunnock-server/dunnock/federation/vocab"
)

// obj is a document in the making.
type obj = map[string]any

// site is another server: documents by path and query, or by path, and the activities that its inboxes got. It tells of its
// people by WebFinger.
type site struct {
	s    *siege
	host string

	mu   sync.Mutex
	docs map[string]any // obj, or http.HandlerFunc
	got  []vocab.Object
}

// site puts a server on the network.
func (s *siege) site(host string) *site {
	p := &site{s: s, host: host, docs: map[string]any{}}
	p.serve("/.well-known/webfinger", p.webfinger)
	return p.on(s.net.Listen(host))
}

// on has a site answer on one more listener.
func (p *site) on(ln net.Listener) *site {
	server := &http.Server{Handler: p, ErrorLog: log.New(io.Discard, "", 0)}
	var running sync.WaitGroup
	running.Go(func() { server.Serve(ln) })
	p.s.Cleanup(func() {
		server.Close()
		running.Wait()
	})
	return p
}

func (p *site) url(path string) string { return "http://" + p.host + path }

// serve puts a document, or func(http.ResponseWriter, *http.Request), where its URL says.
func (p *site) serve(path string, doc any) {
	if f, ok := doc.(func(http.ResponseWriter, *http.Request)); ok {
		doc = http.HandlerFunc(f)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.docs[path] = doc
}

func (p *site) webfinger(w http.ResponseWriter, r *http.Request) {
	subject := r.URL.Query().Get("resource")
	user, _, _ := strings.Cut(strings.TrimPrefix(subject, "acct:"), "@")
	fmt.Fprintf(w, `{"subject":%q,"links":[{"rel":"self","type":"application/activity+json","href":%q}]}`, subject, p.url("/users/"+user))
}

func (p *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.s.mu.Lock()
	p.s.requests = append(p.s.requests, r.Method+" http://"+r.Host+r.URL.RequestURI())
	p.s.mu.Unlock()
	p.mu.Lock()
	doc := p.docs[r.URL.RequestURI()]
	if doc == nil {
		doc = p.docs[r.URL.Path]
	}
	p.mu.Unlock()
	switch doc := doc.(type) {
	case http.HandlerFunc:
		doc(w, r)
	case obj:
		w.Header().Set("Content-Type", vocab.ContentType)
		w.Write(encode(p.s, doc))
	default:
		if r.Method != http.MethodPost {
			http.NotFound(w, r)
			return
		}
		body, _ := io.ReadAll(r.Body)
		activity, err := vocab.Parse(body)
		if err != nil {
			p.s.Errorf("%s was sent no document: %v", p.host, err)
		}
		p.mu.Lock()
		p.got = append(p.got, activity)
		p.mu.Unlock()
		w.WriteHeader(http.StatusAccepted)
	}
}

// received are the activities that came since it was asked last.
func (p *site) received() []vocab.Object {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer func() { p.got = nil }()
	return p.got
}

// redirect sends whoever comes elsewhere.
func redirect(status int, target string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", target)
		w.WriteHeader(status)
	}
}
