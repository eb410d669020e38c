package resolve

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dunnock-server/dunnock/federation/httpsig"
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
				if s.Actor.URI != alice.uri || s.Actor.Handle != "alice@v.example" || s.KeyID != alice.keyID || s.Domain() != "v.example" || time.Since(s.At) > time.Minute {
					t.Errorf("signed by %+v", s)
				}
				w.net.counted(t, requests...)
			}
		})
	}
}

func TestKeysWithDocumentsOfTheirOwn(t *testing.T) {
	for _, tt := range []struct {
		name string
		at   string // the key's id, on v.example
		doc  func(alice *person, key string) obj
	}{
		{"stub of the actor, as GoToSocial's", "/users/alice/main-key", func(a *person, key string) obj {
			return obj{"id": a.uri, "type": "Person", "preferredUsername": "alice", "publicKey": obj{"id": key, "owner": a.uri, "publicKeyPem": a.pem()}}
		}},
		{"key with an owner", "/keys/7", func(a *person, key string) obj {
			return obj{"id": key, "type": "Key", "owner": a.uri, "publicKeyPem": a.pem()}
		}},
		{"key with an owner, and a fragment", "/keys/7#k", func(a *person, key string) obj {
			return obj{"id": key, "type": "Key", "owner": a.uri, "publicKeyPem": a.pem()}
		}},
		{"key with a controller", "/keys/7", func(a *person, key string) obj {
			return obj{"id": key, "type": "Multikey", "controller": a.uri}
		}},
		{"key without a type", "/keys/7", func(a *person, key string) obj { return obj{"id": key, "owner": a.uri} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			v := w.net.site("v.example")
			alice := v.person("alice")
			alice.keyID = v.url(tt.at)
			path, _, _ := strings.Cut(tt.at, "#")
			v.serve("/users/alice", doc(alice.document("alice")))
			v.serve(path, doc(tt.doc(alice, alice.keyID)))
			for _, requests := range [][]string{{"v.example " + path, "v.example /users/alice", finger("v.example", "alice")}, nil} {
				if s, err := w.visit(alice); err != nil || s.Actor.URI != alice.uri || s.KeyID != alice.keyID {
					t.Errorf("%+v, %v", s, err)
				}
				w.net.counted(t, requests...)
			}
			// Who says whom it comes from is asked for that: the key's document is not needed.
			w = newWorld(t)
			w.net.sites["v.example"] = v
			v.network = w.net
			if s, err := w.deliver(alice, alice.uri); err != nil || s.KeyID != alice.keyID {
				t.Errorf("%+v, %v", s, err)
			}
			w.net.counted(t, "v.example /users/alice", finger("v.example", "alice"))
		})
	}
}

