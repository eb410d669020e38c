package relay_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/egress/sshlink"
	"github.com/dunnock-server/dunnock/hardening/pipenet"
	"github.com/dunnock-server/dunnock/hardening/relay"
)

const quantum = 50 * time.Millisecond

// rentInMemory is a relay whose clients, targets and visitors come and go in memory. far is where its targets are.
func rentInMemory(t *testing.T, c relay.Config) (r *rented, clients, far, visitors *pipenet.Listener) {
	t.Helper()
	clients, far, visitors = pipenet.Listen("127.0.0.1:22"), pipenet.Listen("far"), pipenet.Listen("visitors")
	c.Rules = egress.Rules{Ports: []uint16{80}}
	c.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) { return far.Dial(ctx) }
	c.Listen = func(uint16) (net.Listener, error) { return visitors, nil }
	return rentAt(t, c, 443, clients), clients, far, visitors
}

// distant is a line to a listener that takes a time each way. Less than no time: nothing comes through any more, and nobody is
// told.
func distant(to *pipenet.Listener, way *atomic.Int64) egress.Dial {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		c, err := to.Dial(ctx)
		if err != nil {
			return nil, err
		}
		l := &line{Conn: c, way: way, in: make(chan packet, 1<<12), out: make(chan packet, 1<<12), closed: make(chan struct{})}
		go l.carry(l.out, func(p packet) error {
			time.Sleep(time.Until(p.due))
			_, err := c.Write(p.data)
			return err
		})
		go func() {
			for {
				buf := make([]byte, 32<<10)
				n, err := c.Read(buf)
				if err != nil {
					if way.Load() >= 0 {
						close(l.in)
					}
					return
				}
				l.send(l.in, buf[:n])
			}
		}()
		return l, nil
	}
}

type packet struct {
	due  time.Time
	data []byte
}

type line struct {
	net.Conn
	way     *atomic.Int64
	in, out chan packet
	left    []byte
	once    sync.Once
	closed  chan struct{}
}

func (l *line) send(to chan packet, data []byte) {
	if way := l.way.Load(); way >= 0 {
		to <- packet{time.Now().Add(time.Duration(way)), slices.Clone(data)}
	}
}

func (l *line) carry(from chan packet, f func(packet) error) {
	for {
		select {
		case <-l.closed:
			return
		case p := <-from:
			if f(p) != nil {
				return
			}
		}
	}
}

func (l *line) Read(b []byte) (int, error) {
	for len(l.left) == 0 {
		select {
		case <-l.closed:
			return 0, net.ErrClosed
		case p, ok := <-l.in:
			if !ok {
				return 0, io.EOF
			}
			time.Sleep(time.Until(p.due))
			l.left = p.data
		}
	}
	n := copy(b, l.left)
	l.left = l.left[n:]
	return n, nil
}

func (l *line) Write(b []byte) (int, error) {
	l.send(l.out, b)
	return len(b), nil
}

func (l *line) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Conn.Close()
}

