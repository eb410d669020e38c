package documents

import (
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/federation/wire"
	"github.com/dunnock-server/dunnock/storage"
)

// sample is a post in some state, under all addresses that it has.
type sample struct {
	name                     string
	post, replies, act, file string
}

// samples are posts of every audience and state; the first never was.
func samples(w *world) []sample {
	w.Helper()
	never := w.ids.Post(wire.NewToken())
	all := []sample{{"absent", never, w.ids.Replies(never), w.ids.Activity(wire.NewToken()), w.ids.Media(wire.NewToken() + ".png")}}
	for _, c := range []struct {
		name       string
		visibility storage.Visibility
		change     func(*storage.Post)
		bury       bool
	}{
		{"public", storage.Public, nil, false},
		{"unlisted", storage.Unlisted, nil, false},
		{"followers", storage.Followers, nil, false},
		{"direct", storage.Direct, nil, false},
		{"of no audience", "secret", nil, false},
		{"later", storage.Public, func(p *storage.Post) { p.ReleaseAt = storage.At(time.Now().Add(time.Hour)) }, false},
		{"held", storage.Public, func(p *storage.Post) { p.ReleaseAt = storage.Time{} }, false},
		{"not ours", storage.Public, func(p *storage.Post) { p.Local = false }, false},
		{"another's", storage.Public, func(p *storage.Post) { p.Author = w.other("stranger") }, false},
		{"deleted public", storage.Public, nil, true},
		{"deleted followers", storage.Followers, nil, true},
		{"deleted direct", storage.Direct, nil, true},
		{"deleted before its release", storage.Public, func(p *storage.Post) { p.ReleaseAt = storage.Time{} }, true},
	} {
		p, a := w.post(c.visibility, c.change)
		if c.bury {
			w.bury(p)
		}
		all = append(all, sample{c.name, p.URI, w.ids.Replies(p.URI), a.URI, w.ids.Media(p.Attachments[0].Blob)})
	}
	return all
}

// seen says which samples a viewer sees, and with which status; what is not named is refused. lists are the replies and
// acts.
var seen = map[as]struct{ posts, replies, acts map[string]int }{
	"stranger": {
		posts:   map[string]int{"public": 200, "unlisted": 200, "deleted public": 410},
		replies: map[string]int{"public": 200, "unlisted": 200},
		acts:    map[string]int{"public": 200, "unlisted": 200},
	},
	"pending": {
		posts:   map[string]int{"public": 200, "unlisted": 200, "deleted public": 410},
		replies: map[string]int{"public": 200, "unlisted": 200},
		acts:    map[string]int{"public": 200, "unlisted": 200},
	},
	"follower": {
		posts:   map[string]int{"public": 200, "unlisted": 200, "followers": 200, "deleted public": 410, "deleted followers": 410},
		replies: map[string]int{"public": 200, "unlisted": 200, "followers": 200},
		acts:    map[string]int{"public": 200, "unlisted": 200},
	},
	"addressee": {
		posts:   map[string]int{"public": 200, "unlisted": 200, "direct": 200, "deleted public": 410, "deleted direct": 410},
		replies: map[string]int{"public": 200, "unlisted": 200, "direct": 200},
		acts:    map[string]int{"public": 200, "unlisted": 200},
	},
	"blocked": {},
	"":        {},
}

// TestWhoSeesWhat holds the status of every address for every viewer, and that whatever is refused looks exactly like what
// never was.
func TestWhoSeesWhat(t *testing.T) {
	w := newWorld(t)
	all := samples(w)
	viewers := append([]as{"blocked", "", "stranger", "pending", "follower", "addressee"}, badly...) // blocked first: they leave no trace
	for _, v := range viewers {
		refused := http.StatusNotFound
		if v == "" || strings.Contains(strings.Join(names(badly), "|"), string(v)) {
			refused = http.StatusUnauthorized
		}
		for _, kind := range []struct {
			name  string
			url   func(sample) string
			shown map[string]int
		}{
			{"post", func(s sample) string { return s.post }, seen[v].posts},
			{"replies", func(s sample) string { return s.replies }, seen[v].replies},
			{"act", func(s sample) string { return s.act }, seen[v].acts},
		} {
			absent := w.get(v, kind.url(all[0]))
			if absent.status != refused {
				t.Errorf("%q, absent %s: %d, want %d", v, kind.name, absent.status, refused)
			}
			for _, s := range all {
				got := w.get(v, kind.url(s))
				if want, shown := kind.shown[s.name]; shown {
					if got.status != want {
						t.Errorf("%q, %s %s: %d, want %d", v, s.name, kind.name, got.status, want)
					}
				} else if !reflect.DeepEqual(got, absent) {
					t.Errorf("%q, %s %s differs from what never was:\n%+v\n%+v", v, s.name, kind.name, got, absent)
				}
				checkHeaders(t, got)
			}
		}
	}
}

