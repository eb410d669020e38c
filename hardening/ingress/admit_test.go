package ingress

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// slow are the ways to take a slot and keep the node waiting, by what is sent at first and then a byte a second.
var slow = map[string]struct{ first, then string }{
	"nothing":           {},
	"a head":            {"GET / HTTP/1.1\r\nHost: a.example\r\nX: ", strings.Repeat("x", 100)},
	"a body":            {"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 100\r\n\r\n", strings.Repeat("x", 100)},
	"a chunked body":    {"POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n", strings.Repeat("1\r\nx\r\n", 100)},
	"no second request": {simple, ""}, // whose answer is read
	"a second head":     {simple, strings.Repeat("GET / HTTP/1.1\r\nX: ", 10)},
	"no reading":        {"GET /long HTTP/1.1\r\nHost: a.example\r\n\r\n", ""},
	"reading":           {"GET /long HTTP/1.1\r\nHost: a.example\r\n\r\n", ""}, // a byte a second
}

// busy answers at once but for /work, which takes half a minute.
func busy(w http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return
	}
	switch r.URL.Path {
	case "/work":
		time.Sleep(30 * time.Second)
		fallthrough
	default:
		io.WriteString(w, "hello")
	case "/long":
		io.WriteString(w, strings.Repeat("x", 1<<20))
	}
}

// occupy makes n connections that keep the node waiting, from where all clients look alike.
func (l *pipes) occupy(t *testing.T, how string, n int) (all []*peerConn) {
	for range n {
		c := l.dial("127.0.0.1:1")
		all = append(all, c)
		go func() {
			io.WriteString(c, slow[how].first)
			c.drip(slow[how].then, time.Second)
		}()
		switch {
		case how == "reading":
			go func() {
				for b := make([]byte, 1); ; time.Sleep(time.Second) {
					if _, err := c.Read(b); err != nil {
						return
					}
				}
			}()
		case how != "no reading":
			go io.Copy(io.Discard, c)
		}
	}
	synctest.Wait()
	return all
}

// Whoever takes all the slots keeps nobody out, in whichever way it keeps the node waiting: a newcomer is answered soon.
func TestSlotsAreNotHeld(t *testing.T) {
	for how := range slow {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, stop := start(t, Config{MaxConns: 8}, busy)
				defer stop()
				all := l.occupy(t, how, 8)
				for range 3 {
					time.Sleep(3 * time.Second)
					all = append(all, l.occupy(t, how, 8)...)
					if n := l.open.Load(); n > 8 {
						t.Errorf("%d connections", n)
					}
					begun := time.Now()
					c := l.dial("127.0.0.1:2")
					if c.ask(t, simple); time.Since(begun) > grace {
						t.Errorf("answered after %v", time.Since(begun))
					}
					c.Close()
				}
				for _, c := range all {
					c.Close()
				}
				time.Sleep(time.Second) // for who writes or reads slowly to see it
			})
		})
	}
}

// Who has kept the node waiting longest goes first, whatever it waits for; a request that is there as a whole stays.
func TestTheSlowestGoesFirst(t *testing.T) {
	for _, order := range [][]string{
		{"no second request", "nothing", "a body", "no reading"}, {"a body", "a head", "no reading", "nothing"},
		{"no reading", "a chunked body", "no second request", "a head"},
	} {
		synctest.Test(t, func(t *testing.T) {
			l, stop := start(t, Config{MaxConns: 5}, busy)
			defer stop()
			work := l.dial("127.0.0.1:1")
			go io.WriteString(work, "POST /work HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1\r\n\r\nx")
			var waiting []*peerConn
			for _, how := range order {
				waiting = append(waiting, l.occupy(t, how, 1)...)
				time.Sleep(time.Second)
			}
			for i := range waiting {
				fresh := l.dial("127.0.0.1:2") // which sends nothing yet, and is the youngest
				defer fresh.Close()
				synctest.Wait()
				if n := l.open.Load(); n != 5 {
					t.Errorf("%q, after %d newcomers: %d connections", order, i+1, n)
				}
				for j, c := range waiting {
					if closed := c.far.closed.Load(); closed != (j <= i) {
						t.Errorf("after %d newcomers, %s is closed: %v", i+1, order[j], closed)
					}
				}
			}
			if res, err := http.ReadResponse(work.r, nil); err != nil || res.StatusCode != http.StatusOK {
				t.Errorf("what was being worked on: %v", err)
			}
			for _, c := range append(waiting, work) {
				c.Close()
			}
			time.Sleep(time.Second)
		})
	}
}

// Who came just now is not closed: nobody may have got to read yet what it sent. A crowd is let in one after another.
func TestNewcomersHaveTheirGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stop := start(t, Config{MaxConns: 4}, busy)
		defer stop()
		begun := time.Now()
		var closed []time.Duration
		var mu sync.Mutex
		for range 12 {
			go func() {
				c := l.dial("127.0.0.1:1")
				io.Copy(io.Discard, c)
				mu.Lock()
				defer mu.Unlock()
				closed = append(closed, time.Since(begun))
			}()
		}
		time.Sleep(time.Minute)
		want := []time.Duration{grace, grace, grace, grace, 2 * grace, 2 * grace, 2 * grace, 2 * grace}
		for range 4 { // nobody comes any more
			want = append(want, 2*grace+5*time.Second)
		}
		if mu.Lock(); !slices.Equal(closed, want) {
			t.Errorf("closed after %v, not %v", closed, want)
		}
	})
}

// While all are at work a newcomer waits, until one is done and says no more.
func TestWorkIsNotInterrupted(t *testing.T) {
	const work = "GET /work HTTP/1.1\r\nHost: a.example\r\n\r\n"
	synctest.Test(t, func(t *testing.T) {
		l, stop := start(t, Config{MaxConns: 2}, busy)
		defer stop()
		begun := time.Now()
		for range 2 {
			c := l.dial("127.0.0.1:1")
			defer c.Close()
			go io.WriteString(c, work)
			go io.Copy(io.Discard, c)
		}
		synctest.Wait()
		c := l.dial("127.0.0.1:2")
		defer c.Close()
		if c.ask(t, simple); time.Since(begun) != 30*time.Second+grace {
			t.Errorf("answered after %v", time.Since(begun))
		}
	})
	synctest.Test(t, func(t *testing.T) { // one that waits for room does not keep the server from ending
		l, stop := start(t, Config{MaxConns: 1, DrainTimeout: time.Second}, busy)
		c := l.dial("127.0.0.1:1")
		defer c.Close()
		go io.WriteString(c, work)
		synctest.Wait()
		l.dial("127.0.0.1:2")
		synctest.Wait()
		begun := time.Now()
		if stop(); time.Since(begun) > time.Second {
			t.Errorf("it ended after %v", time.Since(begun))
		}
		time.Sleep(time.Minute) // for the handler
	})
}
