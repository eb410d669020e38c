package egress

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// peer is a server that reads one request and then does what a test wants it to.
func peer(then func(c net.Conn, r *http.Request)) *memory {
	return &memory{name: "memory", kind: "memory", serve: func(c net.Conn) {
		defer c.Close()
		r, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			return
		}
		then(c, r)
	}}
}

// says is a peer that answers with raw bytes, and then keeps the connection open until we close it.
func says(raw string) *memory {
	return peer(func(c net.Conn, _ *http.Request) {
		io.WriteString(c, raw)
		io.Copy(io.Discard, c)
	})
}

// Whatever stalls, and wherever, ends at the total deadline to the instant, and nothing of it is left: synctest fails on a
// goroutine that outlives the client.
func TestDeadline(t *testing.T) {
	drip := func(c net.Conn, s string) {
		for i := range s {
			if _, err := io.WriteString(c, s[i:i+1]); err != nil {
				return
			}
			time.Sleep(time.Second)
		}
	}
	tests := []struct {
		name  string
		relay Relay
		stage Stage
	}{
		{"body, a byte a second", peer(func(c net.Conn, _ *http.Request) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
			drip(c, strings.Repeat("x", 100))
		}), StageBody},
		{"chunked body, a byte a second", peer(func(c net.Conn, _ *http.Request) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
			drip(c, strings.Repeat("1\r\nx\r\n", 100))
		}), StageBody},
		{"gzip body, a byte a second", peer(func(c net.Conn, _ *http.Request) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n")
			drip(c, zipped(strings.Repeat("x", 1000)))
			drip(c, strings.Repeat("x", 100))
		}), StageBody},
		{"head, a byte a second", peer(func(c net.Conn, _ *http.Request) {
			drip(c, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 100))
		}), StageResponse},
		{"interim answers without end", peer(func(c net.Conn, _ *http.Request) {
			for {
				if _, err := io.WriteString(c, "HTTP/1.1 103 Early Hints\r\n\r\n"); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}), StageResponse},
		{"no answer", peer(func(c net.Conn, _ *http.Request) { io.Copy(io.Discard, c) }), StageResponse},
		{"request not read", &memory{name: "memory", kind: "memory", serve: func(c net.Conn) { time.Sleep(time.Minute); c.Close() }}, StageResponse},
		{"relay that does not come through", hung{&memory{name: "memory", kind: "memory"}}, StageDial},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := client(t, Config{Relays: []Relay{tt.relay}, Deadline: 20 * time.Second})
				req := get(t, "http://a.example/")
				req.Method, req.Body = http.MethodPost, make([]byte, 64<<10)
				begun := time.Now()
				_, err := c.Do(t.Context(), req)
				var e *Error
				if !errors.As(err, &e) || e.Stage != tt.stage || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%v", err)
				}
				if d := time.Since(begun); d != 20*time.Second {
					t.Errorf("after %v", d)
				}
				c.Close()
				time.Sleep(time.Minute) // for the peers to notice
			})
		})
	}
}

// hung is a relay whose link has stalled.
type hung struct{ *memory }

func (hung) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// The deadline counts the wait for one of the circuit's connections too, and the caller's own context ends it earlier.
func TestDeadlineOfQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := client(t, Config{Relays: []Relay{hung{&memory{name: "memory", kind: "memory"}}}, Deadline: 20 * time.Second})
		begun := time.Now()
		done := make(chan time.Duration, maxConns+1)
		for range maxConns + 1 {
			go func() {
				c.Do(t.Context(), get(t, "http://a.example/"))
				done <- time.Since(begun)
			}()
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		_, err := c.Do(ctx, get(t, "http://b.example/"))
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != 3*time.Second {
			t.Errorf("the caller's deadline: %v after %v", err, time.Since(begun))
		}
		for range maxConns + 1 {
			if d := <-done; d != 20*time.Second {
				t.Errorf("after %v", d)
			}
		}
	})
}

