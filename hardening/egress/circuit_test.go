package egress

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func fine(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "fine") }

// Two requests share a connection if they are of one domain, one purpose and one origin, and never otherwise.
func TestIsolation(t *testing.T) {
	m := handler(t, fine)
	c := client(t, Config{Relays: []Relay{m}})
	type kind struct {
		url, domain string
		purpose     Purpose
	}
	kinds := []kind{
		{"http://a.example/", "", Federation},
		{"http://a.example/", "", Lookup},
		{"http://a.example/", "", Media},
		{"http://b.example/", "", Federation},
		{"http://cdn.example/", "a.example", Media},
		{"http://cdn.example/", "b.example", Media},
		{"http://a.example:8080/", "", Federation},
	}
	for i, k := range kinds {
		for range 3 {
			req := get(t, k.url)
			req.Domain, req.Purpose = k.domain, k.purpose
			if _, err := c.Do(t.Context(), req); err != nil {
				t.Fatal(err)
			}
			if n := m.dials.Load(); n != int64(i+1) {
				t.Fatalf("%+v: %d dials", k, n)
			}
		}
	}
	// The relay is told, so that it can keep them apart too.
	want := []Circuit{
		{"a.example", Federation, "memory", 0}, {"a.example", Lookup, "memory", 0}, {"a.example", Media, "memory", 0}, {"b.example", Federation, "memory", 0},
		{"a.example", Media, "memory", 0}, {"b.example", Media, "memory", 0}, {"a.example:8080", Federation, "memory", 0},
	}
	for i, w := range want {
		if m.circuits[i] != w {
			t.Errorf("dial %d is for %+v, want %+v", i, m.circuits[i], w)
		}
	}
	if _, ok := CircuitOf(t.Context()); ok {
		t.Error("a circuit outside a dial")
	}
}

func TestConnsOfOneCircuit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var now, most int
		m := handler(t, func(w http.ResponseWriter, _ *http.Request) {
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			now--
			mu.Unlock()
		})
		c := client(t, Config{Relays: []Relay{m}})
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if _, err := c.Do(t.Context(), get(t, "http://a.example/")); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if most != maxConns {
			t.Errorf("%d at a time", most)
		}
	})
}

// A kept connection lasts for idleFor, or until the server ends it; then the next request dials, and nobody notices.
func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var open atomic.Int64
		m := handler(t, fine)
		serve := m.serve
		m.serve = func(c net.Conn) { open.Add(1); serve(&closing{Conn: c, open: &open}) }
		c := client(t, Config{Relays: []Relay{m}})
		do := func() {
			t.Helper()
			if _, err := c.Do(t.Context(), get(t, "http://a.example/")); err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}
		do()
		time.Sleep(idleFor - time.Second)
		do() // the time counts from the last use
		time.Sleep(idleFor - time.Second)
		synctest.Wait()
		if n := m.dials.Load(); n != 1 || open.Load() != 1 {
			t.Errorf("in time: %d dials, %d open", n, open.Load())
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if open.Load() != 0 {
			t.Errorf("%d open after it", open.Load())
		}
		do()
		if n := m.dials.Load(); n != 2 {
			t.Errorf("%d dials", n)
		}
	})
}

// closing counts itself out of the open connections.
type closing struct {
	net.Conn
	once sync.Once
	open *atomic.Int64
}

func (c *closing) Close() error {
	c.once.Do(func() { c.open.Add(-1) })
	return c.Conn.Close()
}

func TestServerEndsKeptConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := peer(func(c net.Conn, _ *http.Request) { io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") }) // and closes
		c := client(t, Config{Relays: []Relay{m}})
		for i := range 3 {
			req := get(t, "http://a.example/")
			req.Method, req.Body = http.MethodPost, []byte("x")
			if _, err := c.Do(t.Context(), req); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if n := m.dials.Load(); n != int64(i+1) {
				t.Errorf("%d dials", n)
			}
		}
	})
}

// A request of which anything has left is never sent a second time, not even a GET: the server may have acted on it, and the
// ledger has one row.
func TestNoSecondSending(t *testing.T) {
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		var requests int
		m := &memory{name: "memory", kind: "memory", serve: func(c net.Conn) {
			defer c.Close()
			r := bufio.NewReader(c)
			for i := range 2 {
				req, err := http.ReadRequest(r)
				if err != nil {
					return
				}
				io.Copy(io.Discard, req.Body)
				requests++
				if i == 0 { // the second on this connection is read, and not answered
					io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
				}
			}
		}}
		c := client(t, Config{Relays: []Relay{m}})
		req := get(t, "http://a.example/")
		if req.Method = method; method == http.MethodPost {
			req.Body = []byte("x")
		}
		if _, err := c.Do(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		_, err := c.Do(t.Context(), req)
		var e *Error
		if !errors.As(err, &e) || e.Stage != StageResponse || e.SentBytes == 0 {
			t.Errorf("%s: %v", method, err)
		}
		if requests != 2 || m.dials.Load() != 1 {
			t.Errorf("%s: %d requests, %d dials", method, requests, m.dials.Load())
		}
	}
}

// A kept connection that fails before a byte of the request has left costs nothing: the request leaves whole by another.
func TestStaleBeforeSending(t *testing.T) {
	var got []string
	m := handler(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got = append(got, string(b))
	})
	c := client(t, Config{Relays: []Relay{&brittle{memory: m}}})
	for range 3 {
		req := get(t, "http://a.example/")
		req.Method, req.Body = http.MethodPost, []byte("whole")
		if _, err := c.Do(t.Context(), req); err != nil {
			t.Fatal(err)
		}
	}
	if fmt.Sprint(got) != "[whole whole whole]" || m.dials.Load() != 3 {
		t.Errorf("%q by %d dials", got, m.dials.Load())
	}
}

