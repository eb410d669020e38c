package documents

import (
	"net/http"
	"testing"

	"github.com/dunnock-server/dunnock/federation/wire"
	"github.com/dunnock-server/dunnock/storage"
)

func TestAccept(t *testing.T) {
	for accept, want := range map[string]bool{
		"":                          true,
		"*/*":                       true,
		"application/activity+json": true,
		`application/ld+json; profile="https://www.w3.org/ns/activitystreams"`:                           true,
		`application/ld+json; profile="http://a https://www.w3.org/ns/activitystreams", text/html;q=0.1`: true,
		"application/activity+json,application/ld+json":                                                  true,
		"application/ld+json":                        true,
		"application/json":                           true,
		"application/*;q=0.5":                        true,
		"text/html, application/activity+json;q=0.9": false,
		"text/html":                                  false,
		"TEXT/HTML; charset=utf-8, */*":              false,
		"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8": false,
		"image/png":       false,
		"application/xml": false,
		",;=":             false,
	} {
		if got := takes(accept); got != want {
			t.Errorf("%q: %v", accept, got)
		}
	}
}

// TestBrowserIsToldNothing holds that 406 does not depend on what is there, or on who asks.
func TestBrowserIsToldNothing(t *testing.T) {
	w := newWorld(t)
	p, _ := w.post(storage.Public, nil)
	browser := http.Header{"Accept": {"text/html,*/*;q=0.8"}}
	for _, v := range []as{"", "stranger"} {
		for _, url := range []string{w.ids.Owner(), w.ids.Server(), p.URI, w.ids.Post(wire.NewToken()), w.ids.Outbox()} {
			got := w.ask("GET", v, url, browser)
			if got.status != http.StatusNotAcceptable || got.body != "this address answers application/activity+json\n" {
				t.Errorf("%s: %d %s", url, got.status, got.body)
			}
			checkHeaders(t, got)
		}
	}
	if w.fetched.Load() != 0 {
		t.Error("a key was fetched for a browser")
	}
}
