package delivery_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/dunnock-server/dunnock/federation/delivery"
	"github.com/dunnock-server/dunnock/federation/httpsig"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/pipenet"
	"github.com/dunnock-server/dunnock/storage"
)

// arrival is a request that an inbox got.
type arrival struct {
	inbox  string // "HOST/PATH"
	act    string // number of the act
	scheme httpsig.Scheme
	key    string // its fragment
	at     time.Time
	ctx    context.Context
}

func (a arrival) host() string { h, _, _ := strings.Cut(a.inbox, "/"); return h }

// far is the relay and the servers behind it.
type far struct {
	ln     *pipenet.Listener
	mu     sync.Mutex
	got    []arrival
	took   []arrival
	dials  map[string]int
	down   map[string]bool // hosts that cannot be connected to
	dial   func(host string)
	answer func(a arrival, h http.Header) int
}

func newFar(t testing.TB) *far {
	f := &far{dials: map[string]int{}, down: map[string]bool{}}
	f.ln = pipenet.Serve(t, &http.Server{Handler: f, ErrorLog: log.New(io.Discard, "", 0)})
	return f
}

// ServeHTTP notes what arrives, if its signature is good, and answers what the test says: 202 if nothing, no answer if 0.
func (f *far) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	a := arrival{inbox: r.Host + r.URL.Path, at: time.Now(), ctx: r.Context()}
	s, err2 := httpsig.Parse(r, body, httpsig.Options{Hosts: []string{r.Host}, Scheme: "http", Now: time.Now()})
	var doc struct{ ID string }
	if err = errors.Join(err, err2, json.Unmarshal(body, &doc)); err == nil {
		err = s.Verify(key.Public())
	}
	if err != nil {
		panic(err)
	}
	a.scheme, a.key = s.Scheme, s.KeyID[strings.LastIndexByte(s.KeyID, '#')+1:]
	a.act = doc.ID[strings.LastIndexByte(doc.ID, '/')+1:]
	f.mu.Lock()
	f.got = append(f.got, a)
	answer := f.answer
	f.mu.Unlock()
	status := http.StatusAccepted
	if answer != nil {
		status = answer(a, w.Header())
	}
	if status == http.StatusAccepted {
		f.mu.Lock()
		f.took = append(f.took, a)
		f.mu.Unlock()
	}
	if status == 0 {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(status)
}

func (f *far) Name() string { return "memory" }
func (f *far) Kind() string { return "memory" }
func (f *far) Close() error { return nil }

func (f *far) DialContext(ctx context.Context, _, address string) (net.Conn, error) {
	host, _, _ := net.SplitHostPort(address)
	f.mu.Lock()
	f.dials[host]++
	down := f.down[host]
	if f.dial != nil {
		f.dial(host)
	}
	f.mu.Unlock()
	if down {
		return nil, errors.New("down")
	}
	return f.ln.Dial(ctx)
}

// set changes what the servers do.
func (f *far) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *far) dialled(host string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dials[host]
}

// taken is which acts an inbox answered with 202, in order.
func (f *far) taken(inbox string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var acts []string
	for _, a := range f.took {
		if a.inbox == inbox {
			acts = append(acts, a.act)
		}
	}
	return acts
}

// arrivals is what came, as "INBOX ACT" in order; of one host only if it is named.
func (f *far) arrivals(host string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := []string{}
	for _, a := range f.got {
		if host == "" || a.host() == host {
			all = append(all, a.inbox+" "+a.act)
		}
	}
	return all
}

// lines counts what is logged.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

type header = http.Header

// status answers with the status of a host or an inbox, and 202 for others.
func status(of map[string]int) func(arrival, header) int {
	return func(a arrival, _ header) int {
		for _, name := range []string{a.inbox, a.host()} {
			if s, ok := of[name]; ok {
				return s
			}
		}
		return http.StatusAccepted
	}
}

// notify sets what is called for each delivery that is given up.
func notify(f func(storage.Delivery) error) func(*Config, *egress.Config) {
	return func(c *Config, _ *egress.Config) {
		c.GaveUp = func(_ context.Context, _ storage.Tx, _ *storage.Act, d storage.Delivery) error { return f(d) }
	}
}

type (
	egressConfig  = egress.Config
	egressRequest = http.Request
)

func parallel(n int) func(*Config, *egress.Config) {
	return func(c *Config, _ *egress.Config) { c.Parallel = n }
}
