package resolve

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/dunnock-server/dunnock/federation/vocab"
)

func TestADocumentIsWhatTheOriginOfItsIDSays(t *testing.T) {
	note := func(id any, fields ...obj) http.HandlerFunc {
		return doc(merge(obj{"id": id, "type": "Note", "attributedTo": "http://v.example/users/alice"}, fields...))
	}
	const genuine = "http://v.example/notes/1"
	for _, tt := range []struct {
		name     string
		pages    map[string]http.HandlerFunc // by "host path"; E answers v.example/x and the like
		uri      string
		want     any // the id, or an error
		requests []string
	}{
		{"at its id", nil, genuine, genuine, []string{"v.example /notes/1"}},
		{"a fragment asked for", nil, genuine + "#x", genuine, []string{"v.example /notes/1"}},
		{"a page on the same server", map[string]http.HandlerFunc{"v.example /@alice/1": note(genuine)},
			"http://v.example/@alice/1", genuine, []string{"v.example /@alice/1", "v.example /notes/1"}},
		{"a redirect to its id", map[string]http.HandlerFunc{"v.example /@alice/1": moved("/notes/1")},
			"http://v.example/@alice/1", genuine, []string{"v.example /@alice/1", "v.example /notes/1"}},
		{"a redirect from elsewhere", map[string]http.HandlerFunc{"e.example /x": moved(genuine)},
			"http://e.example/x", genuine, []string{"e.example /x", "v.example /notes/1"}},
		{"another's id (CVE-2024-23832)", map[string]http.HandlerFunc{"e.example /x": note(genuine, obj{"content": "forged"})},
			"http://e.example/x", genuine, []string{"e.example /x", "v.example /notes/1"}},
		{"another's id that is not there", map[string]http.HandlerFunc{"e.example /x": note("http://v.example/notes/2")},
			"http://e.example/x", ErrGone, []string{"e.example /x", "v.example /notes/2"}},
		{"another's id that bounces back (CVE-2024-52591)", map[string]http.HandlerFunc{
			"e.example /x": note("http://v.example/redir?u=E"), "v.example /redir?u=E": moved("http://e.example/fake"),
			"e.example /fake": note("http://v.example/redir?u=E")},
			"http://e.example/x", ErrRefused, []string{"e.example /x", "v.example /redir?u=E", "e.example /fake"}},
		{"another's redirect", map[string]http.HandlerFunc{"v.example /redir?u=E": moved("http://e.example/fake"),
			"e.example /fake": note("http://v.example/redir?u=E")},
			"http://v.example/redir?u=E", ErrRefused, []string{"v.example /redir?u=E", "e.example /fake", "v.example /redir?u=E", "e.example /fake"}},
		{"an id that names a third", map[string]http.HandlerFunc{"e.example /x": note("http://e.example/y"), "e.example /y": note(genuine)},
			"http://e.example/x", ErrRefused, []string{"e.example /x", "e.example /y"}},
		{"ids that go on and on", map[string]http.HandlerFunc{"e.example /x": note("http://e.example/y"), "e.example /y": note("http://e.example/x")},
			"http://e.example/x", ErrRefused, []string{"e.example /x", "e.example /y"}},
		{"an id in a list (CVE-2025-25306)", map[string]http.HandlerFunc{"e.example /x": note([]any{"http://e.example/x"})},
			"http://e.example/x", ErrRefused, []string{"e.example /x"}},
		{"an id that is null", map[string]http.HandlerFunc{"e.example /x": note(nil)}, "http://e.example/x", ErrRefused, []string{"e.example /x"}},
		{"an id that is an object", map[string]http.HandlerFunc{"e.example /x": note(obj{"id": "http://e.example/x"})},
			"http://e.example/x", ErrRefused, []string{"e.example /x"}},
		{"no id", map[string]http.HandlerFunc{"e.example /x": doc(obj{"type": "Note"})}, "http://e.example/x", ErrRefused, []string{"e.example /x"}},
		{"@id", map[string]http.HandlerFunc{"e.example /x": doc(obj{"@id": "http://e.example/x", "type": "Note"})},
			"http://e.example/x", ErrRefused, []string{"e.example /x"}},
		{"an id that cannot be fetched", map[string]http.HandlerFunc{"e.example /x": note("ap://did:key:z6Mk/x")},
			"http://e.example/x", ErrRefused, []string{"e.example /x"}},
		{"an id with another path to it", map[string]http.HandlerFunc{"e.example /x": note("http://e.example/a/../x")},
			"http://e.example/x", ErrGone, []string{"e.example /x", "e.example /a/../x"}},
		{"our id", map[string]http.HandlerFunc{"e.example /x": note("http://" + own + "/users/owner/posts/1")},
			"http://e.example/x", ErrRefused, []string{"e.example /x"}},
		{"our id in capitals", map[string]http.HandlerFunc{"e.example /x": note("http://" + strings.ToUpper(own) + ":80/users/owner/posts/1")},
			"http://e.example/x", ErrRefused, []string{"e.example /x"}},
		{"a redirect to us", map[string]http.HandlerFunc{"e.example /x": moved("http://" + own + "/users/owner")},
			"http://e.example/x", ErrRefused, []string{"e.example /x"}},
		{"us", nil, "http://" + own + "/users/owner", ErrRefused, nil},
		{"a redirect to nowhere", map[string]http.HandlerFunc{"e.example /x": moved("")}, "http://e.example/x", ErrRefused, []string{"e.example /x"}},
		{"a redirect home", map[string]http.HandlerFunc{"e.example /x": moved("http://127.0.0.1/x")}, "http://e.example/x", ErrRefused, []string{"e.example /x"}},
		{"a redirect to a file", map[string]http.HandlerFunc{"e.example /x": moved("file:///etc/passwd")}, "http://e.example/x", ErrRefused, []string{"e.example /x"}},
		{"redirects in a circle", map[string]http.HandlerFunc{"e.example /x": moved("/y"), "e.example /y": moved("/x")},
			"http://e.example/x", ErrRefused, []string{"e.example /x", "e.example /y", "e.example /x", "e.example /y"}},
		{"a tombstone", map[string]http.HandlerFunc{"e.example /x": doc(obj{"id": "http://e.example/x", "type": "Tombstone"})},
			"http://e.example/x", ErrGone, []string{"e.example /x"}},
		{"not found", nil, "http://e.example/x", ErrGone, []string{"e.example /x"}},
		{"gone", map[string]http.HandlerFunc{"e.example /x": code(410)}, "http://e.example/x", ErrGone, []string{"e.example /x"}},
		{"too many", map[string]http.HandlerFunc{"e.example /x": code(429)}, "http://e.example/x", ErrUnreachable, []string{"e.example /x"}},
		{"broken", map[string]http.HandlerFunc{"e.example /x": code(500)}, "http://e.example/x", ErrUnreachable, []string{"e.example /x"}},
		{"no content", map[string]http.HandlerFunc{"e.example /x": code(204)}, "http://e.example/x", ErrRefused, []string{"e.example /x"}},
		{"a teapot", map[string]http.HandlerFunc{"e.example /x": code(418)}, "http://e.example/x", ErrRefused, []string{"e.example /x"}},
		{"not JSON", map[string]http.HandlerFunc{"e.example /x": page(vocab.ContentType, "<html>")}, "http://e.example/x", ErrRefused, []string{"e.example /x"}},
		{"two ids", map[string]http.HandlerFunc{"e.example /x": page(vocab.ContentType, `{"id":"http://e.example/x","id":"http://v.example/notes/1"}`)},
			"http://e.example/x", ErrRefused, []string{"e.example /x"}},
		{"an id in capitals", map[string]http.HandlerFunc{"e.example /x": page(vocab.ContentType, `{"ID":"http://v.example/notes/1","id":"http://e.example/x"}`)},
			"http://e.example/x", ErrRefused, []string{"e.example /x"}},
		{"2 MiB", map[string]http.HandlerFunc{"e.example /x": note("http://e.example/x", obj{"content": strings.Repeat("a", 2<<20)})},
			"http://e.example/x", ErrRefused, []string{"e.example /x"}},
		{"a server that is not there", nil, "http://nowhere.example/x", ErrUnreachable, nil},
		{"no URL", nil, "x", ErrRefused, nil},
		{"an address with a user", nil, "http://v.example@e.example/x", ErrRefused, nil},
		{"an address with a backslash", nil, `http://e.example\@v.example/x`, ErrRefused, nil},
		{"too long", nil, "http://e.example/" + strings.Repeat("x", 4096), ErrRefused, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			v, e := w.net.site("v.example"), w.net.site("e.example")
			v.serve("/notes/1", note(genuine, obj{"content": "true"}))
			w.net.site(own)
			for at, h := range tt.pages {
				host, path, _ := strings.Cut(at, " ")
				map[string]*site{"v.example": v, "e.example": e}[host].serve(path, h)
			}
			w.unchanged(func() {
				for range 2 { // the second time, what failed is remembered
					d, err := w.Fetch(t.Context(), tt.uri)
					w.quiet(err)
					switch want := tt.want.(type) {
					case error:
						if !errors.Is(err, want) || d != nil {
							t.Errorf("%v, %v; want %v", d, err, want)
						}
					case string:
						if err != nil || d.ID() != want || d.Text("content") != "true" {
							t.Errorf("%v, %v; want %v", d, err, want)
						}
						if err == nil {
							w.net.counted(t, tt.requests...)
							return
						}
					}
				}
				w.net.counted(t, tt.requests...)
			})
		})
	}
}

