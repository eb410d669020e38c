package egress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// resolver is a DNS server on loopback. Each question of a name for IPv4 gets the next of its answers, the last one again
// and again.
type resolver struct {
	addr string

	mu      sync.Mutex
	answers map[string][][]netip.Addr
	asked   []string
}

func newResolver(t *testing.T, answers map[string][][]netip.Addr) *resolver {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	r := &resolver{addr: pc.LocalAddr().String(), answers: answers}
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			b, err := r.answer(m)
			if err != nil {
				t.Error(err)
				return
			}
			pc.WriteTo(b, from)
		}
	}()
	return r
}

func (r *resolver) answer(m dnsmessage.Message) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	q := m.Questions[0]
	name := q.Name.String()
	reply := dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true, RecursionAvailable: true}, Questions: m.Questions}
	list, known := r.answers[name]
	if !known {
		reply.RCode = dnsmessage.RCodeNameError
	}
	if q.Type == dnsmessage.TypeA {
		r.asked = append(r.asked, name)
		if known {
			for _, a := range list[0] {
				reply.Answers = append(reply.Answers, dnsmessage.Resource{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class},
					Body:   &dnsmessage.AResource{A: a.As4()},
				})
			}
			if len(list) > 1 {
				r.answers[name] = list[1:]
			}
		}
	}
	return reply.Pack()
}

// client is one over Direct that resolves here.
func (r *resolver) client(t *testing.T, rules Rules) *Client {
	t.Helper()
	rules.HTTP = true
	return client(t, Config{Rules: rules, Relays: []Relay{newDirect("plain", rules, &net.Resolver{
		PreferGo: true,
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "udp", r.addr)
		},
	})}})
}

var (
	public  = netip.MustParseAddr("127.0.0.1") // by Rules.Exact
	private = netip.MustParseAddr("127.0.0.3")
)

// site is a server on the public address, and a canary on the private one at the same port.
func site(t *testing.T) (rules Rules, port uint16, seen *atomic.Int64) {
	t.Helper()
	for range 20 {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Connection", "close") // so that each request is a dial
			io.WriteString(w, "public")
		}))
		ap := netip.MustParseAddrPort(s.Listener.Addr().String())
		canary, err := net.Listen("tcp", netip.AddrPortFrom(private, ap.Port()).String())
		if err != nil { // taken there: try another port
			s.Listener.Close()
			continue
		}
		s.Start()
		seen = new(atomic.Int64)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				c, err := canary.Accept()
				if err != nil {
					return
				}
				seen.Add(1)
				c.Close()
			}
		}()
		t.Cleanup(func() {
			s.Close()
			// The canary must be alive to prove anything.
			if c, err := net.Dial("tcp", canary.Addr().String()); err != nil {
				t.Error("the canary was dead")
			} else {
				c.Close()
			}
			canary.Close()
			<-done
		})
		return Rules{Exact: []netip.AddrPort{ap}}, ap.Port(), seen
	}
	t.Fatal("no port is free on both addresses")
	return
}

// An attacker who owns a name and its resolver answers with a public address while it is checked, and with a private one
// when it is dialled: the address that counts is the one dialled.
func TestRebinding(t *testing.T) {
	rules, port, seen := site(t)
	r := newResolver(t, map[string][][]netip.Addr{
		"evil.example.":    {{public}, {private}},
		"private.example.": {{private}},
	})
	c := r.client(t, rules)
	res, err := c.Do(t.Context(), get(t, fmt.Sprintf("http://evil.example:%d/", port)))
	if err != nil || string(res.Body) != "public" {
		t.Fatalf("the public answer: %v", err)
	}
	for range 3 {
		if _, err = c.Do(t.Context(), get(t, fmt.Sprintf("http://evil.example:%d/", port))); !errors.Is(err, ErrRefused) {
			t.Errorf("the private answer: %v", err)
		}
	}
	if _, err = c.Do(t.Context(), get(t, fmt.Sprintf("http://private.example:%d/", port))); !errors.Is(err, ErrRefused) {
		t.Errorf("a private name: %v", err)
	}
	var e *Error
	if !errors.As(err, &e) || e.Stage != StageDial || e.SentBytes != 0 || e.Exit != "plain" {
		t.Errorf("%+v", err)
	}
	if n := seen.Load(); n != 0 {
		t.Errorf("the canary saw %d connections", n)
	}
}

