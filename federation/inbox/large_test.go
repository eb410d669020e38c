package inbox

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
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

// slow is a request whose body does not come, on a connection whose reading can be ended.
type slow struct {
	*httptest.ResponseRecorder
	body *io.PipeReader
}

func (s slow) SetReadDeadline(time.Time) error { return s.body.CloseWithError(os.ErrDeadlineExceeded) }

// TestSlowOnesGiveWay to others of any size: who sends slowly has a place only as long as nobody else wants it.
func TestSlowOnesGiveWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTrio(t)
		w.knows(w.victim)
		large := encode(t, w.hello(w.victim, "1", obj{"more": strings.Repeat("x", largeBody)}))
		var cut atomic.Int32
		var all sync.WaitGroup
		for i := range maxLarge {
			body, sender := io.Pipe()
			r := w.eve.signed(large, httpsig.Cavage)
			r.Body = body
			all.Go(func() {
				answer := slow{httptest.NewRecorder(), body}
				w.in.ServeHTTP(answer, r)
				if answer.Code == http.StatusBadRequest && cut.Add(1) == 1 && i != 0 {
					t.Error("the slowest was not the first to be cut off")
				}
			})
			t.Cleanup(func() { sender.Close() })
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Hour) // nobody minds
		if cut.Load() != 0 || len(w.in.large.held) != maxLarge {
			t.Errorf("%d were cut off, %d places are taken", cut.Load(), len(w.in.large.held))
		}
		begun := time.Now()
		if status := w.do(w.victim.signed(large, httpsig.Cavage)); status != http.StatusAccepted || time.Since(begun) != 0 {
			t.Errorf("while all places are taken by slow ones the inbox answers %d after %v", status, time.Since(begun))
		}
		if cut.Load() != 1 || len(w.in.large.held) != maxLarge-1 {
			t.Errorf("%d were cut off, %d places are taken", cut.Load(), len(w.in.large.held))
		}
		w.in.large.mu.Lock()
		for a := range w.in.large.arriving {
			a.cut()
		}
		w.in.large.mu.Unlock()
		all.Wait()
		if len(w.in.large.held) != 0 || len(w.in.large.arriving) != 0 {
			t.Errorf("%d places are taken by %d", len(w.in.large.held), len(w.in.large.arriving))
		}
	})
}

// TestGrace: who has just begun to send is not cut off, and is once a second is over.
func TestGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLarge()
		begun, cut := time.Now(), time.Duration(0)
		for range maxLarge {
			l.held <- struct{}{}
			body, _ := io.Pipe()
			a := &incoming{since: time.Now(), cut: func() { cut = time.Since(begun); body.Close(); <-l.held }}
			l.arriving[a] = struct{}{}
		}
		if !l.hold(t.Context()) || cut != largeGrace {
			t.Errorf("cut off after %v", cut)
		}
	})
}