func names(list []as) (texts []string) {
	for _, v := range list {
		texts = append(texts, string(v))
	}
	return texts
}

// checkHeaders holds what every answer but a picture says, and that none says when something was made.
func checkHeaders(t *testing.T, a answer) {
	t.Helper()
	if got := a.header.Get("Vary"); got != "Accept, Signature, Signature-Input" {
		t.Errorf("%d: Vary %q", a.status, got)
	}
	if got := a.header.Get("Cache-Control"); got != "private, no-store" {
		t.Errorf("%d: Cache-Control %q", a.status, got)
	}
	want := "text/plain; charset=utf-8"
	if a.status == 200 || a.status == 410 {
		want = "application/activity+json; charset=utf-8"
	}
	if got := a.header.Get("Content-Type"); got != want {
		t.Errorf("%d: Content-Type %q", a.status, got)
	}
	for _, name := range []string{"ETag", "Last-Modified", "Server", "Age", "Expires", "Location"} {
		if got := a.header.Get(name); got != "" {
			t.Errorf("%d: %s: %s", a.status, name, got)
		}
	}
}

// TestEveryAddressTakesASignature goes through the addresses that are no posts.
func TestEveryAddressTakesASignature(t *testing.T) {
	w := newWorld(t)
	base := "http://" + w.ids.Host
	for _, c := range []struct {
		url    string
		signed int
	}{
		{w.ids.Outbox(), 200}, {w.ids.Outbox() + "?page=newest", 200}, {w.ids.Featured(), 200}, {w.ids.Followers(), 200},
		{w.ids.Following(), 200}, {w.ids.ServerOutbox(), 200},
		{w.ids.Outbox() + "?page=1", 404}, {w.ids.Outbox() + "?page=", 404}, {w.ids.Outbox() + "?page=..%2f..%2fx", 404},
		{w.ids.Outbox() + "?page=" + wire.NewToken(), 404},
		{base + "/users/bob", 404}, {base + "/users/bob/outbox", 404}, {base + "/users/Alice", 404}, {base + "/users/", 404},
		{base + "/users/alice/", 404}, {base + "/users/alice/inbox", 404}, {base + "/users/alice/liked", 404},
		{base + "/users/alice/posts/", 404}, {base + "/users/alice/posts/%2e%2e%2f%00", 404},
	} {
		for _, v := range append([]as{"", "stranger", "follower", "blocked"}, badly...) {
			want := c.signed
			switch v {
			case "stranger", "follower":
			case "blocked":
				want = 404
			default:
				want = 401
			}
			got := w.get(v, c.url)
			if got.status != want {
				t.Errorf("%q, %s: %d, want %d", v, c.url, got.status, want)
			}
			checkHeaders(t, got)
		}
	}
}

func TestTombstoneSaysOnlyThatItIsOne(t *testing.T) {
	w := newWorld(t)
	p, _ := w.post(storage.Public, nil)
	w.bury(p)
	doc := parse(t, w.get("stranger", p.URI).body)
	delete(doc, "@context")
	if want := map[string]any{"id": p.URI, "type": "Tombstone"}; !reflect.DeepEqual(map[string]any(doc), want) {
		t.Errorf("%v", doc)
	}
}

// TestUnreachableSignerIsAskedToComeBack holds 503 for what cannot be verified for now, whether it exists or not.
func TestUnreachableSignerIsAskedToComeBack(t *testing.T) {
	w := newWorld(t)
	p, _ := w.post(storage.Public, nil)
	w.peer.Close()
	there, absent := w.get("stranger", p.URI), w.get("stranger", w.ids.Post(wire.NewToken()))
	if there.status != http.StatusServiceUnavailable || there.header.Get("Retry-After") == "" {
		t.Errorf("%+v", there)
	}
	if !reflect.DeepEqual(there, absent) {
		t.Errorf("there %+v\nabsent %+v", there, absent)
	}
}

func TestMethods(t *testing.T) {
	w := newWorld(t)
	p, _ := w.post(storage.Public, nil)
	for _, url := range []string{w.ids.Owner(), w.ids.Server(), p.URI, w.ids.Outbox(), w.ids.Media(p.Attachments[0].Blob)} {
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
			if got := w.ask(method, "stranger", url, accepting); got.status != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: %d", method, url, got.status)
			}
		}
		get, head := w.ask("GET", "stranger", url, accepting), w.ask("HEAD", "stranger", url, accepting)
		if get.status != 200 || head.body != "" || !reflect.DeepEqual(get.header, head.header) {
			t.Errorf("%s: GET %d %v\nHEAD %d %v", url, get.status, get.header, head.status, head.header)
		}
	}
}
