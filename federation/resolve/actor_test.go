package resolve

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/storage"
)

// What a server may answer for http://v.example/users/bob that is not that actor.
func notBob(v, e *site, bob *person) map[string]http.HandlerFunc {
	v.serve("/users/rob", doc(bob.document("rob", obj{"id": "http://v.example/users/rob"})))
	e.serve("/users/bob", doc(bob.document("bob")))
	v.serve("/@bob", doc(bob.document("bob")))
	return map[string]http.HandlerFunc{
		"another id":               doc(bob.document("bob", obj{"id": "http://v.example/users/rob"})),
		"another's id":             doc(bob.document("bob", obj{"id": "http://e.example/users/bob"})),
		"our id":                   doc(bob.document("bob", obj{"id": "http://" + own + "/users/owner"})),
		"no id":                    doc(bob.document("bob", obj{"id": nil})),
		"a list of ids":            doc(bob.document("bob", obj{"id": []any{bob.uri}})),
		"an inbox elsewhere":       doc(bob.document("bob", obj{"inbox": "http://e.example/inbox"})),
		"an inbox at home":         doc(bob.document("bob", obj{"inbox": "http://127.0.0.3/inbox"})),
		"an inbox on another port": doc(bob.document("bob", obj{"inbox": "http://v.example:8080/inbox"})),
		"an inbox by mail":         doc(bob.document("bob", obj{"inbox": "mailto:bob@v.example"})),
		"a list of inboxes":        doc(bob.document("bob", obj{"inbox": []any{bob.uri + "/inbox"}})),
		"no inbox":                 doc(bob.document("bob", obj{"inbox": nil})),
		"our inbox":                doc(bob.document("bob", obj{"inbox": "http://" + own + "/inbox"})),
		"a note":                   doc(bob.note("/users/bob")),
		"a collection":             doc(bob.document("bob", obj{"type": "OrderedCollection"})),
		"no type":                  doc(bob.document("bob", obj{"type": nil})),
		"HTML":                     page("text/html", "<html>"),
		"another place":            moved("http://v.example/@bob"),
		"another server":           moved("http://e.example/users/bob"),
		"us":                       moved("http://" + own + "/users/owner"),
	}
}

func TestActorsThatAreRefused(t *testing.T) {
	net := newNetwork(t)
	v, e := net.site("v.example"), net.site("e.example")
	for name := range notBob(v, e, v.person("bob")) {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			v, e := w.net.site("v.example"), w.net.site("e.example")
			w.net.site(own)
			bob := v.person("bob")
			answer := notBob(v, e, bob)[name]

			v.serve("/users/bob", answer)
			w.unchanged(func() {
				for range 3 {
					a, err := w.Actor(t.Context(), bob.uri)
					if !errors.Is(err, ErrRefused) || a != nil {
						t.Errorf("%+v, %v", a, err)
					}
					w.quiet(err)
				}
			})
			if n := len(w.net.requests()); n > 4 {
				t.Errorf("%d requests", n)
			}

			// Of an actor that is known, nothing changes.
			w = newWorld(t)
			v, e = w.net.site("v.example"), w.net.site("e.example")
			bob = v.person("bob")
			if _, err := w.Actor(t.Context(), bob.uri); err != nil {
				t.Fatal(err)
			}
			v.serve("/users/bob", notBob(v, e, bob)[name])
			w.unchanged(func() {
				if a, err := w.Refresh(t.Context(), bob.uri); !errors.Is(err, ErrRefused) || a != nil {
					t.Errorf("%+v, %v", a, err)
				}
				if a, err := w.Actor(t.Context(), bob.uri); err != nil || a.Name != "BOB" {
					t.Errorf("%+v, %v", a, err)
				}
			})
		})
	}
}

func TestOwnActorsAreNotFetched(t *testing.T) {
	w := newWorld(t)
	w.net.site(own)
	for _, uri := range []string{w.ids.Owner(), w.ids.Server(), "http://" + strings.ToUpper(own) + "/users/owner", "https://" + own + "/users/owner"} {
		w.unchanged(func() {
			if a, err := w.Actor(t.Context(), uri); !errors.Is(err, ErrRefused) {
				t.Errorf("%+v, %v", a, err)
			}
		})
	}
	w.net.counted(t)
}

