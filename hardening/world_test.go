package hardening_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/federation/httpsig"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/exposure"
	"github.com/dunnock-server/dunnock/hardening/pipenet"
	"github.com/dunnock-server/dunnock/storage"
)

// world is a gate with real storage and a real egress client. Only the wire is in memory: every host but "down.example"
// is answered by one handler.
type world struct {
	*hardening.Gate
	t      *testing.T
	path   string
	db     *storage.DB
	ledger *exposure.Ledger
	far    *far
}

func newWorld(t *testing.T, policy hardening.Policy, answer http.HandlerFunc) *world {
	t.Helper()
	w := newWorldThrough(t, policy, nil)
	client, err := egress.New(egress.Config{Relays: []egress.Relay{w.far.serve(t, answer)}, Rules: egress.Rules{HTTP: true}})
	if err != nil {
		t.Fatal(err)
	}
	w.use(policy, client)
	return w
}

// newWorldThrough is one whose relays are given.
func newWorldThrough(t *testing.T, policy hardening.Policy, relays []egress.Relay) *world {
	t.Helper()
	path := filepath.Join(t.TempDir(), "dunnock.db")
	db, err := storage.Open(t.Context(), storage.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	w := &world{t: t, path: path, db: db, ledger: exposure.New(db), far: &far{}}
	client, err := egress.New(egress.Config{Relays: relays, Rules: egress.Rules{HTTP: true}})
	if err != nil {
		t.Fatal(err)
	}
	w.use(policy, client)
	return w
}

func (w *world) use(policy hardening.Policy, client *egress.Client) {
	w.t.Cleanup(func() { client.Close() })
	w.Gate = hardening.New(hardening.Config{Policy: policy, Egress: client, Ledger: w.ledger})
}

// rows is what the ledger says about a domain, newest first.
func (w *world) rows(domain string) []exposure.Row {
	w.t.Helper()
	rows, err := w.ledger.Domain(context.Background(), domain, time.Unix(0, 0), 100)
	if err != nil {
		w.t.Error(err)
	}
	return rows
}

// silent fails unless nothing was dialled and, of the domains, nothing written down.
func (w *world) silent(domains ...string) {
	w.t.Helper()
	if dialled := w.far.dialled(); len(dialled) > 0 {
		w.t.Errorf("dialled %v", dialled)
	}
	for _, d := range domains {
		if rows := w.rows(d); len(rows) > 0 {
			w.t.Errorf("the ledger says of %q: %+v", d, rows)
		}
	}
}

// far is the relay, and what is behind it.
type far struct {
	ln    *pipenet.Listener
	mu    sync.Mutex
	dials []string
}

func (f *far) serve(t *testing.T, h http.Handler) *far {
	f.ln = pipenet.Serve(t, &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)})
	return f
}

func (f *far) Name() string { return "memory" }
func (f *far) Kind() string { return "memory" }
func (f *far) Close() error { return nil }

func (f *far) DialContext(ctx context.Context, _, address string) (net.Conn, error) {
	f.mu.Lock()
	f.dials = append(f.dials, address)
	f.mu.Unlock()
	if address == "down.example:80" {
		return nil, errors.New("down")
	}
	return f.ln.Dial(ctx)
}

func (f *far) dialled() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.dials...)
}

var private = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func sign(scheme httpsig.Scheme) hardening.Signer {
	return func(req *http.Request, body []byte) error {
		key := httpsig.Key{ID: "https://own.example/users/alice#main-key", Private: private()}
		return httpsig.Sign(req, body, key, scheme, time.Now())
	}
}

// verify checks at the far end that the request was signed as it arrived.
func verify(r *http.Request, body []byte) error {
	s, err := httpsig.Parse(r, body, httpsig.Options{Hosts: []string{r.Host}, Scheme: "http", Now: time.Now()})
	if err != nil {
		return err
	}
	return s.Verify(private().Public())
}

// note is a post, with a field that nobody knows.
func note() map[string]any {
	return map[string]any{"id": "https://own.example/posts/1", "type": "Note", "content": "hello <b>&</b>",
		"attributedTo": "https://own.example/users/alice", "published": "2026-01-02T03:00:00Z", "sensitive": true,
		"contentMap": map[string]any{"en": "CANARY-hidden"}, "to": []any{"https://www.w3.org/ns/activitystreams#Public"}, "secret": "CANARY-unknown",
		"bto": []any{"https://CANARY.example/bto"}}
}

func create() map[string]any {
	return map[string]any{"@context": "https://www.w3.org/ns/activitystreams", "id": "https://own.example/activities/1",
		"type": "Create", "actor": "https://own.example/users/alice", "object": note(),
		"to": []any{"https://www.w3.org/ns/activitystreams#Public"}, "bcc": []any{"https://CANARY.example/bcc"}}
}

// delivery is a Create for an inbox that may be told now.
func delivery(inbox string) hardening.Delivery {
	return hardening.Delivery{Document: create(), Object: "https://own.example/posts/1", Release: time.Now().Add(-time.Minute),
		Inbox: inbox, Sign: sign(httpsig.Cavage)}
}

const inbox = "http://r.example/inbox"

func ok(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }
