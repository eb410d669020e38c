package storage

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// seeded is a generator of random numbers whose seed is printed, and taken from DUNNOCK_SEED if that is set.
func seeded(t testing.TB) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	if text := os.Getenv("DUNNOCK_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("DUNNOCK_SEED=%d repeats this", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// scaled is n with DUNNOCK_FULL=1, and a tenth of it without.
func scaled(n int) int {
	if os.Getenv("DUNNOCK_FULL") == "1" {
		return n
	}
	return n / 10
}

// furnish writes records of every kind, some of each, as a node would.
func furnish(t testing.TB, db *DB, n int) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	write(t, db, func(ctx context.Context, tx Tx) error {
		steps := []error{
			tx.SetSetting(ctx, "identity", "https://a.example/users/alice alice@a.example"),
			tx.InsertKey(ctx, &Key{ID: "https://a.example/users/alice#ed25519-key", Actor: "https://a.example/users/alice", Algorithm: Ed25519, Private: der, CreatedAt: moment}),
			tx.SetProfile(ctx, &Profile{Name: "Alice", Summary: "\xff is no UTF-8"}),
		}
		for i := range n {
			uri, actor := fmt.Sprintf("https://a.example/%d", i), fmt.Sprintf("https://b.example/users/%d", i)
			act := &Act{URI: uri + "/create", Type: "Create", Object: uri, Document: `{"a":1}`, CreatedAt: moment, ReleaseAt: moment}
			fresh, err := tx.InsertPost(ctx, &Post{URI: uri, Token: uri, Local: true, Visibility: Public, Content: strings.Repeat("word ", 60), CreatedAt: moment, Published: moment, ReleaseAt: moment})
			if !fresh {
				err = errors.Join(err, errors.New("the post was there"))
			}
			_, reaction := tx.InsertReaction(ctx, &Reaction{Kind: Like, Actor: actor, Object: uri, Activity: actor + "/like", CreatedAt: moment})
			steps = append(steps, err, reaction, tx.PutActor(ctx, &Actor{URI: actor, Host: "b.example", FetchedAt: moment}, []ActorKey{{ID: actor + "#k", Actor: actor, Public: []byte{1}, FetchedAt: moment}}),
				tx.InsertAct(ctx, act), tx.AddToTimeline(ctx, &TimelineEntry{Post: uri, CreatedAt: moment}), tx.PutPoll(ctx, &Poll{Post: uri, Options: []PollOption{{Name: "a"}}}),
				tx.InsertDeliveries(ctx, []Delivery{{ActID: act.ID, Host: "b.example", Inbox: actor + "/inbox", DueAt: moment}}), tx.WakeHost(ctx, "b.example", moment),
				tx.InsertDisclosure(ctx, &Disclosure{Domain: "b.example", At: moment}), tx.PutFollow(ctx, &Follow{Follower: actor, Followee: "https://a.example/users/alice", State: Accepted, CreatedAt: moment}))
		}
		return errors.Join(steps...)
	})
}