// Of an answer with both, the private address is never tried, whether it comes first or the public one is dead.
func TestMixedAnswer(t *testing.T) {
	rules, port, seen := site(t)
	dead := netip.MustParseAddr("127.0.0.2")
	rules.Exact = append(rules.Exact, netip.AddrPortFrom(dead, port))
	r := newResolver(t, map[string][][]netip.Addr{
		"mixed.example.": {{private, public}},
		"dead.example.":  {{dead, private}},
	})
	c := r.client(t, rules)
	res, err := c.Do(t.Context(), get(t, fmt.Sprintf("http://mixed.example:%d/", port)))
	if err != nil || string(res.Body) != "public" {
		t.Errorf("mixed: %v", err)
	}
	if _, err = c.Do(t.Context(), get(t, fmt.Sprintf("http://dead.example:%d/", port))); err == nil {
		t.Error("dead: answered")
	}
	if n := seen.Load(); n != 0 {
		t.Errorf("the canary saw %d connections", n)
	}
}

// However a private address is written, nothing reaches it, and no resolver hears of it.
func TestLiteralsReachNothing(t *testing.T) {
	rules, port, seen := site(t)
	r := newResolver(t, nil)
	c := r.client(t, rules)
	for _, host := range []string{
		"127.0.0.3", "127.0.0.3.", "2130706435", "0x7f000003", "017700000003", "0177.0.0.3", "0x7f.3", "127.3",
		"[::ffff:127.0.0.3]", "[::127.0.0.3]", "[64:ff9b::127.0.0.3]", "a.localhost", "x.internal", "x.local", "x",
		"x.onion",
	} {
		req := Request{Method: http.MethodGet, Purpose: Lookup}
		req.URL = get(t, "http://a.example/").URL
		req.URL.Host = fmt.Sprintf("%s:%d", host, port)
		_, err := c.Do(t.Context(), req)
		if !errors.Is(err, ErrRefused) && !errors.Is(err, ErrNoRelay) {
			t.Errorf("%s: %v", host, err)
		}
	}
	if n := seen.Load(); n != 0 {
		t.Errorf("the canary saw %d connections", n)
	}
	if len(r.asked) != 0 {
		t.Errorf("the resolver was asked for %q", r.asked)
	}
}

// An unknown name is asked for as it is: the search domains of the home's resolv.conf would tell what home this is.
func TestNoSearchDomain(t *testing.T) {
	r := newResolver(t, nil)
	c := r.client(t, Rules{})
	_, err := c.Do(t.Context(), get(t, "http://unknown.example/"))
	if err == nil || err.Error() != "egress: dial: name not found" {
		t.Error(err)
	}
	// The machine that tests may have no search domain; so the dialer's target is looked at too.
	if target, err := newDirect("plain", Rules{}, nil).target("a.example:443"); err != nil || target != "a.example.:443" {
		t.Errorf("%q, %v", target, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.asked) == 0 || slices.ContainsFunc(r.asked, func(s string) bool { return s != "unknown.example." }) {
		t.Errorf("asked for %q", r.asked)
	}
}

func TestTrialOnLocalhost(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Host) }))
	defer s.Close()
	port := netip.MustParseAddrPort(s.Listener.Addr().String()).Port()
	rules := Rules{HTTP: true, Addresses: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	c := client(t, Config{Rules: rules, Relays: []Relay{Direct("plain", rules)}})
	for _, host := range []string{"127.0.0.1", "localhost"} {
		host = fmt.Sprintf("%s:%d", host, port)
		res, err := c.Do(t.Context(), get(t, "http://"+host+"/"))
		if err != nil || string(res.Body) != host {
			t.Errorf("%s: %v", host, err)
		}
	}
}

// Direct keeps its rules whoever calls it.
func TestDirectAlone(t *testing.T) {
	d := Direct("plain", Rules{})
	for _, a := range []string{"127.0.0.1:443", "[::1]:443", "8.8.8.8:22", "a.onion:443", "a.example"} {
		if c, err := d.DialContext(t.Context(), "tcp", a); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v, %v", a, c, err)
		}
	}
	if _, err := d.DialContext(t.Context(), "udp", "8.8.8.8:443"); !errors.Is(err, ErrRefused) {
		t.Error(err)
	}
}

func TestDialControl(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	if _, err := DialControl(t.Context(), path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no node: %v", err)
	}
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	c, err := DialControl(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}
