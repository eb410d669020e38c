package inbox

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/federation/httpsig"
	"github.com/dunnock-server/dunnock/storage"
)

// trio is the node, a victim's server and an attacker's.
type trio struct {
	*node
	victim, eve *actor
}

func newTrio(t *testing.T) trio {
	n := newNode(t)
	return trio{n, newPeer(t, n.net, "victim.example").person("vic"), newPeer(t, n.net, "eve.example").person("eve")}
}

// hello is an activity that would show: a direct message to the owner.
func (n *node) hello(from *actor, name string, fields ...obj) obj {
	return from.act("Create", from.note(name, "hello", obj{"to": []any{n.ids.Owner()}, "cc": nil}), fields...)
}

// refused sends a request and expects 401, no change, and at most some requests to find out.
func (n *node) refused(r *http.Request, atMost int) {
	n.t.Helper()
	requests := n.unchanged(func() {
		if status := n.do(r); status != http.StatusUnauthorized {
			n.t.Errorf("the inbox answers %d, not 401", status)
		}
	})
	if len(requests) > atMost {
		n.t.Errorf("the node asked: %v", requests)
	}
}

// TestWhoSignedIt has a subtest for each row of that name in the list of attacks that other servers fell to.
func TestWhoSignedIt(t *testing.T) {
	t.Run("CVE-2026-96625: a key document names the victim as its owner", func(t *testing.T) {
		w := newTrio(t)
		w.knows(w.victim)
		w.eve.serve("/k", obj{"id": w.eve.url("/k"), "type": "Key", "owner": w.victim.uri, "publicKeyPem": w.eve.doc["publicKey"].(obj)["publicKeyPem"]})
		w.refused(w.eve.signedBy(w.eve.url("/k"), encode(t, w.hello(w.victim, "1")), httpsig.Cavage), 0)
		// The same from inside an actor's document.
		w.eve.doc["publicKey"].(obj)["owner"] = w.victim.uri
		w.refused(w.eve.signed(encode(t, w.hello(w.victim, "2")), httpsig.Cavage), 0)
	})
	t.Run("GHSA-8863-8468-7hq7: the victim's URL leads to the attacker's actor", func(t *testing.T) {
		for name, lead := range map[string]func(w trio) any{
			"redirect": func(w trio) any { return redirectTo(w.eve.uri) },
			"served":   func(w trio) any { return w.eve.doc },
			"foreign key": func(w trio) any {
				return merge(obj{}, w.victim.doc, obj{"publicKey": w.eve.doc["publicKey"]})
			},
		} {
			t.Run(name, func(t *testing.T) {
				w := newTrio(t)
				w.knows(w.eve)
				w.victim.serve("/users/vic", lead(w))
				body := encode(t, w.hello(w.victim, "1"))
				requests := w.unchanged(func() {
					if status := w.do(w.eve.signedBy(w.victim.keyID, body, httpsig.Cavage)); status != http.StatusUnauthorized {
						t.Errorf("signed under the victim's key id: %d", status)
					}
					if status := w.do(w.eve.signed(body, httpsig.Cavage)); status != http.StatusUnauthorized {
						t.Errorf("signed under the attacker's key id: %d", status)
					}
				}, "actors") // what the victim's own server says of the victim may be kept
				w.few(requests)
			})
		}
	})
	t.Run("GHSA-4qhx-hhwf-8685: an id of another origin uses up the real one", func(t *testing.T) {
		w := newTrio(t)
		real := w.hello(w.victim, "1")
		forged := w.hello(w.eve, "1", obj{"id": real["id"]})
		w.silent(w.unchanged(func() {
			if status := w.do(w.eve.signed(encode(t, forged), httpsig.Cavage)); status != http.StatusBadRequest {
				t.Errorf("the inbox answers %d", status)
			}
		}))
		w.take(w.victim, real)
		w.stored(w.victim.url("/notes/1"))
	})
	t.Run("CVE-2026-90679: the actor is read from the body, the digest not recomputed", func(t *testing.T) {
		w := newTrio(t)
		w.knows(w.victim, w.eve)
		for _, scheme := range []httpsig.Scheme{httpsig.Cavage, httpsig.RFC9421} {
			w.refused(w.eve.signed(encode(t, w.hello(w.victim, "1")), scheme), 0)
			body := encode(t, w.hello(w.eve, "2"))
			r := w.eve.signed(body, scheme)
			flipped := []byte(strings.Replace(string(body), "hello", "hellp", 1))
			r.Body, r.ContentLength = bodyOf(flipped), int64(len(flipped))
			w.refused(r, 0)
		}
		// Two of one server are not each other either.
		mallory := w.eve.peer.person("mallory")
		w.knows(mallory)
		w.refused(mallory.signed(encode(t, w.hello(w.eve, "3")), httpsig.Cavage), 0)
	})
	t.Run("CVE-2026-55103: acct: binds a key to anyone", func(t *testing.T) {
		w := newTrio(t)
		w.knows(w.victim, w.eve)
		for _, id := range []string{"acct:vic@victim.example", "acct:eve@eve.example", "eve@eve.example", "urn:x", "ap://eve.example/users/eve"} {
			w.refused(w.eve.signedBy(id, encode(t, w.hello(w.victim, "1")), httpsig.Cavage), 0)
			w.refused(w.eve.signedBy(id, encode(t, w.hello(w.eve, "2")), httpsig.Cavage), 0)
		}
	})
	t.Run("Akkoma 2025.03: a key id is re-pointed to another owner", func(t *testing.T) {
		for _, known := range []bool{true, false} {
			w := newTrio(t)
			key := merge(obj{}, w.eve.doc["publicKey"].(obj), obj{"id": w.victim.keyID})
			w.eve.doc["publicKey"] = []any{w.eve.doc["publicKey"], key, merge(obj{}, key, obj{"owner": w.victim.uri})}
			w.knows(w.eve)
			if known {
				w.knows(w.victim)
			} else {
				w.victim.offline()
			}
			status := http.StatusUnauthorized
			if !known { // it may be the victim's: the victim's server has to say, and cannot
				status = http.StatusServiceUnavailable
			}
			w.silent(w.unchanged(func() {
				body := encode(t, w.hello(w.victim, "1"))
				if got := w.do(w.eve.signedBy(w.victim.keyID, body, httpsig.Cavage)); got != status {
					t.Errorf("known %v: the inbox answers %d", known, got)
				}
			}))
		}
	})
	t.Run("snac 2.93: data after the PEM block, and short keys", func(t *testing.T) {
		short, err := rsa.GenerateKey(rand.Reader, 1024)
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.MarshalPKIXPublicKey(&short.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		for name, spoil := range map[string]func(w trio, key obj){
			"long enough": func(w trio, key obj) { w.eve.private, key["publicKeyPem"] = rsaKey(), pemOf(t, rsaKey().Public()) },
			"rest":        func(w trio, key obj) { key["publicKeyPem"] = key["publicKeyPem"].(string) + "rest" },
			"two blocks": func(w trio, key obj) {
				key["publicKeyPem"] = key["publicKeyPem"].(string) + key["publicKeyPem"].(string)
			},
			"short": func(w trio, key obj) {
				w.eve.private = short
				key["publicKeyPem"] = string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
			},
		} {
			t.Run(name, func(t *testing.T) {
				w := newTrio(t)
				spoil(w, w.eve.doc["publicKey"].(obj))
				w.knows(w.eve)
				body := encode(t, w.hello(w.eve, "1"))
				r := w.eve.cavage(dated(request(t, body), body, time.Now()), all...)
				if name != "long enough" {
					w.refused(r, 0)
				} else if status := w.do(r); status != http.StatusAccepted {
					t.Errorf("the inbox answers %d: the other cases prove nothing", status)
				}
			})
		}
	})
	t.Run("CVE-2023-49079: the signature covers only the date", func(t *testing.T) {
		w := newTrio(t)
		w.knows(w.eve)
		body := encode(t, w.hello(w.eve, "1"))
		for _, covered := range [][]string{{"date"}, {"host", "date", "digest"}, {"(request-target)", "date", "digest"}, {"(request-target)", "host", "digest"}} {
			w.refused(w.eve.cavage(dated(request(t, body), body, time.Now()), covered...), 0)
		}
		elsewhere := dated(request(t, body), body, time.Now())
		elsewhere.Host = "other.example"
		w.refused(w.eve.cavage(elsewhere, all...), 0)
	})
	t.Run("CVE-2026-28432: the digest is not signed", func(t *testing.T) {
		w := newTrio(t)
		w.knows(w.eve)
		body := encode(t, w.hello(w.eve, "1"))
		w.refused(w.eve.cavage(dated(request(t, body), body, time.Now()), "(request-target)", "host", "date"), 0)
	})
	t.Run("Misskey 2024: the signature is in Authorization", func(t *testing.T) {
		w := newTrio(t)
		w.knows(w.eve)
		body := encode(t, w.hello(w.eve, "1"))
		r := w.eve.signed(body, httpsig.Cavage)
		r.Header.Set("Authorization", "Signature "+r.Header.Get("Signature"))
		w.refused(r, 0)
		r.Header.Del("Signature")
		r.Body = bodyOf(body)
		w.refused(r, 0)
	})
	t.Run("Mitra 2.9-5.4: two digests, uncovered components, another authority", func(t *testing.T) {
		w := newTrio(t)
		w.knows(w.eve)
		body, other := encode(t, w.hello(w.eve, "1")), encode(t, w.hello(w.eve, "2"))
		digested := func(of []byte) *http.Request {
			sum := sha256.Sum256(of)
			r := request(t, body)
			r.Header.Set("Content-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":")
			return r
		}
		// The digest that is right is not signed, and the one that is signed is of another body.
		r := dated(digested(body), other, time.Now())
		w.refused(w.eve.cavage(r, all...), 0)
		r = dated(digested(other), body, time.Now())
		w.refused(w.eve.rfc9421(r, "@method", "@target-uri", "content-digest"), 0)
		for _, covered := range [][]string{{"@target-uri", "content-digest"}, {"@method", "content-digest"}, {"@method", "@target-uri"}} {
			w.refused(w.eve.rfc9421(digested(body), covered...), 0)
		}
		r = digested(body)
		r.Host = "other.example"
		w.refused(w.eve.rfc9421(r, "@method", "@target-uri", "content-digest"), 0)
		if status := w.do(w.eve.rfc9421(digested(body), "@method", "@target-uri", "content-digest")); status != http.StatusAccepted {
			t.Errorf("a right signature is answered with %d: the cases above prove nothing", status)
		}
	})
	t.Run("PeerTube 8.2.3: the digest is of another body, or missing", func(t *testing.T) {
		w := newTrio(t)
		w.knows(w.eve)
		body := encode(t, w.hello(w.eve, "1"))
		w.refused(w.eve.cavage(dated(request(t, body), []byte("{}"), time.Now()), all...), 0)
		r := dated(request(t, body), body, time.Now())
		r.Header.Del("Digest")
		w.refused(w.eve.cavage(r, "(request-target)", "host", "date"), 0)
		r = dated(request(t, body), body, time.Now())
		r.Header.Set("Digest", strings.Replace(r.Header.Get("Digest"), "SHA-256", "sha-256", 1))
		if status := w.do(w.eve.cavage(r, all...)); status != http.StatusAccepted {
			t.Errorf("sha-256 in lower case: %d", status)
		}
	})
	t.Run("replay, skew", func(t *testing.T) {
		w := newTrio(t)
		w.knows(w.eve)
		body := encode(t, w.hello(w.eve, "1"))
		for _, skew := range []time.Duration{-13 * time.Hour, -2 * time.Hour, 2 * time.Hour} {
			w.refused(w.eve.cavage(dated(request(t, body), body, time.Now().Add(skew)), all...), 0)
		}
		for _, date := range []string{"yesterday", ""} {
			r := dated(request(t, body), body, time.Now())
			r.Header.Set("Date", date)
			w.refused(w.eve.cavage(r, all...), 0)
		}
		r := dated(request(t, body), body, time.Now())
		r.Header.Del("Date")
		w.refused(w.eve.cavage(r, "(request-target)", "host", "digest"), 0)

		captured := dated(request(t, body), body, time.Now())
		w.eve.cavage(captured, all...)
		send := func() {
			captured.Body = bodyOf(body)
			if status := w.do(captured); status != http.StatusAccepted {
				t.Errorf("the inbox answers %d", status)
			}
		}
		send()
		w.settle()
		w.stored(w.eve.url("/notes/1"))
		w.silent(w.unchanged(send))
		// A replay before the first was processed, and one after the post was deleted.
		w.take(w.eve, w.eve.act("Delete", w.eve.url("/notes/1")))
		w.silent(w.unchanged(func() { send(); send() }))
	})
	t.Run("Hollo 0.9: a time in the far future pins the timeline", func(t *testing.T) {
		w := newTrio(t)
		w.follows(w.eve)
		for name, published := range map[string]string{"2099": "2099-01-01T00:00:00Z", "1969": "1969-01-01T00:00:00Z"} {
			w.take(w.eve, w.eve.act("Create", w.eve.note(name, "x", obj{"published": published, "updated": published})))
			p := w.stored(w.eve.url("/notes/" + name))
			if p.Published.After(time.Now()) || p.Published.Before(time.Unix(0, 0)) || p.Updated.After(time.Now()) {
				t.Errorf("%s: published %v, updated %v", published, p.Published, p.Updated)
			}
		}
	})
}

func TestOwnOriginIsNobodyElse(t *testing.T) {
	w := newTrio(t)
	w.knows(w.eve)
	doc := w.hello(w.eve, "1", obj{"actor": w.ids.Owner(), "id": w.ids.Activity("1")})
	w.refused(w.eve.signed(encode(t, doc), httpsig.Cavage), 0)
	w.refused(w.eve.signedBy(w.ids.Key(w.ids.Owner(), "main-key"), encode(t, doc), httpsig.Cavage), 0)
	// Not even with the node's own key: what is ours does not come from outside.
	self := &actor{peer: w.eve.peer, uri: w.ids.Owner(), keyID: w.ids.Key(w.ids.Owner(), "main-key"), private: rsaKey()}
	w.refused(self.signed(encode(t, doc), httpsig.Cavage), 0)
}

func TestAKeyThatIsNewIsFetchedOnce(t *testing.T) {
	w := newTrio(t)
	requests := w.net.during(func() { w.take(w.eve, w.hello(w.eve, "1")) })
	if len(requests) > 2 {
		t.Errorf("a stranger costs its server %v", requests)
	}
	w.silent(w.net.during(func() { w.take(w.eve, w.hello(w.eve, "2")) }))
	w.stored(w.eve.url("/notes/2"))
}

func TestUnreachableSignerIsAskedToComeAgain(t *testing.T) {
	w := newTrio(t)
	w.eve.offline()
	hello := w.hello(w.eve, "1")
	body := encode(t, hello)
	w.unchanged(func() {
		for range 3 {
			if status := w.do(w.eve.signed(body, httpsig.Cavage)); status != http.StatusServiceUnavailable {
				t.Errorf("the inbox answers %d", status)
			}
		}
	})
	if seen, err := w.db.Seen(t.Context(), w.eve.uri, hello["id"].(string)); seen || err != nil {
		t.Errorf("what was not authenticated counts as seen: %v, %v", seen, err)
	}
}

// TestAnswersDoNotTellWhoIsKnown: a forged activity is answered alike whether its actor is known here or not.
func TestAnswersDoNotTellWhoIsKnown(t *testing.T) {
	for _, kind := range []string{"Delete", "Update"} {
		w := newTrio(t)
		w.knows(w.victim)
		stranger := newPeer(t, w.net, "stranger.example").person("s")
		for _, a := range []*actor{w.victim, stranger} {
			body := encode(t, a.act(kind, a.uri))
			w.silent(w.unchanged(func() {
				if status := w.do(w.eve.signedBy(a.keyID, body, httpsig.Cavage)); status != http.StatusAccepted {
					t.Errorf("%s in the name of %s: %d", kind, a.uri, status)
				}
				if status := w.do(request(t, body)); status != http.StatusUnauthorized {
					t.Errorf("unsigned %s in the name of %s: %d", kind, a.uri, status)
				}
			}))
		}
		// What means nothing here is answered before anybody is asked or looked up.
		w.silent(w.unchanged(func() {
			for _, a := range []*actor{w.victim, newPeer(t, w.net, "other.example").person("o")} {
				if status := w.do(request(t, encode(t, a.act("Arrive", a.uri)))); status != http.StatusAccepted {
					t.Errorf("Arrive: %d", status)
				}
			}
		}))
		w.relate(w.victim, storage.Block)
		if status := w.do(w.victim.signed(encode(t, w.hello(w.victim, "1")), httpsig.Cavage)); status != http.StatusAccepted {
			t.Errorf("somebody blocked is told so: %d", status)
		}
	}
}
