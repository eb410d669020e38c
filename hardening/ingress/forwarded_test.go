package ingress

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
)

var trusting = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}

// TestBehind: who counts, by what a trusted proxy hands over. "" is nobody known, "?" is somebody who lies.
func TestBehind(t *testing.T) {
	many := func(n int) string { return "9.9.9.9" + strings.Repeat(", 10.0.0.1", n) }
	for _, tt := range []struct {
		xff, forwarded []string
		want           string
	}{
		{nil, nil, ""},
		{[]string{""}, nil, ""},
		{[]string{" , ,"}, []string{""}, ""},

		// The last hop counts, whatever stands before it.
		{[]string{"9.9.9.9"}, nil, "9.9.9.9"},
		{[]string{"8.8.8.8, 9.9.9.9"}, nil, "9.9.9.9"},
		{[]string{"8.8.8.8", "9.9.9.9"}, nil, "9.9.9.9"},
		{[]string{"127.0.0.1, 10.0.0.1, 9.9.9.9"}, nil, "9.9.9.9"},
		{[]string{`garbage", "9.9.9.9`}, nil, "?"},
		{[]string{`<script>, "8.8.8.8, 9.9.9.9`}, nil, "9.9.9.9"},
		{[]string{"8.8.8.8,9.9.9.9,"}, nil, "9.9.9.9"},
		{[]string{"9.9.9.9:1234"}, nil, "9.9.9.9"},
		{[]string{"::ffff:9.9.9.9"}, nil, "9.9.9.9"},
		{[]string{"2001:db8::1"}, nil, "2001:db8::1"},
		{[]string{"[2001:db8::1]"}, nil, "2001:db8::1"},
		{[]string{"8.8.8.8, [2001:db8::1]:443"}, nil, "2001:db8::1"},

		// Proxies that are trusted are passed over, and no others.
		{[]string{"8.8.8.8, 9.9.9.9, 10.0.0.1"}, nil, "9.9.9.9"},
		{[]string{"9.9.9.9, fd00::2", "10.0.0.1:80, ::ffff:10.2.2.2"}, nil, "9.9.9.9"},
		{[]string{"9.9.9.9, 11.0.0.1, 10.0.0.1"}, nil, "11.0.0.1"},
		{[]string{"10.0.0.7, 10.0.0.1"}, nil, "10.0.0.7"}, // somebody on the proxies' own network
		{[]string{many(maxHops - 1)}, nil, "9.9.9.9"},
		{[]string{many(maxHops)}, nil, "?"},
		{[]string{many(1000)}, nil, "?"},

		// What is no address is nobody's.
		{[]string{"9.9.9.9, unknown"}, nil, "?"},
		{[]string{"9.9.9.9, a.example"}, nil, "?"},
		{[]string{"9.9.9.9, 10.0.0"}, nil, "?"},
		{[]string{"9.9.9.9, 0x0a000001"}, nil, "?"},
		{[]string{"9.9.9.9, 010.0.0.1"}, nil, "?"},
		{[]string{"9.9.9.9, fe80::1%eth0"}, nil, "?"},
		{[]string{"9.9.9.9, [2001:db8::1"}, nil, "?"},
		{[]string{"9.9.9.9, 0.0.0.0"}, nil, "?"},
		{[]string{"9.9.9.9, 9.9.9.9:"}, nil, "?"},
		{[]string{"9.9.9.9, 9.9.9.9:99999"}, nil, "?"},
		{[]string{"9.9.9.9 8.8.8.8"}, nil, "?"},
		{[]string{"9.9.9.9, unknown, 10.0.0.1"}, nil, "?"},

		// RFC 7239.
		{nil, []string{"for=9.9.9.9"}, "9.9.9.9"},
		{nil, []string{`For="[2001:db8:cafe::17]:4711"`}, "2001:db8:cafe::17"},
		{nil, []string{"for=192.0.2.60;proto=http;by=203.0.113.43"}, "192.0.2.60"},
		{nil, []string{`by=203.0.113.43; host="a, b;for=1.1.1.1"; for=9.9.9.9`}, "9.9.9.9"},
		{nil, []string{"for=8.8.8.8, for=9.9.9.9;by=10.0.0.1, for=10.0.0.1"}, "9.9.9.9"},
		{nil, []string{`for="8.8.8.8, for=9.9.9.9;host="a.example"`}, "9.9.9.9"},
		{nil, []string{`x="\", for=9.9.9.9;host="a\"b"`}, "9.9.9.9"},
		{nil, []string{"for=8.8.8.8", "for=9.9.9.9"}, "9.9.9.9"},
		{nil, []string{"for=8.8.8.8;for=9.9.9.9"}, "?"},
		{nil, []string{"for=_hidden"}, "?"},
		{nil, []string{"for=unknown, for=10.0.0.1"}, "?"},
		{nil, []string{"proto=https"}, "?"},
		{nil, []string{`for="9.9.9.9`}, "?"},
		{nil, []string{"for=8.8.8.8, 9.9.9.9"}, "?"},

		// The proxy writes one of them; the other is the visitor's.
		{[]string{"9.9.9.9"}, []string{"for=9.9.9.9"}, "9.9.9.9"},
		{[]string{"9.9.9.9"}, []string{"for=8.8.8.8"}, "?"},
		{[]string{"8.8.8.8"}, []string{"for=9.9.9.9"}, "?"},
		{[]string{"9.9.9.9"}, []string{"garbage"}, "?"},
		{[]string{"9.9.9.9"}, []string{""}, "9.9.9.9"},
	} {
		h := http.Header{}
		for _, v := range tt.xff {
			h.Add("X-Forwarded-For", v)
		}
		for _, v := range tt.forwarded {
			h.Add("Forwarded", v)
		}
		got := proxies{nets: trusting}.behind(h, func(a netip.Addr) peer { return peer{id: a.String(), exempt: true} })
		want := peer{id: tt.want}
		switch tt.want {
		case "":
			want = crowd
		case "?":
			want = doubtful
		}
		if got != want {
			t.Errorf("X-Forwarded-For %.60q, Forwarded %.60q: %+v, not %+v", tt.xff, tt.forwarded, got, want)
		}
	}
}

