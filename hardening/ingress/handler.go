package ingress

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// retryAfter is told with a 429, in seconds.
const retryAfter = "10"

// guard is the handler around all handlers.
type guard struct {
	next      http.Handler
	log       *slog.Logger
	peers     *peers
	proxies   proxies
	limiter   *limiter
	probe     *Probe
	maxBody   int64
	bodyLimit func(*http.Request) int64
	strangers atomic.Bool // there was one
}

// strange notes that a visitor's address is not known, and says so once: the limits are then others.
func (g *guard) strange() {
	if g.strangers.CompareAndSwap(false, true) {
		g.log.Info("the addresses of visitors are not known: limits hold for all of them together")
	}
}

func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t := &tracked{ResponseWriter: w}
	defer g.recover(t)

	h := w.Header()
	// What a handler does not decide is decided the strict way. There is no Server header, and net/http adds Date alone.
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")

	g.probe.note(r.URL.Path)
	p := g.from(r)
	if p.crowd {
		g.strange()
	}
	if !g.limiter.allow(p) {
		h.Set("Retry-After", retryAfter)
		refuse(w, http.StatusTooManyRequests)
		return
	}
	limit := g.maxBody
	if g.bodyLimit != nil {
		if n := g.bodyLimit(r); n > 0 {
			limit = n
		}
	}
	if r.ContentLength > limit {
		h.Set("Connection", "close") // the body stays unread
		refuse(w, http.StatusRequestEntityTooLarge)
		return
	}
	r = r.WithContext(context.WithValue(r.Context(), peerContext{}, p))
	r.Body = arriving(r, http.MaxBytesReader(w, r.Body, limit)) // of the server's own writer: it then closes the connection
	r.RemoteAddr = ""
	r.Header = withoutForwarded(r.Header)
	g.next.ServeHTTP(t, r)
}

// from says whose limits a request counts for.
func (g *guard) from(r *http.Request) peer {
	if c, ok := r.Context().Value(connContext{}).(*admittedConn); ok && g.proxies.speaks(c.RemoteAddr()) {
		return g.proxies.behind(r.Header, g.peers.network)
	}
	return g.peers.of(r.RemoteAddr)
}

// connected says whose share of connections one counts for: a trusted proxy's for none, since it brings everybody.
func (g *guard) connected(from net.Addr) peer {
	if g.proxies.speaks(from) {
		return peer{exempt: true}
	}
	return g.peers.of(from.String())
}

// arriving has the connection of a request wait for its body until that is there as a whole.
func arriving(r *http.Request, from io.ReadCloser) io.ReadCloser {
	c, ok := r.Context().Value(connContext{}).(*admittedConn)
	if !ok || r.ContentLength == 0 {
		return from
	}
	c.wait(time.Now())
	return &body{from, sync.OnceFunc(func() { c.wait(time.Time{}) })}
}

type body struct {
	io.ReadCloser
	ended func()
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.ended()
	}
	return n, err
}

func refuse(w http.ResponseWriter, status int) { http.Error(w, http.StatusText(status), status) }

// withoutForwarded drops what a proxy says about the client, and what a client says about itself in a proxy's name.
func withoutForwarded(h http.Header) http.Header {
	for name := range h {
		if name == "Forwarded" || strings.HasPrefix(name, "X-Forwarded-") || strings.HasSuffix(name, "-Ip") {
			delete(h, name)
		}
	}
	return h
}

// recover answers a panic with 500, or by ending the connection where the answer has begun: a cut response must not pass for
// a whole one. The value is not logged, since it can hold what the client sent; its type and the place are.
func (g *guard) recover(t *tracked) {
	v := recover()
	if v == nil {
		return
	}
	if v != http.ErrAbortHandler {
		g.log.Error("handler panicked", "type", fmt.Sprintf("%T", v), "at", frames())
	}
	if t.wrote || v == http.ErrAbortHandler {
		panic(http.ErrAbortHandler) // net/http closes the connection and logs nothing
	}
	h := t.ResponseWriter.Header()
	clear(h)
	h.Set("Cache-Control", "no-store")
	refuse(t.ResponseWriter, http.StatusInternalServerError)
}

// frames names the functions and lines that led to a panic, innermost first.
func frames() []string {
	pcs := make([]uintptr, 24)
	fs := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	var names []string
	for {
		f, more := fs.Next()
		if !strings.HasPrefix(f.Function, "runtime.") && f.Function != "" {
			names = append(names, fmt.Sprintf("%s:%d", f.Function, f.Line))
		}
		if !more {
			return names
		}
	}
}

// tracked knows whether a response has begun. Use http.ResponseController for Flush, Hijack and deadlines.
type tracked struct {
	http.ResponseWriter
	wrote bool
}

func (t *tracked) Unwrap() http.ResponseWriter { return t.ResponseWriter }

func (t *tracked) WriteHeader(status int) {
	t.wrote = t.wrote || status >= 200
	t.ResponseWriter.WriteHeader(status)
}

func (t *tracked) Write(p []byte) (int, error) {
	t.wrote = true
	return t.ResponseWriter.Write(p)
}
