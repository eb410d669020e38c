package resolve

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dunnock-server/dunnock/storage"
)

// deliver is Authenticate for a POST in the name of claimed.
func (w *world) deliver(p *person, claimed string, keyID ...string) (*Signed, error) {
	req, body := p.post("{}", keyID...)
	return w.Authenticate(w.t.Context(), req, body, claimed)
}

// visit is Authenticate for a GET.
func (w *world) visit(p *person, keyID ...string) (*Signed, error) {
	return w.Authenticate(w.t.Context(), p.get(keyID...), nil, "")
}

// refused expects that a signature proves nothing, that nothing is stored, and that these requests were made.
func (w *world) refused(f func() (*Signed, error), want error, requests ...string) {
	w.t.Helper()
	w.unchanged(func() {
		signed, err := f()
		if !errors.Is(err, want) || signed != nil {
			w.t.Errorf("%v, %v; want %v", signed, err, want)
		}
		w.quiet(err)
	})
	w.net.counted(w.t, requests...)
}

func TestAStrangerCostsTwoRequestsAndSomebodyKnownNone(t *testing.T) {
	for _, way := range []string{"GET", "POST"} {
		t.Run(way, func(t *testing.T) {
			w := newWorld(t)
			alice := w.net.site("v.example").person("alice")
			sign := func() (*Signed, error) { return w.visit(alice) }
			if way == "POST" {
				sign = func() (*Signed, error) { return w.deliver(alice, alice.uri) }
			}
			for _, requests := range [][]string{{"v.example /users/alice", finger("v.example", "alice")}, nil, nil} {
				s, err := sign()
				if err != nil {
					t.Fatal(err)
				}
				if s.Actor != alice.uri || s.KeyID != alice.keyID || s.Host != "v.example" || time.Since(s.At) > time.Minute {
					t.Errorf("signed by %+v", s)
				}
				w.net.counted(t, requests...)
			}
		})
	}
}

func TestSignersWhoseServerIsDownOrSaysTheyAreGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		v := w.net.site("v.example")
		alice, bob := v.person("alice"), v.person("bob")
		w.net.down("v.example", true)
		for range 10 {
			w.refused(func() (*Signed, error) { return w.deliver(alice, alice.uri) }, ErrUnreachable)
			w.refused(func() (*Signed, error) { return w.visit(alice) }, ErrUnreachable)
		}
		w.net.down("v.example", false)
		time.Sleep(missFor + time.Second)
		if _, err := w.deliver(alice, alice.uri); err != nil {
			t.Errorf("when it is up again: %v", err)
		}
		w.net.requests()

		v.serve("/users/bob", code(http.StatusGone))
		w.refused(func() (*Signed, error) { return w.deliver(bob, bob.uri) }, ErrGone, "v.example /users/bob")
		w.refused(func() (*Signed, error) { return w.deliver(bob, bob.uri) }, ErrGone)
		w.refused(func() (*Signed, error) { return w.visit(bob) }, ErrGone, "v.example /users/bob")
		w.refused(func() (*Signed, error) { return w.visit(bob) }, ErrGone)

		// A key that is known stays good while its server cannot be asked.
		w.net.down("v.example", true)
		time.Sleep(fresh + time.Hour)
		if s, err := w.visit(alice); err != nil || s.Actor != alice.uri {
			t.Errorf("a known key: %v", err)
		}
	})
}

func TestGoneActorsSignNothing(t *testing.T) {
	w := newWorld(t)
	alice := w.net.site("v.example").person("alice")
	if _, err := w.visit(alice); err != nil {
		t.Fatal(err)
	}
	key, err := w.db.Signer(t.Context(), alice.keyID)
	if err != nil {
		t.Fatal(err)
	}
	w.net.requests()
	w.write(func(ctx context.Context, tx storage.Tx) error { return tx.MarkActorGone(ctx, alice.uri, time.Now()) })
	w.refused(func() (*Signed, error) { return w.visit(alice) }, ErrUnverified)
	w.refused(func() (*Signed, error) { return w.deliver(alice, alice.uri) }, ErrUnverified)
	w.refused(func() (*Signed, error) { return w.Known(t.Context(), alice.get()) }, ErrUnverified)

	// Even if a key had stayed.
	w.write(func(ctx context.Context, tx storage.Tx) error {
		a, err := tx.Actor(ctx, alice.uri)
		if err != nil {
			return err
		}
		return tx.PutActor(ctx, a, []storage.ActorKey{{ID: key.KeyID, Actor: key.Actor, Public: key.Public, FetchedAt: key.FetchedAt}})
	})
	w.refused(func() (*Signed, error) { return w.visit(alice) }, ErrGone)
	w.refused(func() (*Signed, error) { return w.Known(t.Context(), alice.get()) }, ErrUnverified)
}

func TestWhatIsNotSignedByWhomItClaims(t *testing.T) {
	w := newWorld(t)
	v, e := w.net.site("v.example"), w.net.site("e.example")
	alice, bob, eve := v.person("alice"), v.person("bob"), e.person("eve")
	for _, p := range []*person{alice, bob, eve} {
		if _, err := w.visit(p); err != nil {
			t.Fatal(err)
		}
	}
	w.net.requests()
	authenticate := func(req *http.Request, body, claimed string) func() (*Signed, error) {
		return func() (*Signed, error) {
			stored, may, err := w.Stored(t.Context(), req, []byte(body), claimed)
			s, asked := w.Authenticate(t.Context(), req, []byte(body), claimed)
			if (err == nil) != (asked == nil) || err != nil && !errors.Is(err, ErrUnverified) || err == nil && (!may || stored.Actor != s.Actor) {
				t.Errorf("by the keys that are known: %+v, %v, %v; by all: %+v, %v", stored, may, err, s, asked)
			}
			return s, asked
		}
	}
	good, _ := alice.post("{}")
	w.refused(authenticate(good, "{}", bob.uri), ErrUnverified)    // of the same server
	w.refused(authenticate(good, "{}", eve.uri), ErrUnverified)    // of another
	w.refused(authenticate(good, "{ }", alice.uri), ErrUnverified) // another body
	w.refused(authenticate(good, "{}", alice.uri+"#"), ErrUnverified)
	unsigned, _ := alice.post("{}")
	unsigned.Header.Del("Signature")
	w.refused(authenticate(unsigned, "{}", alice.uri), ErrUnverified)
	elsewhere, _ := alice.post("{}")
	elsewhere.Host = "v.example"
	w.refused(authenticate(elsewhere, "{}", alice.uri), ErrUnverified)
	if _, err := authenticate(good, "{}", alice.uri)(); err != nil {
		t.Errorf("the true one: %v", err)
	}
}

func TestKnownAsksNobody(t *testing.T) {
	w := newWorld(t)
	alice := w.net.site("v.example").person("alice")
	known := func(r *http.Request) func() (*Signed, error) {
		return func() (*Signed, error) { return w.Known(t.Context(), r) }
	}
	w.refused(known(alice.get()), ErrUnverified)
	if _, err := w.visit(alice); err != nil {
		t.Fatal(err)
	}
	w.net.requests()
	if s, err := w.Known(t.Context(), alice.get()); err != nil || s.Actor != alice.uri || s.At.IsZero() {
		t.Errorf("%+v, %v", s, err)
	}
	w.refused(known(alice.get("http://"+own+"/actor#main-key")), ErrUnverified)
	alice.rotate()
	w.refused(known(alice.get()), ErrUnverified)
}
