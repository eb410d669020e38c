package resolve

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"database/sql"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/federation/wire"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/exposure"
	"github.com/dunnock-server/dunnock/hardening/sanitize"
	"github.com/dunnock-server/dunnock/storage"
)

// own is the host of the node under test.
const own = "d.example"

// rsaKey is one RSA key for all tests, since making one takes a while.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// world is a resolver with everything real around it: storage on disk, gate and egress. Only the wire is in memory.
type world struct {
	*Resolver
	t    testing.TB
	net  *network
	path string
	log  *bytes.Buffer // Info and above
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, net: newNetwork(t), path: filepath.Join(t.TempDir(), "dunnock.db"), log: new(bytes.Buffer)}
	db, err := storage.Open(t.Context(), storage.Config{Path: w.path})
	if err != nil {
		t.Fatal(err)
	}
	client, err := egress.New(egress.Config{Relays: []egress.Relay{w.net}, Rules: egress.Rules{HTTP: true}})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(w.log, nil))
	ids := wire.IDs{Scheme: "http", Host: own, Domain: own, Username: "owner"}
	gate := hardening.New(hardening.Config{Policy: hardening.Open(), Egress: client, Ledger: exposure.New(db), Log: log})
	w.Resolver = New(Config{DB: db, Gate: gate, IDs: ids, Reader: wire.Reader{Sanitizer: sanitize.New(), IDs: ids, HTTP: true},
		Keys: NewKeyring(db), Log: log})
	t.Cleanup(func() {
		client.Close()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	w.write(func(ctx context.Context, tx storage.Tx) error {
		return tx.InsertKey(ctx, ownKey(t, ids.Server(), "main-key", rsaKey()))
	})
	return w
}

func ownKey(t testing.TB, actor, name string, private crypto.Signer) *storage.Key {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return &storage.Key{ID: actor + "#" + name, Actor: actor, Algorithm: storage.RSA, Private: der, CreatedAt: storage.Now()}
}

func (w *world) write(fn func(context.Context, storage.Tx) error) {
	w.t.Helper()
	if err := w.db.Write(w.t.Context(), fn); err != nil {
		w.t.Fatal(err)
	}
}

// state is everything that is stored, a line for each row, but for the ledger and what is known of servers.
func (w *world) state() (lines []string) {
	w.t.Helper()
	db, err := sql.Open("sqlite3", "file:"+url.PathEscape(w.path)+"?mode=ro")
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	for _, table := range []string{"actors", "actor_keys", "posts", "polls", "keys", "follows", "reactions", "timeline", "notifications", "settings"} {
		rows, err := db.Query("SELECT * FROM " + table)
		if err != nil {
			w.t.Fatal(err)
		}
		names, _ := rows.Columns()
		for rows.Next() {
			values := make([]any, len(names))
			for i := range values {
				values[i] = new(any)
			}
			if err := rows.Scan(values...); err != nil {
				w.t.Fatal(err)
			}
			line := table
			for i, v := range values {
				line += fmt.Sprintf(" %s=%v", names[i], *v.(*any))
			}
			lines = append(lines, line)
		}
		if err := rows.Close(); err != nil {
			w.t.Fatal(err)
		}
	}
	slices.Sort(lines)
	return lines
}

// unchanged runs f and reports what it changed in storage.
func (w *world) unchanged(f func()) {
	w.t.Helper()
	before := w.state()
	f()
	after := w.state()
	for _, line := range before {
		if !slices.Contains(after, line) {
			w.t.Errorf("gone: %s", line)
		}
	}
	for _, line := range after {
		if !slices.Contains(before, line) {
			w.t.Errorf("new:  %s", line)
		}
	}
}

// quiet expects that an error could be logged: it holds nothing that a stranger wrote.
func (w *world) quiet(err error) {
	w.t.Helper()
	if err != nil && (strings.Contains(err.Error(), "example") || strings.Contains(err.Error(), "http:")) {
		w.t.Errorf("an error tells: %v", err)
	}
}

// obj is a document in the making.
type obj = map[string]any

// doc answers with a document.
func doc(o obj) http.HandlerFunc {
	text, err := vocab.Object(o).Marshal()
	if err != nil {
		panic(err)
	}
	return page(vocab.ContentType, string(text))
}

// merge sets fields of a document; nil removes one.
func merge(o obj, fields ...obj) obj {
	for _, f := range fields {
		for key, value := range f {
			if o[key] = value; value == nil {
				delete(o, key)
			}
		}
	}
	return o
}
