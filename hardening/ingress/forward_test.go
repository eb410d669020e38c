package ingress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dunnock-server/dunnock/hardening/egress"
)

// far is a relay in memory that gives one port, as long as nothing is wrong with it.
type far struct {
	egress.Link

	mu    sync.Mutex
	wrong error // what Listen says
	mute  bool  // Listen does not answer
	brief bool  // what Listen gives ends at once
	asked []time.Time
	ln    *pipes
}

func (r *far) Name() string { return "vps" }
func (r *far) Kind() string { return "memory" }
func (r *far) Close() error { return nil }
func (r *far) DialContext(context.Context, string, string) (net.Conn, error) {
	return nil, egress.ErrRelayDown
}

func (r *far) Connect(context.Context) error { return nil }

func (r *far) Listen(ctx context.Context, port uint16) (net.Listener, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, time.Now())
	switch {
	case port != 443:
		return nil, errors.New("another port")
	case r.mute:
		r.mu.Unlock()
		<-ctx.Done()
		r.mu.Lock()
		return nil, ctx.Err()
	case r.wrong != nil:
		return nil, r.wrong
	}
	r.ln = newPipes()
	if r.brief {
		r.ln.Close()
	}
	return r.ln, nil
}

// now changes the relay, and ends what it gave.
func (r *far) now(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
	if r.ln != nil {
		r.ln.Close()
		r.ln = nil
	}
}

func (r *far) at() *pipes {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ln
}

func (r *far) times() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.asked)
}

// forwarded serves on a Forward at r until the test ends.
func forwarded(t *testing.T, r *far, c Config, h http.HandlerFunc) (f *Forward, s *Server, stop func()) {
	f = NewForward(r, 443)
	if s := f.State(); !s.Down || s.Reason == "" || r.times() != 0 {
		t.Errorf("before anybody accepts: %+v, asked %d times", s, r.times())
	}
	s = NewServer(http.HandlerFunc(h), c, textLogger(io.Discard))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, f) }()
	synctest.Wait()
	return f, s, func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if s := f.State(); !s.Down || s.Reason != "closed" {
			t.Errorf("after the end: %+v", s)
		}
	}
}

// Through every outage the listener stays, says what is wrong, asks with back-off, and goes on when the relay is back.
func TestForwardComesBack(t *testing.T) {
	for reason, breaks := range map[string]func(*far){
		"the relay does not give the port":   func(r *far) { r.wrong = errors.New("no such port at 198.18.77.66") },
		"the relay cannot be reached":        func(r *far) { r.wrong = fmt.Errorf("dial 198.18.77.66: %w", egress.ErrRelayDown) },
		"the relay does not answer":          func(r *far) { r.mute = true },
		"the relay has let go of the port":   func(r *far) { r.brief = true },
		"the relay: another key is shown us": func(r *far) { r.wrong = egress.ErrRelayDown; r.Down("another key is shown us") },
	} {
		t.Run(reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &far{}
				f, _, stop := forwarded(t, r, Config{}, hello)
				defer stop()
				if s := f.State(); s.Down || s.Since.IsZero() {
					t.Errorf("%+v", s)
				}
				time.Sleep(time.Hour)
				c := r.at().dial("1.2.3.4:5")
				c.ask(t, simple)
				c.Close()

				before := r.times()
				lost := time.Now()
				r.now(func() { breaks(r) })
				time.Sleep(time.Hour)
				s := f.State()
				if !s.Down || s.Reason != reason || !s.Since.Equal(lost) {
					t.Errorf("%+v, not down for %q since %v", s, reason, lost)
				}
				if n := r.times() - before; n < 10 || n > 40 {
					t.Errorf("asked %d times in an hour", n)
				}
				r.now(func() { r.wrong, r.mute, r.brief = nil, false, false })
				if r.Link.State().Down { // who sees the relay's link come back does not wait out the pause
					r.Up()
					time.Sleep(2 * look)
				} else {
					time.Sleep(6 * time.Minute)
				}
				if s := f.State(); s.Down || !s.Lost.Equal(lost) {
					t.Fatalf("after the outage: %+v", s)
				}
				c = r.at().dial("1.2.3.4:5")
				c.ask(t, simple)
				c.Close()

				// What was held for long enough is asked for again soon.
				time.Sleep(time.Hour)
				before = r.times()
				r.now(func() {})
				time.Sleep(2 * time.Second)
				if n := r.times() - before; n != 1 || f.State().Down {
					t.Errorf("after a short outage it was asked %d times: %+v", n, f.State())
				}
			})
		})
	}
}

