package resolve

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/storage"
)

func TestHandlesAreReadInOneWay(t *testing.T) {
	for text, want := range map[string]string{
		"bob@v.example": "bob@v.example", "@bob@v.example": "bob@v.example", "acct:bob@v.example": "bob@v.example",
		"@Bob@V.Example": "bob@v.example", "bob@v.example.": "bob@v.example", "b.o_b-1@v.example": "b.o_b-1@v.example",
		"bob@xn--bcher-kva.example": "bob@xn--bcher-kva.example", "bob@bücher.example": "bob@xn--bcher-kva.example", "bob@BÜCHER.example": "bob@xn--bcher-kva.example",
		"Жук@v.example": "жук@v.example", "bob@v.example:443": "", "bob@v.example:8080": "", "bob@v.example:80": "",
		"": "", "@": "", "@@": "", "bob": "", "@bob": "", "bob@": "", "@v.example": "", "@@v.example": "", "@@bob@v.example": "", "bob@@v.example": "",
		"bob@v.example@w.example": "", "bob@w@v.example": "", "@acct:bob@v.example": "", "acct:acct:bob@v.example": "", "mailto:bob@v.example": "",
		"bob@exa/mple.org": "", `bob@exa\mple.org`: "", "bob@exa%2fmple.org": "", "bob@exa:mple.org": "", "bob@exa mple.org": "", "bob@exa\tmple.org": "",
		"bob@v.example/path": "", "bob@v.example?x": "", "bob@v.example#x": "", "bob@exa\u00admple.org": "", "bob@v..example": "",
		"b/ob@v.example": "", `b\ob@v.example`: "", "b%6fb@v.example": "", "b:ob@v.example": "", "b ob@v.example": "", "b?ob@v.example": "", "b#ob@v.example": "",
		"b\x1b[2Job@v.example": "", "b\u202eob@v.example": "", "b\x00ob@v.example": "", "b\nob@v.example": "", "b\"ob@v.example": "",
		strings.Repeat("b", 129) + "@v.example": "", "bob@" + strings.Repeat("v", 300) + ".example": "",
	} {
		h, err := parseHandle(text, false)
		switch {
		case want == "" && (!errors.Is(err, ErrRefused) || h != handle{}):
			t.Errorf("%q is read as %q, %v", text, h, err)
		case want != "" && (err != nil || h.String() != want):
			t.Errorf("%q is read as %q, %v; want %q", text, h, err, want)
		}
	}
	if h, err := parseHandle("bob@v.example:8080", true); err != nil || h.String() != "bob@v.example:8080" {
		t.Errorf("in trials: %q, %v", h, err)
	}
}

func TestHandleFindsAnActorOnce(t *testing.T) {
	w := newWorld(t)
	v := w.net.site("v.example")
	bob := v.person("bob")
	v.handles["Bob"] = bob.uri
	for i, text := range []string{"bob@v.example", "@bob@v.example", "acct:bob@V.example", "Bob@v.example"} {
		a, err := w.Handle(t.Context(), text)
		if err != nil || a.URI != bob.uri || a.Handle != "bob@v.example" {
			t.Fatalf("%q: %+v, %v", text, a, err)
		}
		if i == 0 {
			w.net.counted(t, finger("v.example", "bob"), "v.example /users/bob", finger("v.example", "bob"))
		}
	}
	w.net.counted(t) // the others cost nothing
}

// A handle that could not be confirmed when its actor came is confirmed when the owner asks for it.
func TestAHandleIsConfirmedLater(t *testing.T) {
	for name, fetch := range map[string]func(w *world, bob *person) error{
		"its server was silent": func(w *world, bob *person) error {
			bob.serve("/.well-known/webfinger", code(503))
			_, err := w.Actor(w.t.Context(), bob.uri)
			return err
		},
		"the budget was used up": func(w *world, bob *person) error {
			_, err := w.Actor(hardening.WithBudget(w.t.Context(), 1), bob.uri)
			return err
		},
		"its server did not know": func(w *world, bob *person) error {
			bob.serve("/.well-known/webfinger", code(404))
			_, err := w.Actor(w.t.Context(), bob.uri)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				bob := w.net.site("v.example").person("bob")
				if err := fetch(w, bob); err != nil {
					t.Fatal(err)
				}
				if a, err := w.db.Actor(t.Context(), bob.uri); err != nil || a.Handle != "" {
					t.Fatalf("%+v, %v", a, err)
				}
				bob.serve("/.well-known/webfinger", bob.webfinger)
				time.Sleep(missGoneFor + time.Second)
				if a, err := w.Handle(t.Context(), "bob@v.example"); err != nil || a.URI != bob.uri {
					t.Errorf("%+v, %v", a, err)
				}
				if a, err := w.db.ActorByHandle(t.Context(), "bob@v.example"); err != nil || a.URI != bob.uri {
					t.Errorf("not kept: %+v, %v", a, err)
				}
			})
		})
	}
}

func TestUserNamesThatChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		v := w.net.site("v.example")
		bob := v.person("bob")
		handle := func(text, want string, requests ...string) {
			t.Helper()
			a, err := w.Handle(t.Context(), text)
			switch {
			case want == "" && err == nil:
				t.Errorf("%q is %s", text, a.URI)
			case want != "" && (err != nil || a.URI != want || a.Handle != text):
				t.Errorf("%q is %+v, %v; want %s", text, a, err, want)
			}
			w.net.counted(t, requests...)
		}
		handle("bob@v.example", bob.uri, finger("v.example", "bob"), "v.example /users/bob", finger("v.example", "bob"))

		// Renamed: found out at the next fetch, in the end when it is stale.
		v.serve("/users/bob", doc(bob.document("robert")))
		v.handles = map[string]string{"robert": bob.uri}
		handle("bob@v.example", bob.uri)
		time.Sleep(fresh)
		handle("bob@v.example", "", "v.example /users/bob", finger("v.example", "robert"), finger("v.example", "bob"))
		handle("robert@v.example", bob.uri)

		// Somebody else gets the old name.
		time.Sleep(missGoneFor + time.Second)
		other := v.person("bob2")
		v.serve("/users/bob2", doc(other.document("bob")))
		v.handles["bob"] = other.uri
		handle("bob@v.example", other.uri, finger("v.example", "bob"), "v.example /users/bob2", finger("v.example", "bob"))
		handle("robert@v.example", bob.uri)

		// And the name that is still in use here: its domain says whose it is now.
		third := v.person("robert3")
		v.serve("/users/robert3", doc(third.document("robert")))
		v.handles["robert"] = third.uri
		if a, err := w.Actor(t.Context(), third.uri); err != nil || a.Handle != "robert@v.example" {
			t.Errorf("%+v, %v", a, err)
		}
		w.net.requests()
		handle("robert@v.example", third.uri)
		if a, err := w.db.Actor(t.Context(), bob.uri); err != nil || a.Handle != "" {
			t.Errorf("two are called so: %+v, %v", a, err)
		}

		// A server that is silent takes nobody's name.
		time.Sleep(fresh)
		v.serve("/.well-known/webfinger", code(503))
		if a, err := w.Actor(t.Context(), other.uri); err != nil || a.Handle != "bob@v.example" {
			t.Errorf("%+v, %v", a, err)
		}
		// One that says no does.
		time.Sleep(fresh)
		v.serve("/.well-known/webfinger", code(404))
		if a, err := w.Actor(t.Context(), other.uri); err != nil || a.Handle != "" {
			t.Errorf("%+v, %v", a, err)
		}
	})
}

func TestHandlesThatAreNotLookedUp(t *testing.T) {
	w := newWorld(t)
	w.net.site(own)
	for _, text := range []string{"owner@" + own, "bob@" + own, "bob", "bob@127.0.0.1", "bob@localhost", "bob@printer.local", "bob@exa/mple.org", "bob@[::1]"} {
		w.unchanged(func() {
			if a, err := w.Handle(t.Context(), text); !errors.Is(err, ErrRefused) {
				t.Errorf("%q: %+v, %v", text, a, err)
			}
		})
		w.net.counted(t)
	}
	// With https, ports are for nobody.
	w.ids.Scheme = "https"
	if a, err := w.Handle(t.Context(), "bob@v.example:8443"); !errors.Is(err, ErrRefused) {
		t.Errorf("%+v, %v", a, err)
	}
	w.net.counted(t)
}

func TestAGoneActorHasNoHandle(t *testing.T) {
	w := newWorld(t)
	v := w.net.site("v.example")
	bob := v.person("bob")
	if _, err := w.Handle(t.Context(), "bob@v.example"); err != nil {
		t.Fatal(err)
	}
	w.write(func(ctx context.Context, tx storage.Tx) error { return tx.MarkActorGone(ctx, bob.uri, time.Now()) })
	if a, err := w.Handle(t.Context(), "bob@v.example"); !errors.Is(err, ErrGone) {
		t.Errorf("%+v, %v", a, err)
	}
	other := v.person("other")
	v.serve("/users/other", doc(other.document("bob")))
	v.handles["bob"] = other.uri
	if a, err := w.Handle(t.Context(), "bob@v.example"); err != nil || a.URI != other.uri {
		t.Errorf("%+v, %v", a, err)
	}
}
