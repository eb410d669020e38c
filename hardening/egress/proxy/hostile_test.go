package proxy_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/egress/proxy"
	"github.com/dunnock-server/dunnock/hardening/pipenet"
)

// played is a proxy that does what a test says with each connection.
func played(t *testing.T, kind string, c proxy.Config, play func(net.Conn)) (egress.Linked, *pipenet.Listener) {
	t.Helper()
	wire := pipenet.Listen("proxy")
	t.Cleanup(func() { wire.Close() })
	go func() {
		for {
			conn, err := wire.Accept()
			if err != nil {
				return
			}
			go func() { defer conn.Close(); play(conn) }()
		}
	}()
	c.Name, c.Address = "played", "proxy.example:1080"
	c.Dial = func(ctx context.Context, _, address string) (net.Conn, error) {
		if address != c.Address {
			t.Error("another than the proxy was dialled:", address)
		}
		return wire.Dial(ctx)
	}
	var l egress.Linked
	var err error
	if kind == "http" {
		l, err = proxy.HTTP(c)
	} else {
		l, err = proxy.Socks(c)
	}
	if err != nil {
		t.Fatal(err)
	}
	return l, wire
}

// says reads as much as each step expects and answers; then it waits for the other side to end.
func says(steps ...any) func(net.Conn) {
	return func(c net.Conn) {
		for i := 0; i < len(steps); i += 2 {
			if _, err := io.ReadFull(c, make([]byte, steps[i].(int))); err != nil {
				return
			}
			if _, err := io.WriteString(c, steps[i+1].(string)); err != nil {
				return
			}
		}
		_, _ = io.Copy(io.Discard, c)
	}
}

// answers reads a head and answers.
func answers(with string) func(net.Conn) {
	return func(c net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
			return
		}
		_, _ = io.WriteString(c, with)
	}
}

const target = "192.88.98.7:443" // a public address

func TestAnswers(t *testing.T) {
	hangUp := func(net.Conn) {}
	silent := func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }
	secret := proxy.Config{User: "ab", Password: "cde"}
	const greeted = "\x05\x00"
	for name, test := range map[string]struct {
		kind   string
		config proxy.Config
		play   func(net.Conn)
		reason string // of its being down; empty: it is up
		works  bool
	}{
		"fine":                     {play: says(3, greeted, 10, "\x05\x00\x00\x01\x7f\x00\x00\x01\x04\x38"), works: true},
		"fine with a password":     {config: secret, play: says(3, "\x05\x02", 8, "\x01\x00", 10, "\x05\x00\x00\x04"+strings.Repeat("x", 18)), works: true},
		"bound to a name":          {play: says(3, greeted, 10, "\x05\x00\x00\x03\x03abc\x00\x50"), works: true},
		"hangs up":                 {play: hangUp, reason: "hangs up"},
		"silent":                   {play: silent, reason: "does not answer"},
		"silent after greeting":    {config: secret, play: says(3, "\x05\x02"), reason: "does not answer"},
		"silent about the target":  {play: says(3, greeted)},
		"hangs up over the target": {play: func(c net.Conn) { _, _ = io.ReadFull(c, make([]byte, 3)); _, _ = io.WriteString(c, greeted); c.Close() }},
		"SOCKS4":                   {play: says(3, "\x00\x5a"), reason: "does not speak SOCKS5"},
		"HTTP for SOCKS":           {play: says(3, "HTTP/1.1 400 Bad Request\r\n\r\n"), reason: "does not speak SOCKS5"},
		"wants a password":         {play: says(3, "\x05\xff"), reason: "asks for user and password"},
		"wants none":               {config: secret, play: says(3, "\x05\xff"), reason: "takes no user and password"},
		"passes the password over": {config: secret, play: says(3, greeted), reason: "signs in as it was not offered"},
		"refuses the password":     {config: secret, play: says(3, "\x05\x02", 8, "\x01\x01"), reason: "refuses user and password"},
		"nonsense reply":           {play: says(3, greeted, 10, "\x04\x00\x00\x01"), reason: "does not speak SOCKS5"},
		"nonsense address":         {play: says(3, greeted, 10, "\x05\x00\x00\x09"), reason: "does not speak SOCKS5"},
		"general failure":          {play: says(3, greeted, 10, "\x05\x01\x00\x01")},
		"refused":                  {play: says(3, greeted, 10, "\x05\x05\x00\x01")},
		"unknown code":             {play: says(3, greeted, 10, "\x05\x77\x00\x01")},

		"http fine":                {kind: "http", play: answers("HTTP/1.1 200 Connection established\r\n\r\n"), works: true},
		"http 1.0":                 {kind: "http", play: answers("HTTP/1.0 200 OK\r\nVia: x\r\n\r\n"), works: true},
		"http with a length":       {kind: "http", play: answers("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), works: true},
		"http after an interim":    {kind: "http", play: answers("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"), works: true},
		"http interim for ever":    {kind: "http", play: answers(strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 1000)), reason: "answers at too great a length"},
		"http long head":           {kind: "http", play: answers("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 8<<10) + "\r\n\r\n"), reason: "answers at too great a length"},
		"http switches":            {kind: "http", play: answers("HTTP/1.1 101 Switching Protocols\r\n\r\n"), reason: "does not speak HTTP/1"},
		"http nonsense":            {kind: "http", play: answers("SSH-2.0-OpenSSH_9.2\r\n\r\n"), reason: "does not speak HTTP/1"},
		"http 403":                 {kind: "http", play: answers("HTTP/1.1 403 Forbidden\r\n\r\n")},
		"http 502":                 {kind: "http", play: answers("HTTP/1.1 502 Bad Gateway\r\n\r\n")},
		"http 503":                 {kind: "http", play: answers("HTTP/1.1 503 Unavailable\r\n\r\n")},
		"http 504":                 {kind: "http", play: answers("HTTP/1.1 504 Timeout\r\n\r\n")},
		"http 407":                 {kind: "http", play: answers("HTTP/1.1 407 Who\r\n\r\n"), reason: "refuses user and password, or asks for them"},
		"http hangs up":            {kind: "http", play: hangUp},
		"http silent about target": {kind: "http", play: silent},
		"http without TLS":         {kind: "http", config: proxy.Config{TLS: true}, play: answers("HTTP/1.1 400 TLS, please\r\n\r\n"), reason: "hangs up"},
		"http silent about TLS":    {kind: "http", config: proxy.Config{TLS: true}, play: silent, reason: "does not answer"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, _ := played(t, test.kind, test.config, test.play)
				conn, err := l.DialContext(t.Context(), "tcp", target)
				if s := l.State(); s.Down != (test.reason != "") || s.Reason != test.reason {
					t.Errorf("%+v", s)
				}
				if (err == nil) != test.works || errors.Is(err, egress.ErrRelayDown) != (test.reason != "") {
					t.Error(err)
				}
				if err == nil {
					conn.Close()
				}
			})
		})
	}
}

