package inbox

import (
	"bufio"
	"bytes"
	"context"
	"crypto/x509"
	"database/sql"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dunnock-server/dunnock/federation/delivery"
	"github.com/dunnock-server/dunnock/federation/httpsig"
	"github.com/dunnock-server/dunnock/federation/resolve"
	"github.com/dunnock-server/dunnock/federation/wire"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/exposure"
	"github.com/dunnock-server/dunnock/hardening/ingress"
	"github.com/dunnock-server/dunnock/hardening/pipenet"
	"github.com/dunnock-server/dunnock/hardening/sanitize"
	"github.com/dunnock-server/dunnock/storage"
)

// home is the host of the node under test.
const home = "dunnock.example"

// node is an inbox with everything real around it: storage on disk, gate, resolver, queue. The wire is in memory.
type node struct {
	t        testing.TB
	net      *network
	db       *storage.DB
	path     string
	ids      wire.IDs
	in       *Inbox
	door     *pipenet.Listener // where it listens
	queue    *delivery.Queue
	resolver *resolve.Resolver
	log      *bytes.Buffer // Info and above; read it when nothing runs
}

func newNode(t testing.TB) *node {
	t.Helper()
	n := &node{t: t, net: newNetwork(t), path: filepath.Join(t.TempDir(), "dunnock.db"), log: new(bytes.Buffer),
		ids: wire.IDs{Scheme: "http", Host: home, Domain: home, Username: "alice"}}
	var err error
	if n.db, err = storage.Open(t.Context(), storage.Config{Path: n.path}); err != nil {
		t.Fatal(err)
	}
	client, err := egress.New(egress.Config{Relays: []egress.Relay{n.net}, Rules: egress.Rules{HTTP: true}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		n.resolver.Close()
		if err := n.db.Close(); err != nil {
			t.Error(err)
		}
	})
	der, err := x509.MarshalPKCS8PrivateKey(rsaKey())
	if err != nil {
		t.Fatal(err)
	}
	n.write(func(ctx context.Context, tx storage.Tx) error {
		for _, a := range []string{n.ids.Owner(), n.ids.Server()} {
			k := &storage.Key{ID: n.ids.Key(a, "main-key"), Actor: a, Algorithm: storage.RSA, Private: der, CreatedAt: storage.Now()}
			if err := tx.InsertKey(ctx, k); err != nil {
				return err
			}
		}
		return tx.SetProfile(ctx, &storage.Profile{Name: "Alice"})
	})
	log := slog.New(slog.NewTextHandler(n.log, nil))
	reader := wire.Reader{Sanitizer: sanitize.New(), IDs: n.ids, HTTP: true}
	keys := resolve.NewKeyring(n.db)
	gate := hardening.New(hardening.Config{Policy: hardening.Open(), Egress: client, Ledger: exposure.New(n.db), Log: log})
	n.resolver = resolve.New(resolve.Config{DB: n.db, Gate: gate, IDs: n.ids, Reader: reader, Keys: keys, Log: log})
	n.queue = delivery.New(delivery.Config{DB: n.db, Gate: gate, Sign: keys.Signer, Log: log})
	n.in = New(Config{DB: n.db, Resolver: n.resolver, Queue: n.queue, IDs: n.ids, Reader: reader, Log: log})
	n.listen()
	return n
}

func (n *node) write(fn func(context.Context, storage.Tx) error) {
	n.t.Helper()
	if err := n.db.Write(n.t.Context(), fn); err != nil {
		n.t.Fatal(err)
	}
}

// do sends a request to the inbox, over the wire and through its limits, and returns the status.
func (n *node) do(r *http.Request) int {
	n.t.Helper()
	near, err := n.door.Dial(n.t.Context())
	if err != nil {
		n.t.Fatal(err)
	}
	defer near.Close()
	go r.Write(near) // not all of it may be read
	res, err := http.ReadResponse(bufio.NewReader(near), r)
	if err != nil {
		n.t.Fatalf("the inbox hangs up: %v", err)
	}
	return res.StatusCode
}