func TestActorsAreFetchedAgainAfterAWeek(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		v := w.net.site("v.example")
		bob := v.person("bob")
		actor := func(name string, want error, requests ...string) {
			t.Helper()
			a, err := w.Actor(t.Context(), bob.uri)
			if !errors.Is(err, want) || want == nil && a.Name != name {
				t.Errorf("%+v, %v; want %s, %v", a, err, name, want)
			}
			w.net.counted(t, requests...)
		}
		actor("BOB", nil, "v.example /users/bob", finger("v.example", "bob"))
		v.serve("/users/bob", doc(bob.document("bob", obj{"name": "Robert"})))
		time.Sleep(fresh - time.Minute)
		actor("BOB", nil)
		time.Sleep(time.Minute)
		actor("Robert", nil, "v.example /users/bob", finger("v.example", "bob"))

		// An old one is better than none, and its server is not asked for each question.
		time.Sleep(fresh)
		v.serve("/users/bob", code(503))
		actor("Robert", nil, "v.example /users/bob")
		actor("Robert", nil)
		time.Sleep(missFor + time.Second)
		w.net.down("v.example", true)
		actor("Robert", nil)
		if a, err := w.Actor(hardening.WithBudget(t.Context(), 0), bob.uri); err != nil || a.Name != "Robert" {
			t.Errorf("without a budget: %+v, %v", a, err)
		}
		w.net.down("v.example", false)
		time.Sleep(missFor + time.Second)
		v.serve("/users/bob", code(410))
		actor("", ErrGone, "v.example /users/bob")
		actor("", ErrGone)
		if a, err := w.db.Actor(t.Context(), bob.uri); err != nil || !a.GoneAt.IsZero() || a.Name != "Robert" {
			t.Errorf("what is kept: %+v, %v", a, err)
		}
	})
}

func TestAGoneActorMayComeBack(t *testing.T) {
	w := newWorld(t)
	bob := w.net.site("v.example").person("bob")
	if _, err := w.Actor(t.Context(), bob.uri); err != nil {
		t.Fatal(err)
	}
	w.write(func(ctx context.Context, tx storage.Tx) error { return tx.MarkActorGone(ctx, bob.uri, time.Now()) })
	w.net.requests()
	if _, err := w.Actor(t.Context(), bob.uri); !errors.Is(err, ErrGone) {
		t.Errorf("error %v", err)
	}
	w.net.counted(t)
	if a, err := w.Refresh(t.Context(), bob.uri); err != nil || !a.GoneAt.IsZero() {
		t.Errorf("%+v, %v", a, err)
	}
}

// A handle is a comfort: an actor is known without it.
func TestActorsWithoutAHandle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		v := w.net.site("v.example")
		for name, field := range map[string]any{"missing": nil, "empty": "", "a handle": "bob@bank.example", "a control": "b\x1bb", "a list": []any{"bob"}} {
			bob := v.person("bob")
			v.serve("/users/bob", doc(bob.document("bob", obj{"preferredUsername": field})))
			if a, err := w.Refresh(t.Context(), bob.uri); err != nil || a.Handle != "" || a.Username != "" {
				t.Errorf("%s: %+v, %v", name, a, err)
			}
			w.net.counted(t, "v.example /users/bob")
		}
		server := v.person("server", obj{"type": "Application"})
		if _, err := w.visit(server); err != nil {
			t.Errorf("a server's own actor: %v", err)
		}
		if a, err := w.db.Actor(t.Context(), server.uri); err != nil || a.Handle != "" {
			t.Errorf("a server's own actor: %+v, %v", a, err)
		}
		w.net.counted(t, "v.example /users/server")

		slow := v.person("slow")
		v.serve("/.well-known/webfinger", stuck)
		start := time.Now()
		_, err := w.visit(slow)
		if took := time.Since(start); err != nil || took != lookFor {
			t.Errorf("%v after %v", err, took)
		}
		if a, err := w.db.Actor(t.Context(), slow.uri); err != nil || a.Handle != "" {
			t.Errorf("%+v, %v", a, err)
		}
	})
}
