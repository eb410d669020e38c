package documents

import (
	"context"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/federation/wire"
	"github.com/dunnock-server/dunnock/storage"
)

// TestWhoSeesMedia: whoever knows the name, as soon as the post is released, until it is deleted.
func TestWhoSeesMedia(t *testing.T) {
	w := newWorld(t)
	all := samples(w)
	shown := map[string]bool{"public": true, "unlisted": true, "followers": true, "direct": true, "of no audience": true, "another's": true}
	for _, v := range []as{"", "stranger", "blocked", forged} {
		absent := w.ask("GET", v, all[0].file, nil)
		if absent.status != http.StatusNotFound || absent.header.Get("Cache-Control") != "private, no-store" {
			t.Errorf("%q: %+v", v, absent)
		}
		for _, s := range all {
			got := w.ask("GET", v, s.file, nil)
			switch {
			case !shown[s.name]:
				if !reflect.DeepEqual(got, absent) {
					t.Errorf("%q, %s differs from what never was: %+v", v, s.name, got)
				}
			case got.status != http.StatusOK || got.body != "png":
				t.Errorf("%q, %s: %+v", v, s.name, got)
			}
		}
	}
	if w.fetched.Load() != 0 {
		t.Error("a key was fetched for a picture")
	}
}

func TestMediaHeaders(t *testing.T) {
	w := newWorld(t)
	p, _ := w.post(storage.Public, nil)
	url := w.ids.Media(p.Attachments[0].Blob)
	got := w.ask("GET", "", url, nil)
	want := http.Header{"Content-Type": {"image/png"}, "Content-Length": {"3"}, "Accept-Ranges": {"bytes"},
		"Cache-Control": {"private, no-store"}, "X-Content-Type-Options": {"nosniff"},
		"Content-Security-Policy": {"default-src 'none'; sandbox"}}
	if !reflect.DeepEqual(got.header, want) {
		t.Errorf("%v", got.header)
	}
	part := w.ask("GET", "", url, http.Header{"Range": {"bytes=1-"}})
	if part.status != http.StatusPartialContent || part.body != "ng" {
		t.Errorf("%+v", part)
	}
	since := w.ask("GET", "", url, http.Header{"If-Modified-Since": {time.Now().UTC().Format(http.TimeFormat)}})
	if since.status != http.StatusOK {
		t.Errorf("a time was compared: %d", since.status)
	}
}

// TestMediaThatIsNone asks for names and records that no picture has. The bytes are there each time.
func TestMediaThatIsNone(t *testing.T) {
	w := newWorld(t)
	w.profile()
	blob := func(name, mime, post string) {
		w.files[name] = []byte("<html>")
		w.write(func(ctx context.Context, tx storage.Tx) error {
			return tx.InsertBlob(ctx, &storage.Blob{Name: name, MIME: mime, Post: post, Size: 6, CreatedAt: storage.Now()})
		})
	}
	p, _ := w.post(storage.Public, nil)
	blob("script.png", "text/html", p.URI)
	blob("activity.png", "application/activity+json", p.URI)
	blob("vector.svg", "image/svg+xml", p.URI)
	blob("other.jpg", "image/png", p.URI)
	blob("unused.png", "image/png", "")
	blob("orphan.png", "image/png", w.ids.Post(wire.NewToken()))
	blob("gone.gif", "image/gif", p.URI)
	delete(w.files, "gone.gif")
	for _, name := range []string{"script.png", "activity.png", "vector.svg", "other.jpg", "unused.png", "orphan.png", "gone.gif",
		"gone.png", "", "x", ".png", "..%2f..%2fdunnock.db", "%2e%2e%2favatar.png", "avatar.png%00", "avatar.png%00.jpg",
		"%2fetc%2fpasswd", "AVATAR.png", "avatar.png.", "avatar.png%20", "avatar%2Epng%2F", "a/b.png"} {
		got := w.ask("GET", "", "http://"+w.ids.Host+"/media/"+name, nil)
		if got.status != http.StatusNotFound {
			t.Errorf("%q: %d %s", name, got.status, got.body)
		}
	}
	if got := w.ask("GET", "", w.ids.Media("avatar.png"), nil); got.status != http.StatusOK || got.body != "avatar" {
		t.Errorf("the avatar: %+v", got)
	}
}
