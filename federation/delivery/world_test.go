package delivery_test

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	. "github.com/dunnock-server/dunnock/federation/delivery"
	"github.com/dunnock-server/dunnock/federation/httpsig"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/exposure"
	"github.com/dunnock-server/dunnock/storage"
)

const owner = "https://own.example/users/alice"

// world is a queue with real storage, a real gate and real HTTP. Only the wire is in memory, so that time in a
// testing/synctest bubble passes when nothing happens.
type world struct {
	*Queue
	t    testing.TB
	path string
	db   *storage.DB
	far  *far
	log  *lines
	acts int
}

func newWorld(t testing.TB, change ...func(*Config, *egress.Config)) *world {
	t.Helper()
	w := &world{t: t, path: filepath.Join(t.TempDir(), "dunnock.db"), far: newFar(t), log: &lines{}}
	var err error
	if w.db, err = storage.Open(t.Context(), storage.Config{Path: w.path}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.db.Close() })
	w.Queue = w.queue(change...)
	return w
}

// queue makes a queue over the same database, as after a restart.
func (w *world) queue(change ...func(*Config, *egress.Config)) *Queue {
	w.t.Helper()
	e := egress.Config{Relays: []egress.Relay{w.far}, Rules: egress.Rules{HTTP: true}, MaxCircuits: 2048}
	c := Config{DB: w.db, Sign: sign, Log: slog.New(slog.NewTextHandler(w.log, nil))}
	policy := hardening.Open()
	policy.Signed.Acts = []string{"Create", "Accept", "Update", "Delete"} // a Like is withheld
	for _, f := range change {
		f(&c, &e)
	}
	client, err := egress.New(e)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { client.Close() })
	c.Gate = hardening.New(hardening.Config{Policy: policy, Egress: client, Ledger: exposure.New(w.db)})
	return New(c)
}

var key = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))

func sign(_ context.Context, actor string, scheme httpsig.Scheme) (hardening.Signer, error) {
	return func(req *http.Request, body []byte) error {
		return httpsig.Sign(req, body, httpsig.Key{ID: actor + "#main-key", Private: key}, scheme, time.Now())
	}, nil
}

func (w *world) write(fn func(context.Context, storage.Tx) error) {
	w.t.Helper()
	if err := w.db.Write(context.Background(), fn); err != nil {
		w.t.Fatal(err)
	}
}

// act makes the next act, which is released after d.
func (w *world) act(kind string, d time.Duration) *storage.Act {
	w.acts++
	id := fmt.Sprintf("https://own.example/activities/%d", w.acts)
	object := any("https://remote.example/posts/1")
	if kind == "Create" {
		object = map[string]any{"id": id + "/object", "type": "Note", "content": "hello", "attributedTo": owner,
			"published": "2026-01-01T00:00:00Z", "to": []string{owner + "/followers"}}
	}
	doc, err := json.Marshal(map[string]any{"id": id, "type": kind, "actor": owner, "object": object, "to": []string{owner + "/followers"}})
	if err != nil {
		w.t.Fatal(err)
	}
	return &storage.Act{URI: id, Type: kind, Actor: owner, Object: id + "/object", Document: string(doc),
		CreatedAt: storage.Now(), ReleaseAt: storage.At(time.Now().Add(d))}
}

// post queues a Create that may leave at once.
func (w *world) post(inboxes ...string) *storage.Act {
	w.t.Helper()
	a := w.act("Create", 0)
	w.enqueue(a, inboxes...)
	return a
}

func (w *world) enqueue(a *storage.Act, inboxes ...string) {
	w.t.Helper()
	w.write(func(ctx context.Context, tx storage.Tx) error { return w.Enqueue(ctx, tx, a, inboxes) })
}

// batch is ProcessBatch, and expects the number of attempts.
func (w *world) batch(attempts int) {
	w.t.Helper()
	if n, err := w.ProcessBatch(w.t.Context()); n != attempts || err != nil {
		w.t.Errorf("%d attempts, want %d; %v", n, attempts, err)
	}
}

// run runs the queue until stop is called.
func (w *world) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	q := w.Queue
	go func() { done <- q.Run(ctx) }()
	return func() {
		w.t.Helper()
		cancel()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
	}
}

// runFor runs the queue for a while, in a bubble.
func (w *world) runFor(d time.Duration) {
	w.t.Helper()
	stop := w.run()
	time.Sleep(d)
	stop()
}

func (w *world) deliveries() []storage.Delivery {
	w.t.Helper()
	rows, err := w.db.Deliveries(context.Background(), 100_000)
	if err != nil {
		w.t.Fatal(err)
	}
	return rows
}

func (w *world) host(name string) storage.Host {
	w.t.Helper()
	h, err := w.db.Host(context.Background(), name)
	if err != nil {
		w.t.Fatal(err)
	}
	return *h
}

// told is where an act is known, or may be.
func (w *world) told(a *storage.Act) string {
	w.t.Helper()
	inboxes, err := w.db.ToldOf(context.Background(), a.URI)
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.Join(inboxes, " ")
}

// exec changes the database behind the back of storage.
func (w *world) exec(statement string) {
	w.t.Helper()
	db, err := sql.Open("sqlite3", "file:"+w.path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(context.Background(), statement); err != nil {
		w.t.Fatal(err)
	}
}