func TestContentTypesOfDocuments(t *testing.T) {
	w := newWorld(t)
	e := w.net.site("e.example")
	const as = "https://www.w3.org/ns/activitystreams"
	for i, tt := range []struct {
		contentType string
		ok          bool
	}{
		{"application/activity+json", true},
		{"application/activity+json; charset=utf-8", true},
		{`Application/Activity+JSON; profile="x"`, true},
		{`application/ld+json; profile="` + as + `"`, true},
		{`application/ld+json; profile="https://e.example/ns ` + as + `"; charset=utf-8`, true},
		{"application/ld+json", false},
		{`application/ld+json; profile="` + as + `/x"`, false},
		{`application/ld+json; profile="https://e.example/ns"`, false},
		{"application/json", false},
		{"application/jrd+json", false},
		{"text/html", false},
		{"text/plain; application/activity+json", false},
		{"application/activity+jsonp", false},
		{"", false},
	} {
		uri := e.url(fmt.Sprintf("/%d", i))
		e.serve(fmt.Sprintf("/%d", i), page(tt.contentType, fmt.Sprintf(`{"id":%q,"type":"Note"}`, uri)))
		if _, err := w.Fetch(t.Context(), uri); tt.ok != (err == nil) || err != nil && !errors.Is(err, ErrRefused) {
			t.Errorf("%q: %v", tt.contentType, err)
		}
	}
}
