package inbox

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dunnock-server/dunnock/federation/httpsig"
)

// TestLargeActivities take effect like others when their actor signed them, and are nothing to the node otherwise.
func TestLargeActivities(t *testing.T) {
	w := newTrio(t)
	w.knows(w.victim, w.eve)
	text := strings.Repeat("hello ", largeBody/3)
	hello := func(from *actor, name string) obj {
		return from.act("Create", from.note(name, text, obj{"to": []any{w.ids.Owner()}, "cc": nil}))
	}
	w.take(w.victim, hello(w.victim, "1"))
	if p, err := w.db.Post(t.Context(), w.victim.note("1", "")["id"].(string)); err != nil || len(p.Content) < largeBody {
		t.Fatalf("%+v, %v", p, err)
	}
	body := encode(t, hello(w.victim, "2"))
	for name, r := range map[string]*http.Request{
		"unsigned":               request(t, body),
		"signed by another":      w.eve.signed(body, httpsig.Cavage),
		"with another's key id":  w.eve.signedBy(w.victim.keyID, body, httpsig.Cavage),
		"signed, then changed":   changed(t, w.victim.signed(body, httpsig.Cavage), body),
		"signed a long time ago": late(w.victim.signed(body, httpsig.Cavage)),
	} {
		w.silent(w.unchanged(func() {
			if status := w.do(r); status != http.StatusUnauthorized {
				t.Errorf("%s: the inbox answers %d", name, status)
			}
		}))
	}
	// What costs more to read than it can be worth is not read to its end, and not at all unless it is signed.
	junk := []byte(`{"id":"` + w.eve.url("/1") + `","type":"Create","actor":"` + w.eve.uri + `","object":[` + strings.Repeat(`{"":0},`, 140_000) + `0]}`)
	w.silent(w.unchanged(func() {
		if status := w.do(w.eve.signed(junk, httpsig.Cavage)); status != http.StatusBadRequest {
			t.Errorf("junk of %d bytes: the inbox answers %d", len(junk), status)
		}
	}))
	w.refused(request(t, junk), 0)
	w.refused(late(w.eve.signed(junk, httpsig.Cavage)), 0)
}

// changed is a request with another body than was signed, of the same length.
func changed(t *testing.T, r *http.Request, body []byte) *http.Request {
	other := request(t, bytes.Replace(body, []byte("hello"), []byte("jello"), 1))
	other.Header = r.Header
	return other
}

// late is a request whose date is not the one that was signed.
func late(r *http.Request) *http.Request {
	r.Header.Set("Date", time.Now().Add(-48*time.Hour).UTC().Format(http.TimeFormat))
	return r
}

// TestLargeOnesWaitForEachOther, for a while; small ones wait for none of them.
func TestLargeOnesWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTrio(t)
		w.knows(w.victim)
		large := encode(t, w.hello(w.victim, "1", obj{"more": strings.Repeat("x", largeBody)}))
		for _, places := range []chan struct{}{w.in.large.held, w.in.large.parsed} {
			for range cap(places) {
				places <- struct{}{}
			}
			begun := time.Now()
			if status := w.do(w.victim.signed(large, httpsig.Cavage)); status != http.StatusServiceUnavailable || time.Since(begun) != largeWait {
				t.Errorf("while %d are busy the inbox answers %d after %v", cap(places), status, time.Since(begun))
			}
			w.post(w.victim, w.hello(w.victim, "2"))
			go func() {
				time.Sleep(largeWait / 2)
				<-places
			}()
			if status := w.do(w.victim.signed(large, httpsig.Cavage)); status != http.StatusAccepted {
				t.Errorf("when one of %d is done the inbox answers %d", cap(places), status)
			}
			synctest.Wait()
			if len(places) != cap(places)-1 {
				t.Errorf("%d places are taken", len(places))
			}
			for len(places) > 0 {
				<-places
			}
		}
	})
}