// furnished is the file of a closed database with records.
func furnished(t testing.TB, n int) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "dunnock.db")
	db, err := Open(t.Context(), Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	furnish(t, db, n)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// checked is what a check of the file finds.
func checked(t testing.TB, path string) ([]Fault, error) {
	t.Helper()
	return Check(t.Context(), path, filepath.Join(filepath.Dir(path), "media"))
}

// contents are the bytes of the database and its journal.
func contents(t testing.TB, path string) (all []byte) {
	t.Helper()
	for _, p := range []string{path, path + "-wal"} {
		data, err := os.ReadFile(p)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		all = append(all, data...)
	}
	return all
}

func TestCheckOfASoundDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dunnock.db")
	db, err := Open(t.Context(), Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	furnish(t, db, 20)
	for _, state := range []string{"up", "down"} {
		before := contents(t, path)
		if faults, err := checked(t, path); err != nil || len(faults) > 0 {
			t.Errorf("%s: %v, %v", state, faults, err)
		}
		if !bytes.Equal(contents(t, path), before) {
			t.Errorf("%s: the check has changed the database", state)
		}
		if state == "up" {
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if db, err = Open(t.Context(), Config{Path: path}); err != nil { // what the check left behind is private
		t.Fatal(err)
	}
	db.Close()
}

// TestEachRuleFindsWhatBreaksIt breaks one thing at a time.
func TestEachRuleFindsWhatBreaksIt(t *testing.T) {
	found := map[string]bool{}
	for _, test := range []struct{ change, where, problem string }{
		{"DELETE FROM acts WHERE id = 2", "deliveries 2", "an act that is not there"},
		{"UPDATE hosts SET due_at = NULL", "deliveries 1", "nothing will ever send it"},
		{"UPDATE acts SET object = 'x' WHERE id = 1", "acts https://a.example/0/create", "a post that is not there"},
		{"UPDATE acts SET type = 'Like' WHERE id = 1", "posts https://a.example/0", "no act tells of"},
		{"DELETE FROM posts WHERE id = 3", "timeline https://a.example/2", "a post that is not there"},
		{"DELETE FROM posts WHERE id = 3", "polls https://a.example/2", "its post is not there"},
		{"DELETE FROM posts WHERE id = 3", "reactions https://b.example/users/2/like", "its post is not there"},
		{"INSERT INTO votes VALUES ('x', 'y', 1)", "votes x", "its poll is not there"},
		{"INSERT INTO pins VALUES ('x', 'y', 1)", "pins y", "its post is not there"},
		{"DELETE FROM actors WHERE id = 1", "actor_keys https://b.example/users/0#k", "its actor is not there"},
		{"UPDATE follows SET state = 'no' WHERE follower LIKE '%/1'", "follows https://b.example/users/1 > ", "its state"},
		{"UPDATE posts SET visibility = 'all' WHERE id = 1", "posts https://a.example/0", "its visibility"},
		{"UPDATE posts SET tags = '[' WHERE id = 1", "posts https://a.example/0", "not JSON"},
		{"UPDATE actors SET fields = '[' WHERE id = 1", "actors https://b.example/users/0", "not JSON"},
		{"UPDATE profile SET fields = '['", "profile 1", "not JSON"},
		{"UPDATE polls SET options = '[' WHERE post LIKE '%/1'", "polls https://a.example/1", "not JSON"},
		{"UPDATE acts SET document = '{' WHERE id = 1", "acts https://a.example/0/create", "not JSON"},
		{"INSERT INTO calls VALUES (1, 'post', '{', 0, 0, 0, '')", "calls 1", "not JSON"},
		{"INSERT INTO blobs VALUES ('a.png', 'x', '', 0, 0, 0, '', '', 0, NULL)", "blobs a.png", "its post is not there"},
		{"UPDATE profile SET avatar = 'x'", "profile picture Alice", "a picture that it names"},
		{"UPDATE keys SET private = x'00'", "keys https://a.example/users/alice#ed25519-key", "cannot be read"},
		{"UPDATE keys SET algorithm = 'rsa'", "keys https://a.example/users/alice#ed25519-key", "kept as rsa"},
		{"DELETE FROM keys", "keys", "there is none of"},
		{"DELETE FROM settings", "settings identity", "does not say whose"},
		{"DROP INDEX posts_author", "index posts_author", "missing"},
		{"CREATE TRIGGER evil AFTER INSERT ON posts BEGIN DELETE FROM posts; END", "trigger evil", "another program"},
		{"PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'failures', 'mishaps') WHERE name = 'hosts'", "table hosts", "not as dunnock makes it"},
	} {
		found[strings.Fields(test.where)[0]+test.problem] = true
		path := furnished(t, 4)
		db, err := connect(path, "", 1)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.ExecContext(t.Context(), test.change); err != nil {
			t.Fatalf("%s: %v", test.change, err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		faults, err := checked(t, path)
		if !slices.ContainsFunc(faults, func(f Fault) bool {
			return strings.HasPrefix(f.Where, test.where) && strings.Contains(f.Problem, test.problem) && f.Remedy != ""
		}) {
			t.Errorf("%s: found %v, %v", test.change, faults, err)
		}
	}
	for _, r := range rules {
		if !slices.ContainsFunc(slices.Collect(keysOf(found)), func(k string) bool {
			return strings.HasPrefix(k, r.table) && strings.Contains(r.problem, strings.TrimPrefix(k, r.table))
		}) {
			t.Errorf("nothing here breaks the rule of %s: %s", r.table, r.problem)
		}
	}
}

func keysOf(m map[string]bool) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// TestFlippedBitsAreFound turns one bit of a database file over, anywhere, as a disk does: the check must name the page, and
// the node must not take what it reads there for what was written.
func TestFlippedBitsAreFound(t *testing.T) {
	rng := seeded(t)
	sound, err := os.ReadFile(furnished(t, 100))
	if err != nil {
		t.Fatal(err)
	}
	const pageSize = 4096
	path := filepath.Join(t.TempDir(), "dunnock.db")
	for range scaled(1000) {
		at := rng.IntN(len(sound))
		damaged := bytes.Clone(sound)
		damaged[at] ^= 1 << rng.IntN(8)
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		page := at/pageSize + 1
		faults, err := checked(t, path)
		switch {
		case err != nil:
			t.Errorf("byte %d: %v", at, err)
		case !slices.ContainsFunc(faults, func(f Fault) bool {
			return strings.Contains(f.Problem+" ", fmt.Sprintf("page %d", page)) && strings.HasPrefix(f.Where, "dunnock.db")
		}):
			t.Errorf("byte %d of page %d: found %v", at%pageSize, page, faults)
		}
		db, err := Open(t.Context(), Config{Path: path})
		if err == nil {
			_, _, err = reading(db)
			err = errors.Join(err, db.Close())
		}
		if err != nil && Trouble(err) != ErrDamaged {
			t.Errorf("byte %d of page %d: the node says %v", at%pageSize, page, err)
		}
	}
}

// reading reads much of a database and returns how many posts, and a sum of their words.
func reading(db *DB) (posts int, sum [32]byte, err error) {
	list, err := all[Post](context.Background(), db.db.NewSelect().Order("id"))
	var words []byte
	for _, p := range list {
		words = append(words, p.URI+p.Content...)
	}
	return len(list), sha256.Sum256(words), err
}

func TestCheckOfFiles(t *testing.T) {
	dir := t.TempDir()
	db, media := open(t), filepath.Join(dir, "media")
	files, err := OpenFiles(media)
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	data := []byte("picture")
	sum := sha256.Sum256(data)
	write(t, db, func(ctx context.Context, tx Tx) error {
		var errs []error
		for _, name := range []string{"good.png", "gone.png", "short.png", "other.png"} {
			errs = append(errs, files.Put(name, data), tx.InsertBlob(ctx, &Blob{Name: name, Size: int64(len(data)), Hash: sum[:], CreatedAt: moment}))
		}
		return errors.Join(append(errs, files.Put("young.png", data), files.Put("left.png", data), files.Delete("gone.png"))...)
	})
	for name, text := range map[string]string{"short.png": "pic", "other.png": "puctire"} {
		if err := os.WriteFile(filepath.Join(media, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	old := time.Now().Add(-2 * underWay)
	if err := os.Chtimes(filepath.Join(media, "left.png"), old, old); err != nil {
		t.Fatal(err)
	}
	furnish(t, db, 0)
	faults, err := Check(t.Context(), db.path, media)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range faults {
		got = append(got, f.Where+" "+f.Problem)
	}
	want := []string{"picture gone.png it is missing", "picture other.png its bytes are not those that were kept: the disk has changed them",
		"picture short.png it has 3 bytes, not 7", "picture left.png no record refers to it"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}