// A dial ends with its context at every step, and says nothing of the proxy by that.
func TestCancelled(t *testing.T) {
	for name, steps := range map[string][]any{"greeting": nil, "password": {3, "\x05\x02"}, "target": {3, "\x05\x02", 8, "\x01\x00"}, "address": {3, "\x05\x02", 8, "\x01\x00", 10, "\x05\x00\x00\x01"}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, _ := played(t, "", proxy.Config{User: "ab", Password: "cde"}, says(steps...))
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				start := time.Now()
				_, err := l.DialContext(ctx, "tcp", target)
				if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second || l.State().Down {
					t.Error(err, time.Since(start), l.State())
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) { // nobody accepts
		l, err := proxy.HTTP(proxy.Config{Name: "a", Address: "a:1", Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.DialContext(t.Context(), "tcp", target); !errors.Is(err, egress.ErrRelayDown) || l.State().Reason != "does not answer" {
			t.Error(err, l.State())
		}
	})
}

// While a proxy is down no dial tries it.
func TestDownIsDown(t *testing.T) {
	dials := 0
	l, err := proxy.Socks(proxy.Config{Name: "a", Address: "a:1", Dial: func(context.Context, string, string) (net.Conn, error) {
		dials++
		return nil, &net.DNSError{Err: "no such host", Name: "a", IsNotFound: true}
	}})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := l.DialContext(t.Context(), "tcp", target); !errors.Is(err, egress.ErrRelayDown) {
			t.Error(err)
		}
	}
	if dials != 1 || l.State().Reason != "its name is not found" {
		t.Error(dials, l.State())
	}
}

// What comes with the head of an answer is the target's.
func TestEarlyBytes(t *testing.T) {
	l, _ := played(t, "http", proxy.Config{}, answers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nearly bird"))
	conn, err := l.DialContext(t.Context(), "tcp", target)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(conn); string(got) != "early bird" || err != nil {
		t.Errorf("%q %v", got, err)
	}
}

// What is said to a proxy is this, and no more: to the byte.
func TestWhatIsSaid(t *testing.T) {
	const sign = "Proxy-Authorization: Basic YWI6Y2Rl\r\n"
	for _, test := range []struct {
		kind    string
		connect bool // rather than ask for a target
		want    string
	}{
		{"http", false, "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n" + sign + "\r\n"},
		{"http", true, "OPTIONS * HTTP/1.1\r\nHost: proxy.example:1080\r\n" + sign + "\r\n"},
		{"", false, "\x05\x01\x02\x01\x02ab\x03cde\x05\x01\x00\x01\xc0\x58\x62\x07\x01\xbb"},
		{"", true, "\x05\x01\x02\x01\x02ab\x03cde"},
	} {
		said := make(chan string, 1)
		l, _ := played(t, test.kind, proxy.Config{User: "ab", Password: "cde"}, func(c net.Conn) {
			var b strings.Builder
			tapped := struct {
				io.Reader
				net.Conn
			}{io.TeeReader(c, &b), c}
			if test.kind == "http" {
				answers("HTTP/1.1 200 OK\r\n\r\n")(tap{c, tapped.Reader})
			} else {
				says(3, "\x05\x02", 8, "\x01\x00", 10, "\x05\x00\x00\x01\x7f\x00\x00\x01\x04\x38")(tap{c, tapped.Reader})
			}
			said <- b.String()
		})
		if test.connect {
			if err := l.Connect(t.Context()); err != nil {
				t.Error(err)
			}
		} else if conn, err := l.DialContext(t.Context(), "tcp", target); err != nil {
			t.Error(err)
		} else {
			conn.Close()
		}
		if got := <-said; got != test.want {
			t.Errorf("%q", got)
		}
	}
}

type tap struct {
	net.Conn
	r io.Reader
}

func (t tap) Read(p []byte) (int, error) { return t.r.Read(p) }

// Three addresses of a name are tried, in their order, and no more; a proxy that is down ends it.
func TestInOrder(t *testing.T) {
	var asked []byte
	l, _ := played(t, "", proxy.Config{}, func(c net.Conn) {
		message := make([]byte, 10)
		_, _ = io.ReadFull(c, message[:3])
		_, _ = io.WriteString(c, "\x05\x00")
		_, _ = io.ReadFull(c, message)
		asked = append(asked, message[7])
		_, _ = io.WriteString(c, "\x05\x04\x00\x01")
	})
	client, err := egress.New(egress.Config{Relays: []egress.Relay{l}, Rules: egress.Rules{HTTP: true}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	client.LookUpWith(func(context.Context, egress.Circuit, string) (addrs []netip.Addr, _ time.Duration, _ error) {
		for _, s := range []string{"10.0.0.1", "192.88.98.1", "127.0.0.1", "192.88.98.2", "192.88.98.3", "192.88.98.4"} {
			addrs = append(addrs, netip.MustParseAddr(s))
		}
		return addrs, time.Hour, nil
	})
	if _, err := get(t, client, "a.example", 443); err == nil {
		t.Error("it was reached")
	}
	if string(asked) != "\x01\x02\x03" {
		t.Errorf("%v", asked)
	}
}

// The environment has no say.
func TestEnvironment(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		t.Setenv(name, "http://"+w.canary)
	}
	for _, kind := range []string{"socks5", "http"} {
		l, _ := played(t, kind, proxy.Config{}, answers(""))
		if kind == "socks5" {
			l, _ = played(t, kind, proxy.Config{}, says(3, "\x05\x00"))
		}
		client, err := egress.New(egress.Config{Relays: []egress.Relay{l}, Rules: egress.Rules{HTTP: true}, Deadline: 100 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		for _, scheme := range []string{"http", "https"} {
			u := "://192.88.98.7/"
			req, err := http.NewRequest("GET", scheme+u, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := client.Do(t.Context(), egress.Request{Method: "GET", URL: req.URL, Purpose: egress.Lookup}); err == nil {
				t.Error("it was reached")
			}
		}
	}
	if w.sung.Load() > 0 {
		t.Error("the environment's proxy was used")
	}
}

func TestConfig(t *testing.T) {
	fine := proxy.Config{Name: "a", Address: "a:1", Dial: egress.Home()}
	for name, change := range map[string]func(*proxy.Config){
		"no name":       func(c *proxy.Config) { c.Name = "" },
		"no dial":       func(c *proxy.Config) { c.Dial = nil },
		"no port":       func(c *proxy.Config) { c.Address = "a" },
		"port 0":        func(c *proxy.Config) { c.Address = "a:0" },
		"no host":       func(c *proxy.Config) { c.Address = ":1" },
		"only a user":   func(c *proxy.Config) { c.User = "a" },
		"long password": func(c *proxy.Config) { c.User, c.Password = "a", strings.Repeat("x", 256) },
	} {
		c := fine
		change(&c)
		if _, err := proxy.Socks(c); err == nil {
			t.Error(name)
		}
		if _, err := proxy.HTTP(c); err == nil {
			t.Error(name)
		}
	}
	fine.TLS = true
	if _, err := proxy.Socks(fine); err == nil {
		t.Error("SOCKS5 over TLS")
	}
	if l, err := proxy.HTTP(fine); err != nil || l.Kind() != "http" || l.Name() != "a" {
		t.Error(err)
	}
}

// A proxy that hangs up once is up: what waits for a relay that is down waits for minutes. One that does so twice is down.
func TestHangsUpOnce(t *testing.T) {
	for times, down := range map[int32]bool{1: false, 2: true} {
		synctest.Test(t, func(t *testing.T) {
			var conns atomic.Int32
			l, _ := played(t, "http", proxy.Config{}, func(c net.Conn) {
				if conns.Add(1) > times {
					answers("HTTP/1.1 400 What?\r\n\r\n")(c)
				}
			})
			err := l.Connect(t.Context())
			if errors.Is(err, egress.ErrRelayDown) != down || l.State().Down != down || conns.Load() != 2 {
				t.Errorf("after %d: %v, %+v, %d connections", times, err, l.State(), conns.Load())
			}
		})
	}
}
