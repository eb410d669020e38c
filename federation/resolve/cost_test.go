package resolve

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dunnock-server/dunnock/federation/httpsig"
	"github.com/dunnock-server/dunnock/storage"
)

func TestBadSignaturesAreFree(t *testing.T) {
	w := newWorld(t)
	v := w.net.site("v.example")
	alice := v.person("alice")
	genuine := alice.private
	alice.rotate() // somebody else's key
	for i := range 100 {
		if s, err := w.deliver(alice, alice.uri); !errors.Is(err, ErrUnverified) {
			t.Fatalf("%+v, %v", s, err)
		}
		if s, err := w.visit(alice, fmt.Sprintf("%s#key-%d", alice.uri, i)); !errors.Is(err, ErrUnverified) {
			t.Fatalf("%+v, %v", s, err)
		}
	}
	w.net.counted(t, "v.example /users/alice", finger("v.example", "alice"))
	alice.private = genuine
	if _, err := w.deliver(alice, alice.uri); err != nil {
		t.Errorf("the true one: %v", err)
	}
}

// What is no actor, or one that cannot be used, is not fetched for each signature in its name.
func TestBadSignaturesInTheNameOfWhatIsNoActor(t *testing.T) {
	for name, o := range map[string]obj{
		"a note":     {"id": "http://v.example/x", "type": "Note", "attributedTo": "http://v.example/users/alice"},
		"no inbox":   {"id": "http://v.example/x", "type": "Person", "preferredUsername": "x"},
		"another id": {"id": "http://v.example/y", "type": "Person"},
		"ours":       {"id": "http://" + own + "/users/owner", "type": "Person"},
		"no id":      {"type": "Person"},
		"a stub":     {"id": "http://v.example/users/alice", "type": "Person"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			v, eve := w.net.site("v.example"), w.net.site("e.example").person("eve")
			v.person("alice")
			v.serve("/x", doc(o))
			for i := range 50 {
				if s, err := w.deliver(eve, v.url("/x"), v.url(fmt.Sprintf("/x#%d", i))); err == nil {
					t.Fatalf("%+v", s)
				}
			}
			if n := len(w.net.requests()); n > 2 {
				t.Errorf("%d requests for an actor", n)
			}
			for i := range 50 {
				if s, err := w.visit(eve, v.url(fmt.Sprintf("/x#%d", i))); err == nil {
					t.Fatalf("%+v", s)
				}
			}
			if n := len(w.net.requests()); n > 3 {
				t.Errorf("%d requests for a key", n)
			}
		})
	}
}

func TestANewKeyUnderTheSameIDIsLookedForOnceInTenMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		v := w.net.site("v.example")
		alice := v.person("alice")
		visit := func(want error, requests ...string) {
			t.Helper()
			if _, err := w.visit(alice); !errors.Is(err, want) {
				t.Errorf("%v, want %v", err, want)
			}
			if _, err := w.deliver(alice, alice.uri); !errors.Is(err, want) {
				t.Errorf("%v, want %v", err, want)
			}
			w.net.counted(t, requests...)
		}
		actor := "v.example /users/alice"
		visit(nil, actor, finger("v.example", "alice"))
		alice.rotate()
		visit(ErrUnverified)
		time.Sleep(rekey)
		visit(ErrUnverified, actor) // not published yet
		v.serve("/users/alice", doc(alice.document("alice")))
		visit(ErrUnverified)
		time.Sleep(rekey - time.Second)
		visit(ErrUnverified)
		time.Sleep(time.Second)
		visit(nil, actor)
		visit(nil)

		alice.keyID = alice.uri + "#second"
		alice.rotate()
		v.serve("/users/alice", doc(alice.document("alice")))
		visit(ErrUnverified)
		time.Sleep(rekey)
		visit(nil, actor)
		if _, err := w.db.Signer(t.Context(), alice.uri+"#main-key"); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("the old key is still there: %v", err)
		}
	})
}

// An arrival may make the node ask five times in all, whatever the servers that it leads to answer.
func TestAnArrivalHasABudget(t *testing.T) {
	for _, tt := range []struct {
		detours int // redirects on the way to the key's document
		want    error
	}{{0, nil}, {1, nil}, {2, nil}, {3, ErrRefused}} {
		w := newWorld(t)
		e := w.net.site("e.example")
		eve := e.person("eve")
		eve.keyID = e.url("/k0")
		for i := range tt.detours {
			e.serve(fmt.Sprintf("/k%d", i), moved(fmt.Sprintf("/k%d", i+1)))
		}
		e.serve(fmt.Sprintf("/k%d", tt.detours), doc(obj{"id": eve.keyID, "type": "Key", "owner": eve.uri}))
		actor := doc(eve.document("eve"))
		e.serve("/users/eve", func(rw http.ResponseWriter, r *http.Request) {
			if scheme(t, r) == httpsig.Cavage {
				rw.WriteHeader(http.StatusUnauthorized)
				return
			}
			actor(rw, r)
		})
		if s, err := w.visit(eve); !errors.Is(err, tt.want) {
			t.Errorf("%d detours: %+v, %v", tt.detours, s, err)
		}
		if n := len(w.net.requests()); n != min(4+tt.detours, arrivalBudget) {
			t.Errorf("%d detours: %d requests", tt.detours, n)
		}
		if s, err := w.visit(eve); !errors.Is(err, tt.want) {
			t.Errorf("%d detours, again: %+v, %v", tt.detours, s, err)
		}
		w.net.counted(t)
	}
}
