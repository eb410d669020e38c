package resolve

import (
	"errors"
	"net/http"
	"strings"
	"testing"
)

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
				if s, err := w.visit(alice); err != nil || s.Actor != alice.uri || s.KeyID != alice.keyID {
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
		if s, err := w.deliver(alice, alice.uri); err != nil || s.Actor != alice.uri {
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