// listen serves the inbox as a node does.
func (n *node) listen() {
	n.door = pipenet.Listen(home)
	ctx, stop := context.WithCancel(context.WithoutCancel(n.t.Context()))
	served := make(chan error, 1)
	go func() { served <- ingress.NewServer(n.in, ingress.Config{}, n.in.Log).Serve(ctx, n.door) }()
	n.t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			n.t.Error(err)
		}
	})
}

// post has an actor send an activity, and expects that it is taken.
func (n *node) post(from *actor, doc any) {
	n.t.Helper()
	if status := n.do(from.signed(encode(n.t, doc), httpsig.Cavage)); status != http.StatusAccepted {
		n.t.Fatalf("the inbox answers %d", status)
	}
}

// settle lets everything that is due take effect.
func (n *node) settle() {
	n.t.Helper()
	for {
		did, err := n.in.ProcessBatch(n.t.Context())
		if err != nil {
			n.t.Fatal(err)
		}
		if did == 0 {
			return
		}
	}
}

// take is post and settle.
func (n *node) take(from *actor, doc any) {
	n.t.Helper()
	n.post(from, doc)
	n.settle()
}

// knows has the node fetch actors, so that their being known is no change later on.
func (n *node) knows(actors ...*actor) {
	n.t.Helper()
	for _, a := range actors {
		if _, err := n.resolver.Refresh(n.t.Context(), a.uri); err != nil {
			n.t.Fatalf("%s is not to be had: %v", a.uri, err)
		}
	}
}

// follows has the owner follow actors, who have accepted.
func (n *node) follows(actors ...*actor) {
	n.t.Helper()
	n.knows(actors...)
	for _, a := range actors {
		n.follow(n.ids.Owner(), a.uri, storage.Accepted)
	}
}

// follow writes a follow as it is after an exchange.
func (n *node) follow(follower, followee string, state storage.FollowState) string {
	n.t.Helper()
	id := n.ids.Activity(wire.NewToken())
	n.write(func(ctx context.Context, tx storage.Tx) error {
		return tx.PutFollow(ctx, &storage.Follow{Follower: follower, Followee: followee, Activity: id, State: state, CreatedAt: storage.Now()})
	})
	return id
}

// relate has the owner block or mute an actor.
func (n *node) relate(a *actor, kind string) {
	n.t.Helper()
	n.write(func(ctx context.Context, tx storage.Tx) error {
		_, err := tx.PutRelation(ctx, &storage.Relation{Actor: a.uri, Kind: kind, CreatedAt: storage.Now()})
		return err
	})
}

// own writes a post of the owner's, released.
func (n *node) own(v storage.Visibility, change ...func(*storage.Post)) *storage.Post {
	n.t.Helper()
	token := wire.NewToken()
	p := &storage.Post{URI: n.ids.Post(token), Token: token, Local: true, Type: "Note", Author: n.ids.Owner(), Visibility: v,
		Recipients: n.ids.Addresses(v, nil), Content: "<p>mine</p>", Published: storage.Now(), CreatedAt: storage.Now(), ReleaseAt: storage.Now()}
	p.Conversation = p.URI
	for _, c := range change {
		c(p)
	}
	n.write(func(ctx context.Context, tx storage.Tx) error {
		_, err := tx.InsertPost(ctx, p)
		return err
	})
	return p
}

// poll writes a poll of the owner's.
func (n *node) poll(multiple bool, closes storage.Time, options []string, change ...func(*storage.Post)) *storage.Post {
	n.t.Helper()
	p := n.own(storage.Public, append(change, func(p *storage.Post) { p.Type = "Question" })...)
	n.write(func(ctx context.Context, tx storage.Tx) error {
		poll := &storage.Poll{Post: p.URI, Multiple: multiple, ClosesAt: closes}
		for _, o := range options {
			poll.Options = append(poll.Options, storage.PollOption{Name: o})
		}
		return tx.PutPoll(ctx, poll)
	})
	return p
}

// uncounted are tables whose change has no meaning: what came, and what the node asked of whom.
var uncounted = []string{"inbound", "disclosures", "hosts"}

// open is a second look into the database.
func (n *node) open() *sql.DB {
	n.t.Helper()
	db, err := sql.Open("sqlite3", "file:"+url.PathEscape(n.path)+"?mode=ro")
	if err != nil {
		n.t.Fatal(err)
	}
	return db
}

