package resolve

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/storage"
)

func TestAPostIsFetchedOnceWithItsAuthor(t *testing.T) {
	w := newWorld(t)
	v := w.net.site("v.example")
	alice := v.person("alice", obj{"followers": "http://v.example/f/alice"})
	note := alice.note("/notes/1", obj{"type": "Question", "oneOf": []any{obj{"name": "yes"}, obj{"name": "no"}},
		"to": []any{"http://v.example/f/alice"}, "inReplyTo": "http://v.example/notes/0", "url": "http://v.example/@alice/1"})
	v.serve("/notes/1", doc(note))
	for _, requests := range [][]string{{"v.example /notes/1", "v.example /users/alice", finger("v.example", "alice")}, nil} {
		p, err := w.Post(t.Context(), v.url("/notes/1"))
		if err != nil {
			t.Fatal(err)
		}
		if p.Author != alice.uri || p.Visibility != storage.Followers || p.Conversation != "http://v.example/notes/0" || p.Local {
			t.Errorf("%+v", p)
		}
		w.net.counted(t, requests...)
	}
	if poll, err := w.db.Poll(t.Context(), v.url("/notes/1")); err != nil || len(poll.Options) != 2 {
		t.Errorf("%+v, %v", poll, err)
	}
	for _, what := range []string{v.url("/notes/1"), "http://v.example/@alice/1"} {
		if a, p, err := w.Any(t.Context(), what); err != nil || a != nil || p.URI != v.url("/notes/1") {
			t.Errorf("%v, %v, %v", a, p, err)
		}
	}
	w.net.counted(t)
}

func TestPostsThatAreRefused(t *testing.T) {
	for _, tt := range []struct {
		name  string
		pages func(v, e *site, alice, eve *person) map[string]http.HandlerFunc // of e.example
		want  error
		costs int
	}{
		{"of another's author", func(_, _ *site, alice, eve *person) map[string]http.HandlerFunc {
			return map[string]http.HandlerFunc{"/x": doc(eve.note("/x", obj{"attributedTo": alice.uri}))}
		}, ErrRefused, 1},
		{"of another's author on another port", func(_, _ *site, _, eve *person) map[string]http.HandlerFunc {
			return map[string]http.HandlerFunc{"/x": doc(eve.note("/x", obj{"attributedTo": "http://e.example:8080/users/eve"}))}
		}, ErrRefused, 1},
		{"of nobody", func(_, _ *site, _, eve *person) map[string]http.HandlerFunc {
			return map[string]http.HandlerFunc{"/x": doc(eve.note("/x", obj{"attributedTo": nil}))}
		}, ErrRefused, 1},
		{"of us", func(_, _ *site, _, eve *person) map[string]http.HandlerFunc {
			return map[string]http.HandlerFunc{"/x": doc(eve.note("/x", obj{"attributedTo": "http://" + own + "/users/owner"}))}
		}, ErrRefused, 1},
		{"of an author who is gone", func(_, e *site, _, eve *person) map[string]http.HandlerFunc {
			return map[string]http.HandlerFunc{"/x": doc(eve.note("/x")), "/users/eve": code(410)}
		}, ErrGone, 2},
		{"of an author whom nobody can reach", func(_, e *site, _, eve *person) map[string]http.HandlerFunc {
			return map[string]http.HandlerFunc{"/x": doc(eve.note("/x")), "/users/eve": code(500)}
		}, ErrUnreachable, 2},
		{"of an author who is a note", func(_, e *site, _, eve *person) map[string]http.HandlerFunc {
			return map[string]http.HandlerFunc{"/x": doc(eve.note("/x")), "/users/eve": doc(eve.note("/users/eve"))}
		}, ErrRefused, 2},
		{"a tombstone", func(_, e *site, _, eve *person) map[string]http.HandlerFunc {
			return map[string]http.HandlerFunc{"/x": doc(obj{"id": e.url("/x"), "type": "Tombstone", "formerType": "Note"})}
		}, ErrGone, 1},
		{"gone", func(_, e *site, _, eve *person) map[string]http.HandlerFunc {
			return map[string]http.HandlerFunc{"/x": code(410)}
		}, ErrGone, 1},
		{"an activity", func(_, e *site, _, eve *person) map[string]http.HandlerFunc {
			return map[string]http.HandlerFunc{"/x": doc(obj{"id": e.url("/x"), "type": "Create", "actor": eve.uri, "object": eve.note("/y")})}
		}, ErrRefused, 1},
		{"another's, forged", func(_, e *site, alice, eve *person) map[string]http.HandlerFunc {
			return map[string]http.HandlerFunc{"/x": doc(alice.note("/gone", obj{"content": "forged"}))}
		}, ErrGone, 2},
		{"ours, forged", func(_, e *site, _, eve *person) map[string]http.HandlerFunc {
			return map[string]http.HandlerFunc{"/x": doc(eve.note("/x", obj{"id": "http://" + own + "/users/owner/posts/1"}))}
		}, ErrRefused, 1},
		{"an upload", func(_, e *site, _, eve *person) map[string]http.HandlerFunc {
			text, _ := vocab.Object(eve.note("/x")).Marshal()
			return map[string]http.HandlerFunc{"/x": page("application/json", string(text))}
		}, ErrRefused, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			v, e := w.net.site("v.example"), w.net.site("e.example")
			w.net.site(own)
			for path, h := range tt.pages(v, e, v.person("alice"), e.person("eve")) {
				e.serve(path, h)
			}
			w.unchanged(func() {
				for range 2 {
					if p, err := w.Post(t.Context(), e.url("/x")); !errors.Is(err, tt.want) || p != nil {
						t.Errorf("%+v, %v; want %v", p, err, tt.want)
					}
				}
				first := len(w.net.requests())
				a, p, err := w.Any(t.Context(), e.url("/x"))
				if !errors.Is(err, tt.want) || a != nil || p != nil {
					t.Errorf("%+v, %+v, %v; want %v", a, p, err, tt.want)
				}
				if first < tt.costs || first > 2*tt.costs {
					t.Errorf("%d requests, want %d", first, tt.costs)
				}
			})
		})
	}
}