func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := client(t, Config{Relays: []Relay{says("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nx")}})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		begun := time.Now()
		if _, err := c.Do(ctx, get(t, "http://a.example/")); !errors.Is(err, context.Canceled) || time.Since(begun) != time.Second {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
	})
}

// zipped is s in gzip.
func zipped(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, s)
	w.Close()
	return b.String()
}

func TestBodyCap(t *testing.T) {
	const limit = 1 << 20
	head := func(extra string) string { return "HTTP/1.1 200 OK\r\n" + extra + "\r\n" }
	sized := func(s, extra string) string {
		return head(fmt.Sprintf("Content-Length: %d\r\n%s", len(s), extra)) + s
	}
	chunked := func(n int) string {
		const chunk = 64 << 10
		return head("Transfer-Encoding: chunked\r\n") +
			strings.Repeat(fmt.Sprintf("%x\r\n%s\r\n", chunk, strings.Repeat("x", chunk)), n/chunk) + "0\r\n\r\n"
	}
	const gz = "Content-Encoding: gzip\r\n"
	tests := []struct {
		name, answer string
		size         int // of the body; -1: ErrTooLarge; -2: another error
	}{
		{"at the cap", sized(strings.Repeat("x", limit), ""), limit},
		{"one more", sized(strings.Repeat("x", limit+1), ""), -1},
		{"declared only", head("Content-Length: 99999999999\r\n"), -1},
		{"chunked at the cap", chunked(limit), limit},
		{"chunked 2 MiB", chunked(2 * limit), -1},
		{"until the end, 2 MiB", head("") + strings.Repeat("x", 2*limit), -1},
		{"gzip at the cap", sized(zipped(strings.Repeat("x", limit)), gz), limit},
		{"gzip one more", sized(zipped(strings.Repeat("x", limit+1)), gz), -1},
		{"gzip 1000:1", sized(zipped(strings.Repeat("x", 100*limit)), gz), -1},
		{"gzip members that hold nothing", sized(strings.Repeat(zipped(""), 100_000), gz), -1},
		{"x-gzip", sized(zipped("hello"), "Content-Encoding: X-Gzip\r\n"), 5},
		{"identity", sized("hello", "Content-Encoding: identity\r\n"), 5},
		{"gzip twice", sized(zipped(zipped("hello")), "Content-Encoding: gzip, gzip\r\n"), -2},
		{"gzip twice, two headers", sized(zipped(zipped("hello")), gz+gz), -2},
		{"brotli", sized("hello", "Content-Encoding: br\r\n"), -2},
		{"gzip that is none", sized("hello", gz), -2},
		{"gzip cut short", sized(zipped(strings.Repeat("hello", 100))[:20], gz), -2},
		{"empty", sized("", ""), 0},
		{"empty gzip", sized("", gz), 0},
		{"two lengths", head("Content-Length: 5\r\nContent-Length: 6\r\n") + "hello!", -2},
		{"negative length", head("Content-Length: -1\r\n"), -2},
		{"chunk of a negative size", head("Transfer-Encoding: chunked\r\n") + "-1\r\n", -2},
		{"switched protocol", "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", -2},
		{"no HTTP", "SSH-2.0-x\r\n", -2},
		{"headers, many", "HTTP/1.1 200 OK\r\n" + strings.Repeat("X: y\r\n", 10_000) + "\r\n", -1},
		{"headers, one", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("y", 64<<10) + "\r\n\r\n", -1},
		{"headers, interim", strings.Repeat("HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n", 5_000), -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := peer(func(c net.Conn, _ *http.Request) { io.WriteString(c, tt.answer) }) // and closes
			c := client(t, Config{Relays: []Relay{m}, MaxBody: limit})
			res, err := c.Do(t.Context(), get(t, "http://a.example/"))
			switch {
			case tt.size >= 0 && (err != nil || len(res.Body) != tt.size):
				t.Errorf("%v", err)
			case tt.size >= 0 && tt.size <= 5 && res.Header.Get("Content-Length") == "" && res.Header.Get("Content-Encoding") == "gzip":
				t.Errorf("%v", res.Header)
			case tt.size < 0 && err == nil:
				t.Errorf("%d bytes", len(res.Body))
			case tt.size < 0 && errors.Is(err, ErrTooLarge) != (tt.size == -1):
				t.Errorf("%v: %v", err, errors.Unwrap(err))
			}
		})
	}
}