// state is everything that is stored, a line for each row.
func (n *node) state() (lines []string) {
	n.t.Helper()
	db := n.open()
	defer db.Close()
	_, tables := n.query(db, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
	for _, table := range tables {
		if slices.Contains(uncounted, table[0]) {
			continue
		}
		names, rows := n.query(db, "SELECT * FROM "+table[0])
		for _, row := range rows {
			line := table[0]
			for i, name := range names {
				if name != "fetched_at" { // when it was last asked for
					line += " " + name + "=" + row[i]
				}
			}
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return lines
}

// query returns the rows of a query as text, and the names of its columns.
func (n *node) query(db *sql.DB, query string) (names []string, lines [][]string) {
	n.t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		n.t.Fatal(err)
	}
	defer rows.Close()
	if names, err = rows.Columns(); err != nil {
		n.t.Fatal(err)
	}
	for rows.Next() {
		values, line := make([]any, len(names)), make([]string, len(names))
		for i := range values {
			values[i] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			n.t.Fatal(err)
		}
		for i, v := range values {
			line[i] = fmt.Sprint(*v.(*any))
		}
		lines = append(lines, line)
	}
	if err := rows.Err(); err != nil {
		n.t.Fatal(err)
	}
	return names, lines
}

// unchanged runs f, lets everything take effect, and reports what it changed. It returns the requests that the node made.
func (n *node) unchanged(f func(), but ...string) []string {
	n.t.Helper()
	before := n.state()
	requests := n.net.during(func() {
		f()
		n.settle()
	})
	n.diff(before, n.state(), but...)
	return requests
}

// diff reports what differs between two states, but for some tables.
func (n *node) diff(before, after []string, but ...string) {
	n.t.Helper()
	counts := func(line string) bool {
		table, _, _ := strings.Cut(line, " ")
		return !slices.Contains(but, table)
	}
	for _, line := range before {
		if counts(line) && !slices.Contains(after, line) {
			n.t.Errorf("gone:  %s", line)
		}
	}
	for _, line := range after {
		if counts(line) && !slices.Contains(before, line) {
			n.t.Errorf("new:   %s", line)
		}
	}
}

// silent expects that no request was made.
func (n *node) silent(requests []string) {
	n.t.Helper()
	if len(requests) > 0 {
		n.t.Errorf("the node asked: %v", requests)
	}
}

// few expects that no more requests were made than one activity may cause.
func (n *node) few(requests []string) {
	n.t.Helper()
	if len(requests) > fetches {
		n.t.Errorf("the node asked: %v", requests)
	}
}

// stored is a post that must be there.
func (n *node) stored(uri string) *storage.Post {
	n.t.Helper()
	p, err := n.db.Post(n.t.Context(), uri)
	if err != nil {
		n.t.Fatalf("the post is not there: %v", err)
	}
	return p
}

// absent expects that a post is not there.
func (n *node) absent(uri string) {
	n.t.Helper()
	if p, err := n.db.Post(n.t.Context(), uri); err == nil {
		n.t.Errorf("the post is there: %+v", p)
	}
}

// timeline are the posts in the owner's home timeline, newest first; a booster stands before its post.
func (n *node) timeline() (uris []string) {
	n.t.Helper()
	entries, err := n.db.Timeline(n.t.Context(), 0, 100)
	if err != nil {
		n.t.Fatal(err)
	}
	for _, e := range entries {
		uris = append(uris, strings.TrimSpace(e.Booster+" "+e.Post))
	}
	return uris
}

// notified are the owner's notifications as "kind actor object detail", newest first.
func (n *node) notified() (lines []string) {
	n.t.Helper()
	all, err := n.db.Notifications(n.t.Context(), 0, 100)
	if err != nil {
		n.t.Fatal(err)
	}
	for _, x := range all {
		lines = append(lines, strings.TrimSpace(x.Kind+" "+x.Actor+" "+x.Object+" "+x.Detail))
	}
	return lines
}

// equal compares lists of lines.
func equal(t testing.TB, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}