// brittle is a relay whose connections take one write.
type brittle struct{ *memory }

func (b *brittle) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := b.memory.DialContext(ctx, network, address)
	return &oneWrite{Conn: c}, err
}

type oneWrite struct {
	net.Conn
	done bool
}

func (c *oneWrite) Write(p []byte) (int, error) {
	if c.done {
		return 0, net.ErrClosed
	}
	c.done = true
	return c.Conn.Write(p)
}

// 10^4 hosts leave a bounded number of circuits, connections and goroutines.
func TestManyHosts(t *testing.T) {
	m := &memory{name: "memory", kind: "memory", serve: func(c net.Conn) {
		defer c.Close()
		r := bufio.NewReader(c)
		for {
			if _, err := http.ReadRequest(r); err != nil {
				return
			}
			io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n")
		}
	}}
	c := client(t, Config{Relays: []Relay{m}, MaxCircuits: 50})
	before := runtime.NumGoroutine()
	for i := range 10_000 {
		if _, err := c.Do(t.Context(), get(t, fmt.Sprintf("http://h%d.example/", i))); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(c.circuits.byKey); n != 50 || c.circuits.recent.Len() != 50 {
		t.Errorf("%d circuits, %d in the list", n, c.circuits.recent.Len())
	}
	// Two of ours and one of the peer's for each kept connection; some may still be on their way out.
	if n := runtime.NumGoroutine() - before; n > 4*50 {
		t.Errorf("%d goroutines more", n)
	}
}

// A circuit in use is not taken away, whatever else comes by.
func TestEvictionSparesUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := handler(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Host == "slow.example" {
				time.Sleep(5 * time.Second)
			}
			fine(w, r)
		})
		c := client(t, Config{Relays: []Relay{m}, MaxCircuits: 1})
		done := make(chan error)
		go func() {
			_, err := c.Do(t.Context(), get(t, "http://slow.example/"))
			done <- err
		}()
		synctest.Wait()
		for _, host := range []string{"b", "c", "d"} {
			if _, err := c.Do(t.Context(), get(t, "http://"+host+".example/")); err != nil {
				t.Error(err)
			}
		}
		if _, ok := c.circuits.byKey[Circuit{"slow.example", Lookup, "memory", 0}]; !ok {
			t.Error("evicted in use")
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		if n := len(c.circuits.byKey); n > 1 {
			t.Errorf("%d circuits", n)
		}
	})
}

// Close ends what is under way and what is kept.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := handler(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" {
				<-r.Context().Done()
			}
			fine(w, r)
		})
		relay := &closed{memory: m}
		c := client(t, Config{Relays: []Relay{relay}})
		if _, err := c.Do(t.Context(), get(t, "http://a.example/")); err != nil {
			t.Fatal(err)
		}
		failed := make(chan error)
		go func() {
			_, err := c.Do(t.Context(), get(t, "http://a.example/slow"))
			failed <- err
		}()
		synctest.Wait()
		begun := time.Now()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if err := <-failed; !errors.Is(err, ErrClosed) || time.Since(begun) != 0 {
			t.Errorf("under way: %v", err)
		}
		if _, err := c.Do(t.Context(), get(t, "http://a.example/")); !errors.Is(err, ErrClosed) {
			t.Errorf("later: %v", err)
		}
		if c.Close(); relay.n != 1 {
			t.Errorf("relay closed %d times", relay.n)
		}
	})
}

func TestCloseDuringDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := client(t, Config{Relays: []Relay{hung{&memory{name: "memory", kind: "memory"}}}})
		time.AfterFunc(time.Second, func() { c.Close() })
		if _, err := c.Do(t.Context(), get(t, "http://a.example/")); !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	})
}

type closed struct {
	*memory
	n int
}

func (c *closed) Close() error { c.n++; return nil }

// The bytes of an exchange are its own, on a kept connection too.
func TestBytesCounted(t *testing.T) {
	m := handler(t, func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 1000)) })
	c := client(t, Config{Relays: []Relay{m}})
	var first *Response
	for range 3 {
		req := get(t, "http://a.example/")
		req.Method, req.Body = http.MethodPost, make([]byte, 500)
		res, err := c.Do(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = res
		}
		if res.SentBytes < 500 || res.SentBytes > 800 || res.ReceivedBytes < 1000 || res.ReceivedBytes > 1300 || res.SentBytes != first.SentBytes {
			t.Errorf("sent %d, received %d", res.SentBytes, res.ReceivedBytes)
		}
	}
}

// A relay's dial sees the request's deadline.
func TestRelayGetsDeadline(t *testing.T) {
	m := &dialTimes{memory: handler(t, fine)}
	c := client(t, Config{Relays: []Relay{m}, Deadline: 7 * time.Second})
	c.Do(t.Context(), get(t, "http://a.example/"))
	if m.left <= 0 || m.left > 7*time.Second {
		t.Errorf("%v left", m.left)
	}
}

type dialTimes struct {
	*memory
	left time.Duration
}

func (m *dialTimes) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if at, ok := ctx.Deadline(); ok {
		m.left = time.Until(at)
	}
	return m.memory.DialContext(ctx, network, address)
}