func TestKeysThatProveNothing(t *testing.T) {
	for _, tt := range []struct {
		name     string
		set      func(e, v *site, eve, alice *person) // what the two servers say
		key      string                               // signed with by eve
		claimed  string
		want     error
		requests []string
	}{
		{name: "names another's actor as owner", key: "http://e.example/k", want: ErrUnverified, requests: []string{"e.example /k"},
			set: func(e, _ *site, eve, alice *person) {
				e.serve("/k", doc(obj{"id": e.url("/k"), "type": "Key", "owner": alice.uri, "publicKeyPem": eve.pem()}))
			}},
		{name: "names another's actor as owner, in whose name it signs", key: "http://e.example/k", claimed: "http://v.example/users/alice", want: ErrUnverified,
			set: func(e, _ *site, eve, alice *person) {
				e.serve("/k", doc(obj{"id": e.url("/k"), "type": "Key", "owner": alice.uri, "publicKeyPem": eve.pem()}))
			}},
		{name: "is a stub of another's actor", key: "http://e.example/k", want: ErrUnverified, requests: []string{"e.example /k"},
			set: func(e, _ *site, eve, alice *person) { e.serve("/k", doc(eve.document("alice", obj{"id": alice.uri}))) }},
		{name: "is another's, and leads to one's own actor", key: "http://v.example/redirect", want: ErrUnverified, requests: []string{"v.example /redirect", "e.example /users/eve"},
			set: func(_, v *site, eve, _ *person) { v.serve("/redirect", moved(eve.uri)) }},
		{name: "is owned by itself", key: "http://e.example/k", want: ErrUnverified, requests: []string{"e.example /k"},
			set: func(e, _ *site, _, _ *person) {
				e.serve("/k", doc(obj{"id": e.url("/k"), "type": "Key", "owner": e.url("/k")}))
			}},
		{name: "is an actor found elsewhere", key: "http://e.example/k", want: ErrUnverified, requests: []string{"e.example /k", "e.example /x"},
			set: func(e, _ *site, eve, _ *person) {
				e.serve("/k", moved(e.url("/x")))
				e.serve("/x", doc(eve.document("eve", obj{"id": e.url("/k")})))
			}},
		{name: "has no owner", key: "http://e.example/k", want: ErrUnverified, requests: []string{"e.example /k"},
			set: func(e, _ *site, _, _ *person) { e.serve("/k", doc(obj{"id": e.url("/k"), "type": "Key"})) }},
		{name: "is owned by the node", key: "http://e.example/k", want: ErrUnverified, requests: []string{"e.example /k"},
			set: func(e, _ *site, _, _ *person) {
				e.serve("/k", doc(obj{"id": e.url("/k"), "type": "Key", "owner": "http://" + own + "/users/owner"}))
			}},
		{name: "is a picture", key: "http://e.example/k", want: ErrRefused, requests: []string{"e.example /k"},
			set: func(e, _ *site, _, _ *person) { e.serve("/k", page("image/png", "{}")) }},
		{name: "is not there", key: "http://e.example/k", want: ErrGone, requests: []string{"e.example /k"}},
		{name: "is on a server that is not there", key: "http://nowhere.example/k", want: ErrUnreachable},
		{name: "is an account", key: "acct:alice@v.example", want: ErrUnverified},
		{name: "is the node's", key: "http://" + own + "/actor#main-key", want: ErrUnverified},
		{name: "is of another port", key: "http://v.example:8080/users/alice#main-key", claimed: "http://v.example/users/alice", want: ErrUnverified},
		{name: "is of another scheme", key: "https://v.example/users/alice#main-key", claimed: "http://v.example/users/alice", want: ErrUnverified},
		{name: "is in the way of an address at home", key: "http://127.0.0.1/k", want: ErrRefused},
		{name: "is in the way of a name at home", key: "http://printer.local/k", want: ErrRefused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			e, v := w.net.site("e.example"), w.net.site("v.example")
			eve, alice := e.person("eve"), v.person("alice")
			if tt.set != nil {
				tt.set(e, v, eve, alice)
			}
			sign := func() (*Signed, error) { return w.visit(eve, tt.key) }
			if tt.claimed != "" {
				sign = func() (*Signed, error) { return w.deliver(eve, tt.claimed, tt.key) }
			}
			w.refused(sign, tt.want, tt.requests...)
			w.refused(sign, tt.want) // and is not asked for again
		})
	}
}

