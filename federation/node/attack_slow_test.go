package node_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dunnock-server/dunnock/federation/control"
	"github.com/dunnock-server/dunnock/federation/vocab"
)

// dial is a connection to the node.
func (s *siege) dial() net.Conn {
	s.Helper()
	c, err := s.net.Relay("outside").DialContext(s.Context(), "tcp", home+":80")
	if err != nil {
		s.Fatal(err)
	}
	return c
}

// bytes sends bytes, whatever they are, and returns the answer; nothing if the node hangs up.
func (s *siege) bytes(request string) (got answer) {
	s.Helper()
	c := s.dial()
	defer c.Close()
	go io.WriteString(c, request) // not all may be read
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return answer{}
	}
	body, _ := io.ReadAll(res.Body) // as much as there is
	return answer{res.StatusCode, res.Header, string(body)}
}

// raw is bytes for the status alone.
func (s *siege) raw(request string) int { return s.bytes(request).status }

// written is a request as it goes on the wire.
func written(t *testing.T, r *http.Request) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// drip writes a byte a second until the other side has enough.
func drip(w io.Writer, text string) {
	for i := range text {
		if _, err := io.WriteString(w, text[i:i+1]); err != nil {
			return
		}
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
		time.Sleep(time.Second)
	}
}

// slowAnswers: what E serves a byte a second is given up at a deadline for the whole, and nothing is left of it.
func slowAnswers(t *testing.T) {
	if _, err := born(); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s := newSiege(t)
		eve, fay := s.site("eve.example").person("eve"), s.friend()
		slow := func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", vocab.ContentType)
			drip(w, strings.Repeat(" ", 600))
		}
		for _, path := range []string{"/users/slow", "/note", "/looked/up", "/users/eve/inbox"} {
			eve.serve(path, slow)
		}
		eve.serve("/head", func(w http.ResponseWriter, r *http.Request) {
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			drip(c, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 600))
		})
		slowpoke, other := eve.at(eve.url("/users/slow")), s.followed(eve.person("other"))
		synctest.Wait()
		before := runtime.NumGoroutine()
		for name, c := range map[string]struct {
			within time.Duration
			pull   func()
		}{
			"a key": {15 * time.Second, func() {
				if status := slowpoke.send(slowpoke.hello("1")); status != http.StatusServiceUnavailable {
					t.Errorf("the inbox answers %d", status)
				}
			}},
			"a boosted post":        {20 * time.Second, func() { fay.take(fay.act("Announce", eve.url("/note"))) }},
			"the head of an answer": {20 * time.Second, func() { other.take(other.act("Announce", eve.url("/head"))) }},
			"a look-up": {15 * time.Second, func() {
				if err := s.call("lookup", control.What{What: eve.url("/looked/up")}, nil); err == nil {
					t.Error("it was found")
				}
			}},
		} {
			begun := time.Now()
			s.unchanged(c.pull)
			if took := time.Since(begun); took == 0 || took > c.within {
				t.Errorf("%s: given up after %v", name, took)
			}
		}
		begun := time.Now()
		eve.take(eve.act("Follow", s.owner)) // the answer goes to an inbox that is as slow
		if took := time.Since(begun); took == 0 || took > 30*time.Second {
			t.Errorf("a delivery: given up after %v", took)
		}
		time.Sleep(2 * time.Minute) // for connections to be left alone long enough
		synctest.Wait()
		if after := runtime.NumGoroutine(); after > before {
			t.Errorf("%d goroutines, and before it %d", after, before)
		}
	})
}

// slowRequests: whoever sends a byte a second is hung up on.
func slowRequests(t *testing.T) {
	if _, err := born(); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s := newSiege(t)
		eve := s.site("eve.example").person("eve")
		s.known(eve)
		synctest.Wait()
		before := runtime.NumGoroutine()
		head, body, _ := strings.Cut(written(t, eve.request(eve.hello("1"))), "\r\n\r\n")
		for name, c := range map[string]struct {
			quick, slow string
			within      time.Duration
		}{
			"a head":               {"", head, 5 * time.Second},
			"a body":               {head + "\r\n\r\n", body, 30 * time.Second},
			"a chunked body":       {strings.Replace(head, "Content-Length", "Transfer-Encoding: chunked\r\nX", 1) + "\r\n\r\n", strings.Repeat("1\r\n \r\n", 100), 30 * time.Second},
			"nothing":              {"", "", 5 * time.Second},
			"nothing after a head": {head + "\r\n\r\n", "", 30 * time.Second},
		} {
			s.silent(func() {
				c1 := s.dial()
				begun := time.Now()
				go func() {
					io.WriteString(c1, c.quick)
					drip(c1, c.slow)
				}()
				io.Copy(io.Discard, c1)
				if took := time.Since(begun); took == 0 || took > c.within+time.Second {
					t.Errorf("%s: hung up on after %v", name, took)
				}
				c1.Close()
			})
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if after := runtime.NumGoroutine(); after > before {
			t.Errorf("%d goroutines, and before it %d", after, before)
		}
	})
}

// heldSlots: by way of a proxy, an ssh forward or a tor daemon all come from one address of loopback. Whoever takes all
// connections that there are, and queues for more, keeps nobody waiting.
func heldSlots(t *testing.T) {
	if _, err := born(); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s := newSiege(t)
		eve, fay := s.site("eve.example").person("eve"), s.friend()
		s.known(eve)
		head, _, _ := strings.Cut(written(t, eve.request(eve.hello("1"))), "\r\n\r\n")
		for i, start := range []string{"", head, head + "\r\n\r\n", "GET / HTTP/1.1\r\nHost: " + home + "\r\n\r\n"} {
			for range 600 {
				go func() {
					c := s.dial()
					defer c.Close()
					go io.WriteString(c, start)
					io.Copy(io.Discard, c)
				}()
			}
			synctest.Wait()
			begun := time.Now()
			fay.post(fay.act("Create", fay.note(fmt.Sprint(i), "hello")))
			if took := time.Since(begun); took > 300*time.Millisecond {
				t.Errorf("%.50q: answered after %v", start, took)
			}
		}
		s.settle()
		if kept := s.query("SELECT uri FROM posts"); len(kept) != 4 {
			t.Errorf("kept: %q", kept)
		}
		time.Sleep(2 * time.Minute)
	})
}
