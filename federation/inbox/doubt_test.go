package inbox

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dunnock-server/dunnock/federation/httpsig"
)

// doubted is a trio who have known each other for a day: their keys may be asked for again.
func doubted(t *testing.T, f func(trio)) {
	synctest.Test(t, func(t *testing.T) {
		w := newTrio(t)
		w.follows(w.victim)
		w.knows(w.eve)
		w.take(w.victim, w.victim.act("Create", w.victim.note("1", "first")))
		time.Sleep(24 * time.Hour)
		f(w)
	})
}

// A forged Update or Delete is answered the same way at once whether its actor is known or not, whatever there is to find
// out: nobody is asked before the answer, and the actor's server once after it.
func TestForgedUpdatesAreAnsweredAtOnce(t *testing.T) {
	for _, online := range []bool{true, false} {
		for _, kind := range []string{"Delete", "Update"} {
			doubted(t, func(w trio) {
				if !online {
					w.victim.offline()
				}
				w.unchanged(func() {
					w.silent(w.net.during(func() {
						for i := range 3 * maxDoubts {
							body := encode(t, w.victim.act(kind, w.victim.uri, obj{"x": fmt.Sprint(i)}))
							start := time.Now()
							if status := w.do(w.eve.signedBy(w.victim.keyID, body, httpsig.Cavage)); status != http.StatusAccepted || time.Since(start) > 0 {
								t.Fatalf("%s: %d after %v", kind, status, time.Since(start))
							}
						}
					}))
					if held := len(w.in.doubts.held); held > maxDoubts {
						t.Errorf("%d requests are held", held)
					}
					requests := w.net.during(w.settle)
					if len(requests) > 1 || online && len(requests) == 0 {
						t.Errorf("%s, online %v: the node asked %v", kind, online, requests)
					}
				}, "actors", "actor_keys") // which may be fetched again
				if w.stored(w.victim.url("/notes/1")).Content != "<p>first</p>" {
					t.Error("the post is another one")
				}
			})
		}
	}
}

// Who has a new key sends the first Update with it.
func TestUpdateWithANewKey(t *testing.T) {
	doubted(t, func(w trio) {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		w.victim.private = key
		w.victim.doc["publicKey"].(obj)["publicKeyPem"] = pemOf(t, key.Public())
		w.post(w.victim, w.victim.act("Update", w.victim.note("1", "second", obj{"updated": time.Now().UTC().Format(time.RFC3339)})))
		if got := w.stored(w.victim.url("/notes/1")).Content; got != "<p>first</p>" {
			t.Errorf("taken before the key is known: %s", got)
		}
		if requests := w.net.during(w.settle); len(requests) != 1 {
			t.Errorf("the node asked %v", requests)
		}
		if got := w.stored(w.victim.url("/notes/1")).Content; got != "<p>second</p>" {
			t.Errorf("after it: %s", got)
		}
	})
}

// A flood of forgeries does not keep waiting what is due: each batch does both.
func TestDoubtsDoNotHoldUpOthers(t *testing.T) {
	doubted(t, func(w trio) {
		body := encode(t, w.victim.act("Update", w.victim.uri))
		w.do(w.eve.signedBy(w.victim.keyID, body, httpsig.Cavage))
		w.post(w.eve, w.hello(w.eve, "1"))
		if n, err := w.in.ProcessBatch(w.t.Context()); n != 2 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		w.stored(w.eve.url("/notes/1"))
	})
}

// A long request is not held: its sender may do without.
func TestLongDoubtsAreDropped(t *testing.T) {
	doubted(t, func(w trio) {
		body := encode(t, w.victim.act("Update", w.victim.uri, obj{"x": strings.Repeat("x", maxDoubted)}))
		if status := w.do(w.eve.signedBy(w.victim.keyID, body, httpsig.Cavage)); status != http.StatusAccepted {
			t.Errorf("%d", status)
		}
		if len(w.in.doubts.held) > 0 {
			t.Error("held")
		}
	})
}
