package ingress

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func textLogger(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stop := start(t, Config{Rate: 2, Burst: 5}, hello)
		defer stop()
		c := l.dial(canary + ":1")
		defer c.Close()
		status := func(forwarded int) int {
			res := c.ask(t, fmt.Sprintf("GET / HTTP/1.1\r\nHost: a.example\r\nX-Forwarded-For: 198.18.1.%d\r\n\r\n", forwarded))
			if res.StatusCode == 429 && res.Header.Get("Retry-After") == "" {
				t.Error("429 without Retry-After")
			}
			return res.StatusCode
		}
		for i := range 5 {
			if s := status(i); s != 200 {
				t.Fatalf("request %d: %d", i, s)
			}
		}
		for i := range 10 {
			if s := status(i); s != 429 {
				t.Errorf("beyond the burst: %d", s)
			}
		}
		other := l.dial("198.18.77.67:1")
		defer other.Close()
		if res := other.ask(t, simple); res.StatusCode != 200 {
			t.Errorf("another network: %d", res.StatusCode)
		}
		time.Sleep(time.Second)
		for i, want := range []int{200, 200, 429} {
			if s := status(i); s != want {
				t.Errorf("a second later, request %d: %d", i, s)
			}
		}
	})
}

func TestRateExempt(t *testing.T) {
	k := newPeers()
	for _, a := range []string{"127.0.0.1:1", "[::1]:1", "@", "", "pipe"} {
		l := newLimiter(Config{Rate: 1, Burst: 1})
		for range 3 {
			if !l.allow(k.of(a)) {
				t.Errorf("%q is limited", a)
			}
		}
	}
}

// The table is bounded, and a network that has been quiet is not in it.
func TestBuckets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, l := newPeers(), newLimiter(Config{Rate: 1, Burst: 10})
		for i := range 10_000 {
			l.allow(k.of(fmt.Sprintf("198.18.%d.%d:1", i>>8, i&255)))
		}
		if n := len(l.byPeer); n != maxBuckets || l.recent.Len() != n {
			t.Errorf("%d buckets, %d in the list", n, l.recent.Len())
		}
		time.Sleep(10 * time.Second)
		l.allow(k.of(canary + ":1"))
		if n := len(l.byPeer); n != 1 {
			t.Errorf("%d buckets after all are full again", n)
		}
	})
}

func TestConnectionCap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stop := start(t, Config{MaxConns: 3, MaxPeerConns: 2}, hello)
		defer stop()
		a1, a2 := l.dial(canary+":1"), l.dial(canary+":2")
		a1.ask(t, simple)
		a2.ask(t, simple)

		// A third of one network is closed, and costs no slot.
		begun := time.Now()
		a3 := l.dial(canary + ":3")
		if _, err := a3.Read(make([]byte, 1)); err != io.EOF || time.Since(begun) != 0 {
			t.Errorf("third connection of a network: %v after %v", err, time.Since(begun))
		}
		// And a network's share is given back.
		a1.Close()
		synctest.Wait()
		a4 := l.dial(canary + ":4")
		a4.ask(t, simple)
		for _, c := range []*peerConn{a2, a4} {
			c.Close()
		}
	})
}

// Requests under way end, new ones are not taken; what does not end in time is cut off.
func TestDrain(t *testing.T) {
	for _, tt := range []struct {
		work time.Duration
		done bool
	}{{5 * time.Second, true}, {time.Minute, false}} {
		synctest.Test(t, func(t *testing.T) {
			started := make(chan struct{})
			s := NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				close(started)
				select {
				case <-time.After(tt.work):
				case <-r.Context().Done():
				}
				io.WriteString(w, "done")
			}), Config{}, slog.New(slog.DiscardHandler))
			l := newPipes()
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- s.Serve(ctx, l) }()
			c := l.dial(canary + ":1")
			defer c.Close()
			go func() {
				io.WriteString(c, simple)
			}()
			<-started
			cancel()
			res, err := http.ReadResponse(c.r, nil)
			if (err == nil && res.StatusCode == 200) != tt.done {
				t.Errorf("%v of work: %v", tt.work, err)
			}
			if err := <-ended; err != nil {
				t.Error(err)
			}
			if err := s.Serve(t.Context(), newPipes()); err != nil {
				t.Errorf("Serve after the end: %v", err)
			}
		})
	}
}

// A handler can end the reading of a body that does not come, and answer all the same.
func TestHandlersEndReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stop := start(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
			time.AfterFunc(time.Second, func() {
				if err := http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0)); err != nil {
					t.Error(err)
				}
			})
			begun := time.Now()
			if _, err := io.ReadAll(r.Body); err == nil || time.Since(begun) != time.Second {
				t.Errorf("read for %v: %v", time.Since(begun), err)
			}
			w.WriteHeader(http.StatusTeapot)
		})
		c := l.dial("192.0.2.1:1")
		if res := c.ask(t, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf"); res.StatusCode != http.StatusTeapot || !res.Close {
			t.Errorf("%+v", res)
		}
		c.Close()
		stop()
	})
}