// A length that is a lie in either direction: too long is an error and no short body, too short is cut and the connection,
// on which the rest would pass for the next answer, is not used again.
func TestLyingLength(t *testing.T) {
	m := peer(func(c net.Conn, _ *http.Request) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
	})
	c := client(t, Config{Relays: []Relay{m}})
	if _, err := c.Do(t.Context(), get(t, "http://a.example/")); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("too long: %v", err)
	}

	synctest.Test(t, func(t *testing.T) {
		m := says("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")
		c := client(t, Config{Relays: []Relay{m}})
		for range 3 {
			res, err := c.Do(t.Context(), get(t, "http://a.example/"))
			if err != nil || string(res.Body) != "hello" {
				t.Errorf("too short: %v", err)
			}
			synctest.Wait()
		}
		if n := m.dials.Load(); n != 3 {
			t.Errorf("%d dials", n)
		}
	})
}

func TestMaxBodyOfRequest(t *testing.T) {
	c := client(t, Config{Relays: []Relay{handler(t, func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 2<<20)) })}})
	req := get(t, "http://a.example/")
	if _, err := c.Do(t.Context(), req); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
	req.MaxBody = 2 << 20
	if res, err := c.Do(t.Context(), req); err != nil || len(res.Body) != 2<<20 {
		t.Error(err)
	}
}

// What the remote says, and where it is, is in no error text, since that is logged.
func TestErrorsAreSilent(t *testing.T) {
	const canary = "canary.example"
	for _, answer := range []string{
		canary, "HTTP/1.1 " + canary + " x\r\n\r\n", "HTTP/1.1 200 OK\r\n" + canary + "\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: " + canary + "\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: " + canary + "\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + canary + "\r\n",
		"HTTP/1.1 200 OK\r\nContent-Encoding: " + canary + "\r\nContent-Length: 1\r\n\r\nx",
	} {
		m := peer(func(c net.Conn, _ *http.Request) { io.WriteString(c, answer) })
		c := client(t, Config{Relays: []Relay{m}})
		_, err := c.Do(t.Context(), get(t, "http://"+canary+"/"+canary))
		if err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%v", err)
		}
	}
	failing := failing{&memory{name: "memory", kind: "memory"}, fmt.Errorf("dial tcp: lookup %s: no such host", canary)}
	c := client(t, Config{Relays: []Relay{failing}})
	if _, err := c.Do(t.Context(), get(t, "http://a.example/")); err.Error() != "egress: dial: failed" {
		t.Error(err)
	}
}

// failing is a relay that cannot dial.
type failing struct {
	*memory
	err error
}

func (f failing) DialContext(context.Context, string, string) (net.Conn, error) { return nil, f.err }

// FuzzResponse: no answer panics, hangs, exceeds the cap or passes remote text on in an error.
func FuzzResponse(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"))
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nTrailer: x\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + zipped("hello")))
	f.Add([]byte("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.0 204 No Content\r\n\r\nrest"))
	f.Add([]byte("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.3/\r\n\r\n"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		m := peer(func(c net.Conn, _ *http.Request) { c.Write(answer) })
		c, err := New(Config{Rules: Rules{HTTP: true}, Relays: []Relay{m}, MaxBody: 100})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		res, err := c.Do(t.Context(), get(t, "http://a.example/"))
		var e *Error
		switch {
		case err == nil && len(res.Body) > 100:
			t.Errorf("%d bytes", len(res.Body))
		case err != nil && (!errors.As(err, &e) || errors.Is(err, context.DeadlineExceeded)):
			t.Errorf("%v", err)
		}
		if n := m.dials.Load(); n != 1 {
			t.Errorf("%d dials", n)
		}
	})
}
