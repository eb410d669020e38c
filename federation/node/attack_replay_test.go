package node_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/control"
)

// again returns a function that sends a request, as it is each time, and returns the status.
func (s *siege) again(r *http.Request) func() int {
	s.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.Fatal(err)
	}
	return func() int {
		r.Body = io.NopCloser(bytes.NewReader(body))
		return s.do(r).status
	}
}

func replays(t *testing.T) {
	w := newTrio(t)
	real := w.vic.hello("1")
	w.bothInboxes(func() {
		if status := w.eve.send(w.eve.hello("1", obj{"id": real["id"]})); status != http.StatusBadRequest {
			t.Errorf("an id of another origin: %d", status)
		}
	})
	captured := w.again(w.vic.request(real))
	send := func() {
		if status := captured(); status != http.StatusAccepted {
			t.Errorf("the inbox answers %d", status)
		}
	}
	send()
	w.settle()
	if kept := w.query("SELECT uri FROM posts"); len(kept) != 1 {
		t.Errorf("after the forgery the real one makes %q", kept)
	}
	w.silent(func() { send(); send() })
	w.vic.take(w.vic.act("Delete", w.vic.url("/notes/1")))
	w.silent(send)
}

// lateReplays: who captured Likes that were taken back sends them again, each minute while a signature is young, and then each
// day for longer than it is remembered that they came. At every moment one of the two must still be in the way. The sender's
// clock is ahead, as far as that is let pass nearly, so its signatures stay young longest; and there are some Likes for each
// moment of the hour at which old records leave.
func lateReplays(t *testing.T) {
	if _, err := born(); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s := running(t)
		eve := s.site("eve.example").person("eve")
		s.known(eve)
		eve.ahead = 4 * time.Minute
		var mine federation.Post
		s.must("post", control.NewPost{Text: "mine"}, &mine)
		likes := func() int { synctest.Wait(); return len(s.query("SELECT * FROM reactions")) }
		var captured []func() int
		taken, refused := 0, 0
		again := func() {
			for _, send := range captured {
				switch status := send(); status {
				case http.StatusAccepted:
					taken++
				case http.StatusUnauthorized:
					refused++
				default:
					t.Errorf("the inbox answers %d", status)
				}
			}
			if likes() != 0 {
				t.Fatal("one has its effect again")
			}
		}
		for range 30 {
			like := eve.act("Like", mine.URI)
			send := s.again(eve.request(like))
			if status := send(); status != http.StatusAccepted || likes() != 1 {
				t.Fatalf("the inbox answers %d, and there are %d likes", status, likes())
			}
			eve.post(eve.act("Undo", like))
			if likes() != 0 {
				t.Fatal("it was not taken back")
			}
			captured = append(captured, send)
			time.Sleep(2 * time.Minute)
		}
		for range 65 {
			again()
			time.Sleep(time.Minute)
		}
		if least := 30 * 30; taken < least || refused == 0 {
			t.Errorf("they were let in %d times, and refused %d times", taken, refused)
		}
		for range 16 {
			again()
			time.Sleep(24 * time.Hour)
		}
		if left := s.query("SELECT * FROM inbound"); len(left) > 0 {
			t.Errorf("still remembered: %q", left)
		}
	})
}