// An actor's server lists a key under an id of another's (Akkoma 2025.03), or names another's actor as the owner of its
// own key (CVE-2026-96625): neither makes it a key of the other, nor of the one who lists it.
func TestListedKeysOfOtherOrigins(t *testing.T) {
	for _, known := range []bool{false, true} {
		w := newWorld(t)
		e, v := w.net.site("e.example"), w.net.site("v.example")
		alice := v.person("alice")
		eve := e.person("eve")
		e.serve("/users/eve", doc(eve.document("eve", obj{"publicKey": []any{
			obj{"id": alice.keyID, "owner": eve.uri, "publicKeyPem": eve.pem()},
			obj{"id": alice.keyID, "owner": alice.uri, "publicKeyPem": eve.pem()},
			obj{"id": eve.uri + "#k", "owner": alice.uri, "publicKeyPem": eve.pem()},
		}})))
		if _, err := w.Actor(t.Context(), eve.uri); err != nil {
			t.Fatal(err)
		}
		if known {
			if _, err := w.Actor(t.Context(), alice.uri); err != nil {
				t.Fatal(err)
			}
		}
		w.net.requests()
		for _, tt := range []struct{ key, claimed string }{
			{alice.keyID, alice.uri}, {alice.keyID, eve.uri}, {eve.uri + "#k", alice.uri}, {eve.uri + "#k", eve.uri},
		} {
			if s, err := w.deliver(eve, tt.claimed, tt.key); !errors.Is(err, ErrUnverified) {
				t.Errorf("%q for %q: %+v, %v", tt.key, tt.claimed, s, err)
			}
			if s, err := w.visit(eve, tt.key); !errors.Is(err, ErrUnverified) {
				t.Errorf("%q: %+v, %v", tt.key, s, err)
			}
		}
		if n := len(w.net.requests()); n > 2 || known && n > 0 {
			t.Errorf("%d requests", n)
		}
		if s, err := w.deliver(alice, alice.uri); err != nil || s.Actor.URI != alice.uri {
			t.Errorf("the true one: %v", err)
		}
	}
}

// A server whose address for an actor leads to another actor, or to a document that says it is another (GHSA-8863).
func TestAnActorThatLeadsToAnother(t *testing.T) {
	for name, answer := range map[string]func(e *site, eve, alice *person) http.HandlerFunc{
		"redirect":           func(_ *site, eve, _ *person) http.HandlerFunc { return moved(eve.uri) },
		"the other document": func(_ *site, eve, _ *person) http.HandlerFunc { return doc(eve.document("eve")) },
		"redirect to a document with the first id": func(e *site, eve, alice *person) http.HandlerFunc {
			e.serve("/fake", doc(eve.document("alice", obj{"id": alice.uri, "inbox": alice.uri + "/inbox"})))
			return moved(e.url("/fake"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			e, v := w.net.site("e.example"), w.net.site("v.example")
			eve, alice := e.person("eve"), v.person("alice")
			v.serve("/users/alice", answer(e, eve, alice))
			w.unchanged(func() {
				for range 3 {
					if s, err := w.deliver(eve, alice.uri, alice.keyID); !errors.Is(err, ErrRefused) {
						t.Errorf("%+v, %v", s, err)
					}
				}
			})
			if n := len(w.net.requests()); n > arrivalBudget {
				t.Errorf("%d requests", n)
			}
		})
	}
}

func TestBadSignaturesAreFree(t *testing.T) {
	w := newWorld(t)
	v := w.net.site("v.example")
	alice := v.person("alice")
	true_ := alice.private
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
	alice.private = true_
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
		if _, err := w.db.ActorKey(t.Context(), alice.uri+"#main-key"); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("the old key is still there: %v", err)
		}
	})
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
		if s, err := w.visit(alice); err != nil || s.Actor.URI != alice.uri {
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
	key, err := w.db.ActorKey(t.Context(), alice.keyID)
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
		return tx.PutActor(ctx, a, []storage.ActorKey{*key})
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
			if check := w.Check(req, []byte(body), claimed); check != nil && !errors.Is(check, ErrUnverified) {
				t.Errorf("check: %v", check)
			}
			return w.Authenticate(t.Context(), req, []byte(body), claimed)
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
	if s, err := w.Known(t.Context(), alice.get()); err != nil || s.Actor.URI != alice.uri || s.At.IsZero() {
		t.Errorf("%+v, %v", s, err)
	}
	w.refused(known(alice.get("http://"+own+"/actor#main-key")), ErrUnverified)
	alice.rotate()
	w.refused(known(alice.get()), ErrUnverified)
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
