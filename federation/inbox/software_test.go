package inbox

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/storage"
)

var update = flag.Bool("update", false, "write golden files anew")

// TestWhatSoftwareSends lets what servers of each kind send take effect, and compares what that is with effects.golden. The
// documents carry no signatures of which the keys are left, so they are put into the queue.
func TestWhatSoftwareSends(t *testing.T) {
	const documents = "../../testdata/activities"
	folders, err := os.ReadDir(documents)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, folder := range folders {
		if !folder.IsDir() {
			continue
		}
		s := newSoftware(t, filepath.Join(documents, folder.Name()))
		for _, f := range s.activities() {
			fmt.Fprintf(&got, "%s/%s\n", folder.Name(), f.name)
			for _, line := range s.effect(f) {
				fmt.Fprintf(&got, "\t%s\n", line)
			}
		}
	}
	golden := filepath.Join("testdata", "effects.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("effects differ from %s; if that is wanted: go test ./federation/inbox -update\n%s", golden, got.String())
	}
}

// software is a node that has to do with the people of one kind of server.
type software struct {
	*node
	files []file
}

type file struct {
	name string
	doc  vocab.Object
	body []byte
}

// overHTTP is how the documents name people and things; the node under test has no certificates.
var overHTTP = regexp.MustCompile(`https://([a-z0-9.-]+\.example)\b`)

func newSoftware(t *testing.T, folder string) *software {
	s := &software{node: newNode(t)}
	paths, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	peers := map[string]*peer{}
	for _, path := range paths {
		body, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		body = overHTTP.ReplaceAll(body, []byte("http://$1"))
		doc, err := vocab.Parse(body)
		if err != nil {
			t.Fatal(path, err)
		}
		s.files = append(s.files, file{filepath.Base(path), doc, body})
		for _, d := range []vocab.Object{doc, objectOf(doc), objectOf(objectOf(doc))} {
			if u, err := url.Parse(d.ID()); err == nil && u.Host != "" && u.Host != home && (vocab.IsActor(d.Type()) || vocab.IsPostable(d.Type())) {
				if peers[u.Host] == nil {
					peers[u.Host] = newPeer(t, s.net, u.Host)
				}
				peers[u.Host].serve(u.Path, obj(d))
			}
		}
	}
	s.poll(false, storage.Time{}, []string{"Tea", "Coffee"}, func(p *storage.Post) {
		p.URI, p.Token = "http://"+home+"/posts/q3v7k2m9x4c8", "q3v7k2m9x4c8"
	})
	for _, f := range s.files {
		if uri := single(f.doc, "actor"); uri != "" && vocab.IsActivity(f.doc.Type()) {
			s.befriend(uri)
		}
	}
	return s
}

func objectOf(doc vocab.Object) vocab.Object {
	object, _ := doc.Object("object")
	return object
}

// befriend has the owner follow somebody, by their document if there is one.
func (s *software) befriend(uri string) {
	s.t.Helper()
	doc := vocab.Object{"id": uri, "type": "Person", "inbox": uri + "/inbox", "preferredUsername": "x", "featured": uri + "/collections/featured"}
	if at := slices.IndexFunc(s.files, func(f file) bool { return f.doc.ID() == uri && vocab.IsActor(f.doc.Type()) }); at >= 0 {
		doc = s.files[at].doc
	}
	a, keys, err := s.in.Reader.Actor(doc, time.Now())
	if err != nil {
		s.t.Fatalf("%s: %v", uri, err)
	}
	a.Handle = a.Username + "@" + a.Host
	s.write(func(ctx context.Context, tx storage.Tx) error { return tx.PutActor(ctx, a, keys) })
	if s.between(s.ids.Owner(), uri) == "" {
		s.follow(s.ids.Owner(), uri, storage.Accepted)
	}
}

// activities are the documents that are activities, in an order in which they make sense.
func (s *software) activities() (acts []file) {
	order := []string{"Create", "Follow", "Like", "EmojiReact", "Announce", "Add", "Update", "Accept", "Reject", "Undo", "Flag", "Delete", "Block", "Move"}
	rank := func(f file) int {
		if f.doc.Is("Delete") && single(f.doc, "object") == single(f.doc, "actor") { // it ends the account
			return len(order)
		}
		return slices.Index(order, f.doc.Type())
	}
	for _, f := range s.files {
		if !vocab.IsActor(f.doc.Type()) && f.doc["actor"] != nil {
			acts = append(acts, f)
		}
	}
	slices.SortStableFunc(acts, func(a, b file) int { return cmp.Compare(rank(a), rank(b)) })
	return acts
}

// effect is what an activity changes, a line for each row.
func (s *software) effect(f file) (lines []string) {
	s.t.Helper()
	uri := single(f.doc, "actor")
	if _, err := s.db.Actor(s.t.Context(), uri); errors.Is(err, storage.ErrNotFound) {
		return []string{"(by nobody)"}
	}
	if inner := objectOf(f.doc); f.doc.Is("Accept", "Reject") && (inner == nil || inner.Is("Follow")) {
		s.write(func(ctx context.Context, tx storage.Tx) error {
			return tx.PutFollow(ctx, &storage.Follow{Follower: s.ids.Owner(), Followee: uri, Activity: single(f.doc, "object"), State: storage.Pending, CreatedAt: storage.Now()})
		})
	}
	a, err := parse(f.body)
	if err != nil {
		return []string{"refused"}
	}
	before := s.summary()
	a.name(f.body, time.Now())
	s.write(func(ctx context.Context, tx storage.Tx) error {
		now := storage.Now()
		_, err := tx.Accept(ctx, &storage.Inbound{Actor: a.actor, Activity: a.id, Body: f.body, SignedAt: now, ReceivedAt: now, DueAt: now})
		return err
	})
	s.settle()
	after := s.summary()
	for _, line := range before {
		if !slices.Contains(after, line) {
			lines = append(lines, "- "+line)
		}
	}
	for _, line := range after {
		if !slices.Contains(before, line) {
			lines = append(lines, "+ "+line)
		}
	}
	return lines
}

// summary is what an effect is told by, of each table.
var summary = map[string]string{
	"actor":        "SELECT uri, type, name, moved_to, CASE WHEN gone_at IS NULL THEN '' ELSE 'gone' END FROM actors",
	"post":         "SELECT uri, type, visibility, author, name, summary, substr(content, 1, 60), CASE WHEN deleted_at IS NULL THEN in_reply_to ELSE '' END, quote, CASE WHEN deleted_at IS NULL THEN '' ELSE 'deleted' END FROM posts",
	"poll":         "SELECT post, options, voters FROM polls",
	"timeline":     "SELECT post, booster FROM timeline",
	"notification": "SELECT kind, actor, object, detail FROM notifications",
	"follow":       "SELECT follower, followee, state FROM follows",
	"reaction":     "SELECT kind, actor, object, content FROM reactions",
	"pin":          "SELECT actor, post FROM pins",
	"relation":     "SELECT kind, actor FROM relations",
	"vote":         "SELECT poll, voter, choice FROM votes",
	"answer":       "SELECT type, inbox FROM acts JOIN deliveries ON act_id = acts.id",
}

// summary is the state in short, a line for each row.
func (s *software) summary() (lines []string) {
	s.t.Helper()
	db := s.open()
	defer db.Close()
	for what, query := range summary {
		_, rows := s.query(db, query)
		for _, row := range rows {
			row = slices.DeleteFunc(row, func(column string) bool { return column == "" })
			lines = append(lines, strings.ReplaceAll(strings.Join(append([]string{what}, row...), " "), "\n", " "))
		}
	}
	slices.Sort(lines)
	return lines
}
