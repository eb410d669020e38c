package retention_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/delivery"
	"github.com/dunnock-server/dunnock/federation/inbox"
	"github.com/dunnock-server/dunnock/federation/resolve"
	"github.com/dunnock-server/dunnock/federation/retention"
	"github.com/dunnock-server/dunnock/federation/wire"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/exposure"
	"github.com/dunnock-server/dunnock/hardening/pipenet"
	"github.com/dunnock-server/dunnock/hardening/sanitize"
	"github.com/dunnock-server/dunnock/hardening/timing"
	"github.com/dunnock-server/dunnock/storage"
)

// world is a node without its HTTP side: what came in is put where the inbox puts what it has authenticated.
type world struct {
	*testing.T
	path    string
	db      *storage.DB
	ledger  *exposure.Ledger
	in      *inbox.Inbox
	queue   *delivery.Queue
	service *federation.Service
	keeper  *retention.Keeper
	owner   string
	others  relay
	nth     int                                   // of what was sent, for ids
	grew    func(table string, before, after int) // what to say of a table that grows
}

func newWorld(t *testing.T, keep retention.Keep) *world {
	w := &world{T: t, path: filepath.Join(t.TempDir(), "dunnock.db")}
	w.grew = func(table string, before, after int) { t.Errorf("%s grew from %d to %d", table, before, after) }
	ids := wire.IDs{Scheme: "http", Host: "home.example", Domain: "home.example", Username: "alice"}
	w.owner = ids.Owner()
	w.others.ln = pipenet.Serve(t, &http.Server{Handler: &w.others, ErrorLog: log.New(io.Discard, "", 0)})
	var err error
	if w.db, err = storage.Open(t.Context(), storage.Config{Path: w.path}); err != nil {
		t.Fatal(err)
	}
	if err := federation.Init(t.Context(), w.db, ids); err != nil {
		t.Fatal(err)
	}
	w.write(func(ctx context.Context, tx storage.Tx) error { return tx.SetSetting(ctx, "identity", w.owner) })
	client, err := egress.New(egress.Config{Relays: []egress.Relay{&w.others}, Rules: egress.Rules{HTTP: true}})
	if err != nil {
		t.Fatal(err)
	}
	w.ledger = exposure.New(w.db)
	gate := hardening.New(hardening.Config{Policy: hardening.Open(), Egress: client, Ledger: w.ledger})
	reader := wire.Reader{Sanitizer: sanitize.New(), IDs: ids, HTTP: true}
	keys := resolve.NewKeyring(w.db)
	resolver := resolve.New(resolve.Config{DB: w.db, Gate: gate, IDs: ids, Reader: reader, Keys: keys})
	w.queue = delivery.New(delivery.Config{DB: w.db, Gate: gate, Sign: keys.Signer, GaveUp: federation.NotifyGivenUp})
	w.in = inbox.New(inbox.Config{DB: w.db, Resolver: resolver, Queue: w.queue, IDs: ids, Reader: reader})
	w.service = federation.New(federation.Config{DB: w.db, Resolver: resolver, Queue: w.queue, Keys: keys, IDs: ids, Timing: timing.Mode{Kind: timing.Now}})
	w.keeper = retention.New(retention.Config{DB: w.db, Ledger: w.ledger, Owner: w.owner, Keep: keep})
	t.Cleanup(func() {
		resolver.Close()
		if err := errors.Join(client.Close(), w.db.Close()); err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *world) write(fn func(context.Context, storage.Tx) error) {
	w.Helper()
	if err := w.db.Write(w.Context(), fn); err != nil {
		w.Fatal(err)
	}
}

// join makes somebody known, as if they had been fetched just now.
func (w *world) join(host, name string) string {
	uri := "http://" + host + "/users/" + name
	w.write(func(ctx context.Context, tx storage.Tx) error {
		return tx.PutActor(ctx, &storage.Actor{URI: uri, Host: host, Type: "Person", Username: name, Handle: name + "@" + host,
			Inbox: uri + "/inbox", Followers: uri + "/followers", Featured: uri + "/featured", FetchedAt: storage.Now()},
			[]storage.ActorKey{{ID: uri + "#main-key", Actor: uri, Public: []byte("key"), FetchedAt: storage.Now()}})
	})
	return uri
}

// send is an activity of somebody's coming in. It returns its id.
func (w *world) send(actor, kind string, object any, more ...any) string {
	w.nth++
	id := fmt.Sprint(actor, "/activities/", w.nth)
	doc := map[string]any{"@context": "https://www.w3.org/ns/activitystreams", "id": id, "type": kind, "actor": actor, "object": object}
	for i := 0; i < len(more); i += 2 {
		doc[more[i].(string)] = more[i+1]
	}
	body, err := json.Marshal(doc)
	if err != nil {
		w.Fatal(err)
	}
	now := storage.Now()
	w.write(func(ctx context.Context, tx storage.Tx) error {
		_, err := tx.Accept(ctx, &storage.Inbound{Actor: actor, Activity: id, Body: body, SignedAt: now, ReceivedAt: now, DueAt: now})
		return err
	})
	return id
}

// note sends a post, to everybody unless more says otherwise, and returns its URI.
func (w *world) note(actor string, more ...any) string {
	w.nth++
	uri := fmt.Sprint(actor, "/notes/", w.nth)
	doc := map[string]any{"id": uri, "type": "Note", "attributedTo": actor, "content": "<p>" + strings.Repeat("Hello. ", 30) + "</p>",
		"to": []string{"https://www.w3.org/ns/activitystreams#Public"}, "url": uri + ".html"}
	for i := 0; i < len(more); i += 2 {
		doc[more[i].(string)] = more[i+1]
	}
	w.send(actor, "Create", doc)
	return uri
}

// settle lets everything that is due take effect and leave.
func (w *world) settle() {
	w.Helper()
	for _, batch := range []func(context.Context) (int, error){w.in.ProcessBatch, w.queue.ProcessBatch} {
		for n := 1; n > 0; {
			var err error
			if n, err = batch(w.Context()); err != nil {
				w.Fatal(err)
			}
		}
	}
}

// forget lets the keeper do all that there is to do.
func (w *world) forget() {
	w.Helper()
	for n := 1; n > 0; {
		var err error
		if n, err = w.keeper.ProcessBatch(w.Context()); err != nil {
			w.Fatal(err)
		}
	}
}

// counts are the rows of every table, and the pages of the file.
func (w *world) counts() map[string]int {
	w.Helper()
	db, err := sql.Open("sqlite3", "file:"+w.path+"?mode=ro")
	if err != nil {
		w.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
	if err != nil {
		w.Fatal(err)
	}
	counted := map[string]int{"(pages)": 0}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			w.Fatal(err)
		}
		counted[name] = 0
	}
	for name := range counted {
		query := "SELECT count(*) FROM " + name
		if name == "(pages)" {
			query = "PRAGMA page_count"
		}
		n := 0
		if err := errors.Join(rows.Err(), db.QueryRow(query).Scan(&n)); err != nil {
			w.Fatal(err)
		}
		counted[name] = n
	}
	return counted
}

// has says whether a post is there.
func (w *world) has(uri string) bool {
	_, err := w.db.Post(w.Context(), uri)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		w.Fatal(err)
	}
	return err == nil
}

// relay is the way to everybody else, who take whatever is sent, but for the servers called dead.
type relay struct {
	ln          *pipenet.Listener
	gets, posts atomic.Int64
}

func (*relay) Name() string { return "memory" }
func (*relay) Kind() string { return "memory" }
func (*relay) Close() error { return nil }

func (r *relay) DialContext(ctx context.Context, _, address string) (net.Conn, error) {
	if strings.HasPrefix(address, "dead") {
		return nil, &net.OpError{Op: "dial", Err: errors.New("no route to host")}
	}
	return r.ln.Dial(ctx)
}

func (r *relay) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	if request.Method == http.MethodGet {
		r.gets.Add(1)
	} else {
		r.posts.Add(1)
	}
	w.WriteHeader(http.StatusAccepted)
}

// days passes time.
func days(n float64) { time.Sleep(time.Duration(n * 24 * float64(time.Hour))) }
