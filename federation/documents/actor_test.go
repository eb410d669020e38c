package documents

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/dunnock-server/dunnock/federation/httpsig"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/storage"
)

// profile gives the owner something to say, with a picture.
func (w *world) profile() *storage.Profile {
	w.Helper()
	p := &storage.Profile{Name: "Alice", Summary: "Hello.", Fields: []storage.Field{{Name: "home", Value: "here"}},
		Avatar: "avatar.png", Header: "gone.png", Discoverable: true}
	w.files["avatar.png"] = []byte("avatar")
	w.write(func(ctx context.Context, tx storage.Tx) error {
		if err := tx.InsertBlob(ctx, &storage.Blob{Name: "avatar.png", MIME: "image/png", Size: 6, CreatedAt: storage.Now()}); err != nil {
			return err
		}
		return tx.SetProfile(ctx, p)
	})
	return p
}

// know lets the node learn the key of an actor of the peer.
func (w *world) know(v as) {
	w.Helper()
	if got := w.get(v, w.ids.Followers()); got.status != http.StatusOK && got.status != http.StatusNotFound {
		w.Fatalf("%q: %+v", v, got)
	}
}

func TestActorsForWhom(t *testing.T) {
	w := newWorld(t)
	w.profile()
	stub := map[string][]string{
		w.ids.Owner():  {"@context", "endpoints", "followers", "id", "inbox", "outbox", "preferredUsername", "publicKey", "type"},
		w.ids.Server(): {"@context", "endpoints", "id", "inbox", "outbox", "preferredUsername", "publicKey", "type"},
	}
	full := map[string][]string{
		w.ids.Owner(): append([]string{"assertionMethod", "attachment", "discoverable", "featured", "following", "icon",
			"manuallyApprovesFollowers", "name", "summary", "url", "webfinger"}, stub[w.ids.Owner()]...),
		w.ids.Server(): append([]string{"assertionMethod", "discoverable", "manuallyApprovesFollowers", "url", "webfinger"},
			stub[w.ids.Server()]...),
	}
	check := func(v as, url string, want map[string][]string) {
		t.Helper()
		got := w.get(v, url)
		if got.status != http.StatusOK {
			t.Errorf("%q, %s: %d %s", v, url, got.status, got.body)
			return
		}
		checkHeaders(t, got)
		var shown []string
		doc := parse(t, got.body)
		for name := range doc {
			shown = append(shown, name)
		}
		slices.Sort(shown)
		fields := slices.Sorted(slices.Values(want[url]))
		if !slices.Equal(shown, fields) {
			t.Errorf("%q, %s shows %v, want %v", v, url, shown, fields)
		}
		if doc["id"] != url {
			t.Errorf("%s has the id %v", url, doc["id"])
		}
	}
	server, owner := w.ids.Server(), w.ids.Owner()
	for _, v := range append([]as{"", "stranger", "follower", "blocked"}, badly...) {
		before := w.fetched.Load()
		check(v, server, stub)
		if n := w.fetched.Load() - before; n != 0 {
			t.Errorf("%q: serving the server's actor caused %d requests", v, n)
		}
	}
	for _, v := range append([]as{"", "blocked"}, badly...) {
		check(v, owner, stub)
	}
	for _, v := range []as{"stranger", "follower"} {
		check(v, owner, full)
		check(v, server, full) // the key is known now
	}
	for _, v := range append([]as{"", "blocked"}, badly...) {
		check(v, server, stub)
	}
}

// TestStubIsEnoughToVerify reads the key from the stub and checks one of our own signatures with it.
func TestStubIsEnoughToVerify(t *testing.T) {
	w := newWorld(t)
	for _, actor := range []string{w.ids.Owner(), w.ids.Server()} {
		key, _ := parse(t, w.get("", actor).body)["publicKey"].(map[string]any)
		if key["owner"] != actor || key["id"] != w.ids.Key(actor, "main-key") {
			t.Fatalf("key %v", key)
		}
		text, _ := key["publicKeyPem"].(string)
		public, err := httpsig.ParsePublicKey(text)
		if err != nil {
			t.Fatal(err)
		}
		if !keys().own.PublicKey.Equal(public) {
			t.Error("it is another key")
		}
	}
}

// TestStubIsAnActorWithoutAProfile: a node that was just made is found too.
func TestStubIsAnActorWithoutAProfile(t *testing.T) {
	w := newWorld(t)
	if got := w.get("", w.ids.Owner()); got.status != http.StatusOK {
		t.Errorf("%+v", got)
	}
}

// TestPolicyThatShowsNothing holds that every document comes from the gate and nowhere else.
func TestPolicyThatShowsNothing(t *testing.T) {
	policy := hardening.Open()
	policy.Signed.Fields, policy.Signed.Media, policy.Unsigned = nil, false, hardening.Rules{}
	w := newWorldUnder(t, policy)
	w.profile()
	post, a := w.post(storage.Public, nil)
	for url, absent := range map[string]answer{
		w.ids.Owner(): w.get("stranger", "http://"+w.ids.Host+"/users/bob"), w.ids.Server(): {}, post.URI: {}, a.URI: {},
		w.ids.Outbox(): {}, w.ids.Featured(): {}, w.ids.Followers(): {}, w.ids.Replies(post.URI): {},
		w.ids.Media(post.Attachments[0].Blob): {}, w.ids.Media("avatar.png"): {},
	} {
		got := w.get("stranger", url)
		if got.status != http.StatusNotFound || got.body != "not found\n" {
			t.Errorf("%s: %+v", url, got)
		}
		if absent.status != 0 && !reflect.DeepEqual(got, absent) {
			t.Errorf("%s: %+v, but what is absent: %+v", url, got, absent)
		}
	}
	if told, err := w.db.ToldInboxes(t.Context(), post.URI); err != nil || len(told) > 0 {
		t.Errorf("what was hidden counts as told: its deletion would be told too (%d inboxes, %v)", len(told), err)
	}
}

// The actor is made once, and anew after each change of the profile or the keys.
func TestActorIsWhatItIsNow(t *testing.T) {
	w := newWorld(t)
	p := w.profile()
	w.know("follower")
	sees := func(want string) {
		t.Helper()
		for range 2 {
			if got := w.get("follower", w.ids.Owner()); got.status != http.StatusOK || !strings.Contains(got.body, want) {
				t.Errorf("%d without %q: %s", got.status, want, got.body)
			}
		}
	}
	sees(`"name":"Alice"`)
	p.Name = "Alice Liddell"
	w.write(func(ctx context.Context, tx storage.Tx) error { return tx.SetProfile(ctx, p) })
	sees(`"name":"Alice Liddell"`)

	keys, err := w.db.Keys(t.Context(), w.ids.Owner())
	if err != nil {
		t.Fatal(err)
	}
	w.write(func(ctx context.Context, tx storage.Tx) error {
		if err := tx.DeleteKeys(ctx, w.ids.Owner()); err != nil {
			return err
		}
		next := keys[slices.IndexFunc(keys, func(k storage.Key) bool { return k.Algorithm == storage.RSA })]
		next.ID = w.ids.Key(w.ids.Owner(), "another-key")
		return tx.InsertKey(ctx, &next)
	})
	sees("#another-key")

	p.Name = "Nobody"
	refused := errors.New("refused")
	if err := w.db.Write(t.Context(), func(ctx context.Context, tx storage.Tx) error {
		return errors.Join(tx.SetProfile(ctx, p), refused)
	}); !errors.Is(err, refused) {
		t.Fatal(err)
	}
	sees(`"name":"Alice Liddell"`)
}