// Close ends it whatever it waits for: a visitor, the relay, a pause; and more than one may wait.
func TestForwardCloses(t *testing.T) {
	for name, breaks := range map[string]func(*far){
		"a visitor": func(*far) {}, "the relay": func(r *far) { r.mute = true }, "a pause": func(r *far) { r.wrong = egress.ErrRelayDown },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &far{}
				breaks(r)
				f := NewForward(r, 443)
				ended := make(chan error)
				for range 3 {
					go func() {
						_, err := f.Accept()
						ended <- err
					}()
				}
				time.Sleep(10 * time.Second)
				ln, asked := r.at(), r.times()
				begun := time.Now()
				f.Close()
				for range 3 {
					if err := <-ended; !errors.Is(err, net.ErrClosed) || time.Since(begun) != 0 {
						t.Errorf("%v after %v", err, time.Since(begun))
					}
				}
				if _, err := f.Accept(); !errors.Is(err, net.ErrClosed) {
					t.Error(err)
				}
				if ln != nil && ln.Hand(t.Context(), nil) == nil {
					t.Error("the relay still takes visitors")
				}
				if n := r.times() - asked; n != 0 {
					t.Errorf("the relay was asked %d times more", n)
				}
			})
		})
	}
}

// Whom the relay names is limited by itself; strangers are limited together, less strictly, and not let off.
func TestForwardLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &far{}
		c := Config{Rate: 1, Burst: 2, CrowdRate: 1, CrowdBurst: 5, MaxConns: 8, MaxPeerConns: 2}
		_, server, stop := forwarded(t, r, c, hello)
		defer stop()
		granted := func(from ...string) (n int) {
			for range 10 {
				for _, from := range from {
					c := r.at().dial(from)
					if res := c.ask(t, simple); res.StatusCode == http.StatusOK {
						n++
					}
					c.Close()
					synctest.Wait() // for the connection's slot
				}
			}
			return n
		}
		if n := granted("1.2.3.4:1"); n != 2 {
			t.Errorf("one address: %d requests", n)
		}
		if n := granted("1.2.3.5:1"); n != 2 {
			t.Errorf("another: %d requests", n)
		}
		if server.Strangers() {
			t.Error("nobody hides")
		}
		// Loopback is not this machine's, but the relay's.
		if n := granted("127.0.0.1:1", "[::1]:1", "10.64.0.1:1", "100.64.0.1:1", "@", "", "192.168.0.1:1", "[fd00::1]:1", "0.0.0.0:0", "[::ffff:127.0.0.1]:1"); n != 5 {
			t.Errorf("strangers: %d requests", n)
		}
		if !server.Strangers() {
			t.Error("it is not said that they hide")
		}
		if n := granted("1.2.3.6:1"); n != 2 {
			t.Errorf("beside the crowd: %d requests", n)
		}
		var open []*peerConn
		for range 8 {
			open = append(open, r.at().dial("127.0.0.1:1"))
		}
		synctest.Wait()
		for i, c := range open {
			if c.far.closed.Load() {
				t.Errorf("connection %d of a stranger is closed for a share that they do not have", i)
			}
			c.Close()
		}
	})
}

// On an onion service all are strangers; the log says so, once, and a handler can limit them together.
func TestStrangers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		var peers []string
		s := NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { peers = append(peers, Peer(r.Context())) }), Config{}, textLogger(&log))
		l := newPipes()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Serve(ctx, Strangers(l)) }()
		for _, from := range []string{"127.0.0.1:1", "@", canary + ":1"} {
			c := l.dial(from)
			c.ask(t, simple)
			c.Close()
		}
		cancel()
		<-ended
		if len(peers) != 3 || peers[0] == "" || peers[0] != peers[1] || peers[0] != peers[2] {
			t.Errorf("%q", peers)
		}
		if n := strings.Count(log.String(), "limits hold for all"); n != 1 {
			t.Errorf("said %d times:\n%s", n, log.String())
		}
	})
}