// An observer at either end who chooses when to speak learns of the way between relay and home, and of what home does, in
// whole ticks only: at distances there and back within one tick it sees the same, to the nanosecond.
func TestDistanceDoesNotShow(t *testing.T) {
	seen := func(way, busy time.Duration, quantise time.Duration) (times []string) {
		synctest.Test(t, func(t *testing.T) {
			var far64 atomic.Int64
			r, clients, far, visitors := rentInMemory(t, relay.Config{Quantise: quantise})
			home := r.home(egress.Rules{}, func(c *sshlink.Config) { c.Dial = distant(clients, &far64) })
			l, err := home.Listen(t.Context(), 443)
			if err != nil {
				t.Fatal(err)
			}
			far64.Store(int64(way))
			time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second)))
			start := time.Now()
			note := func(what string) { times = append(times, fmt.Sprintf("%s %s", what, time.Since(start))) }
			// talk is what an observer does: it speaks at odd moments, and in two pieces.
			talk := func(c net.Conn) {
				answer := make([]byte, 4)
				for i := range 8 {
					time.Sleep(time.Duration(7*i) * time.Millisecond)
					for _, piece := range []string{"a", "sk"} {
						if _, err := io.WriteString(c, piece); err != nil {
							t.Error(err)
						}
						time.Sleep(time.Duration(11*i) * time.Millisecond)
					}
					if _, err := io.ReadFull(c, answer); err != nil {
						t.Error(err)
					}
					note("answer")
				}
			}
			// home answers when it has read all three, as soon as it can.
			reply := func(c net.Conn) {
				defer c.Close()
				ask := make([]byte, 3)
				for range 8 {
					if _, err := io.ReadFull(c, ask); err != nil {
						t.Error(err)
						return
					}
					time.Sleep(busy)
					if _, err := io.WriteString(c, "here"); err != nil {
						t.Error(err)
					}
				}
			}
			var working sync.WaitGroup
			working.Go(func() {
				c, err := l.Accept()
				if err != nil {
					t.Error(err)
					return
				}
				reply(c)
			})
			time.Sleep(13 * time.Millisecond)
			v, err := visitors.Dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			talk(v)
			if _, err := v.Read(make([]byte, 1)); err != io.EOF {
				t.Error(err)
			}
			note("end")
			working.Wait()
			// And by way of the relay to a target, which sees when it is connected to, spoken to and answered.
			time.Sleep(time.Until(start.Add(time.Minute)))
			working.Go(func() {
				c, err := far.Accept()
				if err != nil {
					t.Error(err)
					return
				}
				defer c.Close()
				connected := time.Now()
				if _, err := c.Read(make([]byte, 1)); err != nil {
					t.Error(err)
				}
				if time.Since(connected) < way {
					t.Error("home is nearer than it is")
				}
				note("greeted")
				talk(c)
			})
			c, err := home.DialContext(t.Context(), "tcp", "target.example:443")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Write([]byte("!")); err != nil {
				t.Error(err)
			}
			reply(c)
			working.Wait()
			_ = home.Close()
			r.end()
		})
		return times
	}
	near := seen(3*time.Millisecond, 0, quantum)
	if len(near) != 18 {
		t.Fatalf("%d moments", len(near))
	}
	for _, way := range []time.Duration{11 * time.Millisecond, 20 * time.Millisecond, 22 * time.Millisecond} {
		if got := seen(way, 5*time.Millisecond, quantum); !slices.Equal(got, near) {
			t.Errorf("home %s away:\n%q\n3 ms away:\n%q", way, got, near)
		}
	}
	if got := seen(60*time.Millisecond, 0, quantum); slices.Equal(got, near) {
		t.Error("two ticks are one")
	}
	if slices.Equal(seen(3*time.Millisecond, 0, 0), seen(11*time.Millisecond, 0, 0)) {
		t.Error("nothing can be seen without ticks either: the test sees nothing")
	}
}

// A relay, or a home, that falls silent is lost 30 to 45 seconds later, whatever waits for it.
func TestSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var way atomic.Int64
		r, clients, far, visitors := rentInMemory(t, relay.Config{})
		home := r.home(egress.Rules{}, func(c *sshlink.Config) { c.Dial = distant(clients, &way) })
		l, err := home.Listen(t.Context(), 443)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				if _, err := far.Accept(); err != nil {
					return
				}
			}
		}()
		defer far.Close()
		c, err := home.DialContext(t.Context(), "tcp", "target.example:443")
		if err != nil {
			t.Fatal(err)
		}
		v, err := visitors.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Accept(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		if home.State().Down {
			t.Error("an idle link is lost")
		}
		way.Store(-1)
		begun := time.Now()
		lost := make(chan error, 1)
		go func() {
			_, err := home.DialContext(t.Context(), "tcp", "target.example:443")
			lost <- err
		}()
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := home.DialContext(short, "tcp", "target.example:443"); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("it ends with %v", err)
		}
		if err := <-lost; !errors.Is(err, egress.ErrRelayDown) || home.State().Reason != "does not answer" {
			t.Error(err)
		}
		if _, err := l.Accept(); !errors.Is(err, egress.ErrRelayDown) {
			t.Error(err)
		}
		if took := time.Since(begun); took < 30*time.Second || took > 46*time.Second {
			t.Errorf("home finds out after %s", took)
		}
		if _, err := v.Read(make([]byte, 1)); err == nil {
			t.Error("the visitor is heard")
		}
		if took := time.Since(begun); took > 46*time.Second {
			t.Errorf("the relay finds out after %s", took)
		}
		synctest.Wait() // visitors are sent away first
		if _, err := visitors.Dial(t.Context()); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the port is open still: %v", err)
		}
		_ = home.Close()
		r.end()
	})
}

// Who connects and says nothing is not waited for.
func TestStrangerIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, clients, _, _ := rentInMemory(t, relay.Config{})
		c, err := clients.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		_, _ = io.Copy(io.Discard, c)
		if took := time.Since(begun); took != 15*time.Second {
			t.Errorf("after %s", took)
		}
		r.end()
	})
}