// Whatever a visitor has sent, what the proxy adds counts.
func FuzzForwarded(f *testing.F) {
	for _, s := range []string{"", "8.8.8.8", `"`, `\`, `for="`, `for="\"`, "for=1.1.1.1;by=\",", ",,", "[", "::1%1", "for=\x00"} {
		f.Add(s)
	}
	p := proxies{nets: trusting}
	f.Fuzz(func(t *testing.T, visitors string) {
		for name, tt := range map[string]struct {
			adds  string
			parse func(string) netip.Addr
		}{
			"X-Forwarded-For": {"9.9.9.9", hop}, "X-Forwarded-For, two proxies": {"9.9.9.9, 10.0.0.1", hop},
			"Forwarded": {`for=9.9.9.9;host="a\",for=1.1.1.1"`, forwardedHop}, "Forwarded, two proxies": {`by="_x";for="9.9.9.9:1" , for="[fd00::1]"`, forwardedHop},
		} {
			for _, lines := range [][]string{{visitors + ", " + tt.adds}, {visitors, tt.adds}, {visitors, visitors + "," + tt.adds}} {
				if a, said := p.visitor(lines, tt.parse); !said || a != netip.MustParseAddr("9.9.9.9") {
					t.Errorf("%s %q: %v", name, lines, a)
				}
			}
			if a, _ := p.visitor([]string{visitors}, tt.parse); a.IsValid() && (a.IsUnspecified() || a.Zone() != "" || a.Is4In6()) {
				t.Errorf("%s %q: %v", name, visitors, a)
			}
		}
	})
}

