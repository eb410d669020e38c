package ingress

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const simple = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"

func hello(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }

func TestHeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stop := start(t, Config{}, hello)
		defer stop()
		c := l.dial(canary + ":1")
		defer c.Close()
		res := c.ask(t, simple)
		var names []string
		for name := range res.Header {
			names = append(names, name)
		}
		want := map[string]bool{"Cache-Control": true, "Content-Type": true, "Content-Length": true, "Date": true,
			"Referrer-Policy": true, "X-Content-Type-Options": true}
		for _, name := range names {
			if !want[name] {
				t.Errorf("header %s", name)
			}
		}
		if len(names) != len(want) {
			t.Errorf("headers %v", names)
		}
	})
}

// A client that never finishes its head is cut off at the header timeout, to the instant, however it trickles.
func TestSlowHead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stop := start(t, Config{}, hello)
		defer stop()
		c := l.dial(canary + ":1")
		defer c.Close()
		begun := time.Now()
		wait := c.drip("GET / HTTP/1.1\r\nHost: a.example\r\nX: "+strings.Repeat("x", 100), 300*time.Millisecond)
		io.Copy(io.Discard, c)
		if d := time.Since(begun); d != 5*time.Second {
			t.Errorf("cut off after %v", d)
		}
		wait()
	})
}

// A client that trickles its body is cut off at the read timeout.
func TestSlowBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got error
		var at time.Time
		l, stop := start(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
			_, got = io.ReadAll(r.Body)
			at = time.Now()
		})
		c := l.dial(canary + ":1")
		begun := time.Now()
		io.WriteString(c, "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1000\r\n\r\n")
		wait := c.drip(strings.Repeat("x", 1000), time.Second)
		io.Copy(io.Discard, c)
		if got == nil || at.Sub(begun) != 30*time.Second {
			t.Errorf("handler saw %v after %v", got, at.Sub(begun))
		}
		c.Close()
		wait()
		stop()
	})
}

// A client that does not read its answer is cut off at the write timeout.
func TestSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		cut := make(chan time.Duration, 1)
		l, stop := start(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
			for err := error(nil); err == nil; {
				_, err = w.Write(make([]byte, 64<<10))
			}
			cut <- time.Since(begun)
		})
		c := l.dial(canary + ":1")
		io.WriteString(c, simple)
		if d := <-cut; d != time.Minute {
			t.Errorf("cut off after %v", d)
		}
		c.Close()
		stop()
	})
}

// A client that says nothing after its first answer keeps the connection for the idle timeout only.
func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stop := start(t, Config{}, hello)
		defer stop()
		c := l.dial(canary + ":1")
		defer c.Close()
		c.ask(t, simple)
		begun := time.Now()
		io.Copy(io.Discard, c.r)
		if d := time.Since(begun); d != 60*time.Second {
			t.Errorf("kept for %v", d)
		}
	})
}

func TestHeaderFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stop := start(t, Config{}, func(http.ResponseWriter, *http.Request) { t.Error("handler called") })
		defer stop()
		for _, head := range []string{
			"GET / HTTP/1.1\r\nHost: a.example\r\nX: " + strings.Repeat("x", 32<<10) + "\r\n\r\n",
			"GET / HTTP/1.1\r\nHost: a.example\r\n" + strings.Repeat("X: y\r\n", 8<<10) + "\r\n",
			"GET /" + strings.Repeat("x", 32<<10) + " HTTP/1.1\r\nHost: a.example\r\n\r\n",
		} {
			c := l.dial(canary + ":1")
			if res := c.ask(t, head); res.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
				t.Errorf("status %d", res.StatusCode)
			}
			c.Close()
		}
	})
}

func TestBodyCap(t *testing.T) {
	chunked := func(n int) string {
		return "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n" +
			fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", n, strings.Repeat("x", n))
	}
	sized := func(path string, n int) string {
		return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: a.example\r\nContent-Length: %d\r\n\r\n%s", path, n, strings.Repeat("x", n))
	}
	tests := []struct {
		name, request string
		status        int
	}{
		{"at the cap", sized("/", 1<<20), 202},
		{"chunked at the cap", chunked(1 << 20), 202},
		{"chunked 2 MiB", chunked(2 << 20), 413},
		{"declared 1 byte more", sized("/", 1<<20+1), 413},
		{"declared without end", "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 999999999999\r\n\r\n", 413},
		{"larger cap for one path", sized("/media", 2<<20), 202},
		{"beyond that too", sized("/media", 3<<20), 413},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := Config{BodyLimit: func(r *http.Request) int64 {
					if r.URL.Path == "/media" {
						return 2 << 20
					}
					return 0
				}}
				l, stop := start(t, c, func(w http.ResponseWriter, r *http.Request) {
					_, err := io.ReadAll(r.Body)
					var large *http.MaxBytesError
					switch {
					case errors.As(err, &large):
						w.WriteHeader(http.StatusRequestEntityTooLarge)
					case err == nil:
						w.WriteHeader(http.StatusAccepted)
					}
				})
				defer stop()
				conn := l.dial(canary + ":1")
				defer conn.Close()
				if res := conn.ask(t, tt.request); res.StatusCode != tt.status {
					t.Errorf("status %d, want %d", res.StatusCode, tt.status)
				}
			})
		})
	}
}

func TestPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stop := start(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/early":
				w.Header().Set("X-Half", "made")
				panic("user said " + r.Header.Get("X-Secret"))
			case "/late":
				io.WriteString(w, "half")
				http.NewResponseController(w).Flush()
				panic(fmt.Errorf("user said %s", r.Header.Get("X-Secret")))
			}
			io.WriteString(w, "fine")
		})
		c := l.dial(canary + ":1")
		res := c.ask(t, "GET /early HTTP/1.1\r\nHost: a.example\r\nX-Secret: "+canary+"\r\n\r\n")
		if res.StatusCode != 500 || res.Header.Get("X-Half") != "" {
			t.Errorf("%d %v", res.StatusCode, res.Header)
		}
		if res = c.ask(t, simple); res.StatusCode != 200 {
			t.Errorf("the same connection then: %d", res.StatusCode)
		}
		// What was begun must be seen to be cut.
		go io.WriteString(c, "GET /late HTTP/1.1\r\nHost: a.example\r\nX-Secret: "+canary+"\r\n\r\n")
		res, err := http.ReadResponse(c.r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(res.Body); err == nil {
			t.Errorf("a cut answer passed for whole: %q", body)
		}
		c.Close()
		log := stop()
		if strings.Contains(log, canary) {
			t.Errorf("the log has what the client sent:\n%s", log)
		}
		if !strings.Contains(log, "handler panicked") || !strings.Contains(log, "TestPanic") {
			t.Errorf("the log does not say where:\n%s", log)
		}
	})
}

// Nothing that net/http has to say puts an address or remote text into the log.
func TestQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stop := start(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", canary)
			w.WriteHeader(200)
			w.WriteHeader(500)
		})
		for _, request := range []string{
			simple,
			"GET /?a;b=" + canary + " HTTP/1.1\r\nHost: a.example\r\n\r\n",
			canary + "\r\n\r\n",
			"GET / HTTP/1.1\r\nHost: " + canary + "/\r\n\r\n",
		} {
			c := l.dial(canary + ":1")
			c.ask(t, request)
			c.Close()
		}
		log := stop()
		if strings.Contains(log, canary) {
			t.Errorf("canary in the log:\n%s", log)
		}
		if !strings.Contains(log, "two status lines") {
			t.Errorf("net/http's messages did not come here:\n%s", log)
		}
	})
}

func TestQuietKinds(t *testing.T) {
	var b strings.Builder
	q := quietLogger(textLogger(&b))
	q.Printf("http: TLS handshake error from %s: %v", canary, canary)
	q.Printf("http: Accept error: accept tcp %s: too many open files; retrying in 5ms", canary)
	q.Printf("http: panic serving %s: %s\ngoroutine 1", canary, canary)
	q.Printf("something new about %s", canary)
	if s := b.String(); strings.Contains(s, canary) || strings.Count(s, "\n") != 4 {
		t.Error(s)
	}
}

// A handler learns a name for the network, and no address.
func TestNoAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stop := start(t, Config{}, func(w http.ResponseWriter, r *http.Request) {
			if s := fmt.Sprint(r.RemoteAddr, r.Header); strings.Contains(s, canary) {
				t.Errorf("handler sees %s", s)
			}
			io.WriteString(w, Peer(r.Context()))
		})
		defer stop()
		ask := func(from string) string {
			c := l.dial(from)
			defer c.Close()
			res := c.ask(t, "GET / HTTP/1.1\r\nHost: a.example\r\nX-Forwarded-For: "+canary+"\r\nForwarded: for="+canary+
				"\r\nX-Real-IP: "+canary+"\r\nCF-Connecting-IP: "+canary+"\r\n\r\n")
			b, _ := io.ReadAll(res.Body)
			return string(b)
		}
		a := ask(canary + ":1")
		if a == "" || strings.Contains(a, canary) || ask(canary+":2") != a {
			t.Errorf("peer %q", a)
		}
		if ask("198.18.77.67:1") == a {
			t.Error("two addresses, one peer")
		}
		if v6 := ask("[2001:db8:1:2::1]:1"); v6 != ask("[2001:db8:1:ff::2]:1") || v6 == ask("[2001:db8:1:100::1]:1") {
			t.Error("IPv6 is not counted by /56")
		}
		if ask("[::ffff:"+canary+"]:1") != a {
			t.Error("a mapped address is another peer")
		}
		if ask("pipe") != "" {
			t.Error("a peer without a network")
		}
	})
}