// A post is its id. A page that leads to it is for whoever names pages.
func TestPagesLeadToPosts(t *testing.T) {
	w := newWorld(t)
	v, e := w.net.site("v.example"), w.net.site("e.example")
	alice := v.person("alice")
	v.serve("/notes/1", doc(alice.note("/notes/1")))
	v.serve("/@alice/1", doc(alice.note("/notes/1")))
	e.serve("/copy", doc(alice.note("/notes/1", obj{"content": "forged"})))
	for _, uri := range []string{v.url("/@alice/1"), e.url("/copy")} {
		w.unchanged(func() {
			if p, err := w.Post(t.Context(), uri); !errors.Is(err, ErrRefused) {
				t.Errorf("%+v, %v", p, err)
			}
		})
	}
	for _, uri := range []string{e.url("/copy"), v.url("/@alice/1")} {
		if a, p, err := w.Any(t.Context(), uri); err != nil || a != nil || p.URI != v.url("/notes/1") || p.Content != "<p>hello</p>" {
			t.Errorf("%+v, %+v, %v", a, p, err)
		}
	}
}

func TestAnyFindsActors(t *testing.T) {
	w := newWorld(t)
	v := w.net.site("v.example")
	alice := v.person("alice")
	v.serve("/@alice", moved("/users/alice"))
	for i, what := range []string{v.url("/@alice"), alice.uri, "alice@v.example", "@Alice@v.example"} {
		a, p, err := w.Any(t.Context(), what)
		if err != nil || p != nil || a.URI != alice.uri {
			t.Errorf("%q: %+v, %+v, %v", what, a, p, err)
		}
		if n := len(w.net.requests()); i > 0 && n > 0 {
			t.Errorf("%q: %d requests", what, n)
		}
	}
}

func TestOwnAndDeletedPosts(t *testing.T) {
	w := newWorld(t)
	v := w.net.site("v.example")
	w.net.site(own)
	alice := v.person("alice")
	v.serve("/notes/1", doc(alice.note("/notes/1", obj{"url": "http://v.example/@alice/1"})))
	v.serve("/@alice/1", moved("/notes/1"))
	ours := &storage.Post{URI: w.ids.Post("1"), Token: "1", Local: true, Type: "Note", Author: w.ids.Owner(), Published: storage.Now(), CreatedAt: storage.Now()}
	w.write(func(ctx context.Context, tx storage.Tx) error { _, err := tx.InsertPost(ctx, ours); return err })
	if _, err := w.Post(t.Context(), v.url("/notes/1")); err != nil {
		t.Fatal(err)
	}
	w.net.requests()

	if p, err := w.Post(t.Context(), ours.URI); err != nil || p.URI != ours.URI {
		t.Errorf("an own one: %+v, %v", p, err)
	}
	if _, p, err := w.Any(t.Context(), ours.URI); err != nil || p.URI != ours.URI {
		t.Errorf("an own one: %+v, %v", p, err)
	}
	for _, uri := range []string{w.ids.Post("2"), w.ids.Owner(), "http://" + own + "/"} {
		if p, err := w.Post(t.Context(), uri); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("%+v, %v", p, err)
		}
		if a, p, err := w.Any(t.Context(), uri); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("%+v, %+v, %v", a, p, err)
		}
	}

	w.write(func(ctx context.Context, tx storage.Tx) error {
		return tx.BuryPost(ctx, v.url("/notes/1"), storage.Now())
	})
	w.unchanged(func() {
		if p, err := w.Post(t.Context(), v.url("/notes/1")); !errors.Is(err, ErrGone) {
			t.Errorf("a deleted one: %+v, %v", p, err)
		}
		if _, p, err := w.Any(t.Context(), v.url("/notes/1")); !errors.Is(err, ErrGone) {
			t.Errorf("a deleted one: %+v, %v", p, err)
		}
		w.net.counted(t)
		// Its server may still have it: here it stays deleted.
		if _, p, err := w.Any(t.Context(), v.url("/@alice/1")); !errors.Is(err, ErrGone) || p != nil {
			t.Errorf("a deleted one by its page: %+v, %v", p, err)
		}
	})
}