// Through a trusted proxy each visitor has an allowance, and who lies has no other; anybody else is not believed.
func TestTrustedProxies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []string
		limits := Config{Rate: 1e-9, Burst: 2, CrowdRate: 1e-9, CrowdBurst: 5, MaxPeerConns: 2, TrustedProxies: trusting}
		l, stop := start(t, limits, func(_ http.ResponseWriter, r *http.Request) {
			seen = append(seen, Peer(r.Context()))
			if s := fmt.Sprint(r.RemoteAddr, r.Header); strings.Contains(s, "orwarded") || strings.Contains(s, "9.9.9.9") {
				t.Errorf("a handler sees %s", s)
			}
		})
		defer stop()
		granted := func(from string, headers ...string) (n int) {
			for range 10 {
				for _, h := range headers {
					c := l.dial(from)
					if c.ask(t, "GET / HTTP/1.1\r\nHost: a.example\r\n"+h+"\r\n").StatusCode == http.StatusOK {
						n++
					}
					c.Close()
					synctest.Wait() // for the connection's slot
				}
			}
			return n
		}
		for _, tt := range []struct {
			about, from string
			headers     []string
			want        int
		}{
			{"one visitor", "10.0.0.1:1", []string{"X-Forwarded-For: 9.9.9.9\r\n"}, 2},
			{"the same, by another proxy and a longer tale", "[fd00::1]:1", []string{"X-Forwarded-For: 1.2.3.4, 9.9.9.9, 10.0.0.1\r\n"}, 0},
			{"the same, directly", "9.9.9.9:1", []string{""}, 0},
			{"another", "[::ffff:10.0.0.1]:1", []string{"Forwarded: for=9.9.9.8\r\n"}, 2},
			{"this machine, says the proxy", "10.0.0.1:1", []string{"X-Forwarded-For: 127.0.0.1\r\n"}, 2},
			{"liars", "10.0.0.1:1", []string{"X-Forwarded-For: 9.9.9.1\r\nForwarded: for=9.9.9.2\r\n", "X-Forwarded-For: 9.9.9.3\r\nForwarded: for=9.9.9.4\r\n", "X-Forwarded-For: x\r\n"}, 2},
			{"a proxy that does not say", "10.0.0.1:1", []string{""}, 5},
			{"who is not trusted", "11.0.0.1:1", []string{"X-Forwarded-For: 9.9.9.5\r\n", "X-Forwarded-For: 9.9.9.6\r\n", "Forwarded: for=9.9.9.7\r\n"}, 2},
			{"a socket", "@", []string{"X-Forwarded-For: 9.9.9.9\r\n"}, 10}, // exempt, as it was
		} {
			if n := granted(tt.from, tt.headers...); n != tt.want {
				t.Errorf("%s: %d requests, not %d", tt.about, n, tt.want)
			}
		}
		var open []*peerConn
		for range 4 {
			open = append(open, l.dial("10.0.0.1:1"), l.dial("11.0.0.1:1"))
		}
		synctest.Wait()
		for i, c := range open {
			if closed := c.far.closed.Load(); closed != (i%2 == 1 && i > 3) {
				t.Errorf("connection %d is closed: %v", i, closed)
			}
			c.Close()
		}
	})
}

// Whoever is at a unix socket is believed only where that is said.
func TestTrustSocket(t *testing.T) {
	for _, trust := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "s")
		ln, err := Listen(Config{Address: "unix:" + path})
		if err != nil {
			t.Fatal(err)
		}
		s := NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, Peer(r.Context())) }),
			Config{TrustSocket: trust, Rate: 1e-9, Burst: 2}, textLogger(io.Discard))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Serve(ctx, ln) }()
		granted := 0
		for range 5 {
			c, err := net.Dial("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(c, "GET / HTTP/1.1\r\nHost: a.example\r\nX-Forwarded-For: 9.9.9.9\r\n\r\n")
			res, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatal(err)
			}
			b, _ := io.ReadAll(res.Body)
			if res.StatusCode == http.StatusOK {
				granted++
				if named := len(b) > 0; named != trust {
					t.Errorf("trusted %v: peer %q", trust, b)
				}
			}
			c.Close()
		}
		if want := map[bool]int{false: 5, true: 2}[trust]; granted != want {
			t.Errorf("trusted %v: %d requests", trust, granted)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}
