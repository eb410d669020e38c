package proxy_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/freeport"
)

// world is what lies beyond a proxy: one server that may be reached, and canaries that may not.
type world struct {
	target, dead netip.AddrPort
	canary       string // 127.0.0.1 and a port that no rule allows
	sung         atomic.Int64
}

func newWorld(t *testing.T) *world {
	w := &world{dead: netip.MustParseAddrPort("127.0.0.1:" + freeport.Text(t))}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { fmt.Fprint(rw, "hedge sparrow") }))
	t.Cleanup(server.Close)
	w.target = netip.MustParseAddrPort(server.Listener.Addr().String())
	w.sing(t, fmt.Sprintf("127.0.0.2:%d", w.target.Port()))
	w.canary = w.sing(t, "127.0.0.1:0")
	w.sing(t, strings.Replace(w.canary, "127.0.0.1", "127.0.0.2", 1))
	return w
}

// sing counts the connections to an address.
func (w *world) sing(t *testing.T, address string) string {
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			w.sung.Add(1)
			c.Close()
		}
	}()
	return l.Addr().String()
}

func (w *world) rules() egress.Rules {
	return egress.Rules{HTTP: true, Exact: []netip.AddrPort{w.target, w.dead}}
}

// client asks for names what is true outside of the proxy's machine.
func (w *world) client(t *testing.T, r egress.Relay) *egress.Client {
	t.Helper()
	c, err := egress.New(egress.Config{Relays: []egress.Relay{r}, Rules: w.rules()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.LookUpWith(func(context.Context, egress.Circuit, string) ([]netip.Addr, time.Duration, error) {
		return []netip.Addr{w.target.Addr()}, time.Hour, nil
	})
	return c
}

func get(t *testing.T, c *egress.Client, host string, port uint16) (*egress.Response, error) {
	t.Helper()
	u := &url.URL{Scheme: "http", Host: fmt.Sprintf("%s:%d", host, port), Path: "/"}
	return c.Do(t.Context(), egress.Request{Method: "GET", URL: u, Purpose: egress.Lookup})
}

// TestParts shows the same of every proxy that people run.
func TestParts(t *testing.T) {
	for _, p := range parts {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			r, w := p.start(t), newWorld(t)
			t.Run("target", func(t *testing.T) { testTarget(t, r, w) })
			t.Run("private names", func(t *testing.T) { testPrivateNames(t, r, w) })
			if p.secret {
				t.Run("password", func(t *testing.T) { testPassword(t, r, w) })
			}
			if p.tls {
				t.Run("certificate", func(t *testing.T) { testCertificate(t, r) })
			}
			t.Run("gone", func(t *testing.T) { testGone(t, r, w) })
		})
	}
}

// What a target does is not the proxy's fault, whatever the proxy says of it.
func testTarget(t *testing.T, r *running, w *world) {
	l := r.relay(r.config(w.rules()))
	if err := l.Connect(t.Context()); err != nil || l.State().Down || l.State().Since.IsZero() {
		t.Fatal(err, l.State())
	}
	c := w.client(t, l)
	res, err := get(t, c, "target.example", w.target.Port())
	if err != nil || string(res.Body) != "hedge sparrow" {
		t.Fatal(err, errors.Unwrap(err))
	}
	var e *egress.Error
	if _, err = get(t, c, "dead.example", w.dead.Port()); !errors.As(err, &e) || e.Stage != egress.StageDial || errors.Is(err, egress.ErrRelayDown) {
		t.Error(err)
	}
	if s := l.State(); s.Down {
		t.Error("a target took its relay down:", s.Reason)
	}
	if n := w.sung.Load(); n > 0 {
		t.Error("the proxy was asked for a name")
	}
}

// Nothing remote makes a proxy dial its own machine: neither by a name that means it there, nor by an address.
func testPrivateNames(t *testing.T, r *running, w *world) {
	l := r.relay(r.config(w.rules()))
	c := w.client(t, l)
	port := netip.MustParseAddrPort(w.canary).Port()
	for _, host := range []string{"localhost", "relay.internal", "canary.example", "127.0.0.1", "127.0.0.2", "[::ffff:127.0.0.1]", "10.0.0.1"} {
		if _, err := get(t, c, host, port); !errors.Is(err, egress.ErrRefused) {
			t.Error(host, err)
		}
		_, err := l.DialContext(t.Context(), "tcp", fmt.Sprintf("%s:%d", host, port)) // nothing to look names up with
		if !errors.Is(err, egress.ErrRefused) && !errors.Is(err, egress.ErrNames) {
			t.Error(host, err)
		}
	}
	if _, err := get(t, c, "target.example", w.target.Port()); err != nil {
		t.Error(err)
	}
	if n := w.sung.Load(); n > 0 {
		t.Errorf("%d connections were made to the proxy's own machine", n)
	}
}

// A proxy that is gone is down at once, and comes back.
func testGone(t *testing.T, r *running, w *world) {
	l := r.relay(r.config(w.rules()))
	c := w.client(t, l)
	if _, err := get(t, c, "target.example", w.target.Port()); err != nil {
		t.Fatal(err)
	}
	r.stop()
	if _, err := l.DialContext(t.Context(), "tcp", w.target.String()); !errors.Is(err, egress.ErrRelayDown) {
		t.Error(err)
	}
	s := l.State()
	if !s.Down || s.Reason != "refuses connections" {
		t.Error(s)
	}
	if err := l.Connect(t.Context()); !errors.Is(err, egress.ErrRelayDown) {
		t.Error(err)
	}
	r.run()
	if _, err := get(t, c, "another.example", w.target.Port()); !errors.Is(err, egress.ErrRelayDown) {
		t.Error("a relay that is down was tried by a request:", err)
	}
	if err := l.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := get(t, c, "another.example", w.target.Port()); err != nil {
		t.Error(err)
	}
	if s := l.State(); s.Down || s.Lost.IsZero() {
		t.Error(s)
	}
}

// A password that is refused takes the relay down, at the first dial as at the first look.
func testPassword(t *testing.T, r *running, w *world) {
	for _, wrong := range []string{"", "quiet-hedges"} {
		config := r.config(w.rules())
		if config.Password = wrong; wrong == "" {
			config.User = ""
		}
		looked, dialled := r.relay(config), r.relay(config)
		err := looked.Connect(t.Context())
		if r.program != "squid" && !errors.Is(err, egress.ErrRelayDown) { // squid tells only with a target
			t.Error(err)
		}
		if _, err := dialled.DialContext(t.Context(), "tcp", w.target.String()); !errors.Is(err, egress.ErrRelayDown) {
			t.Error(err)
		}
		if s := dialled.State(); !s.Down || !strings.Contains(s.Reason, "user and password") {
			t.Error(s)
		}
		if err := dialled.Connect(t.Context()); !errors.Is(err, egress.ErrRelayDown) {
			t.Error("a look at it has forgotten that the password was refused:", err)
		}
	}
}

// A certificate that is not the proxy's stops before a word is said.
func testCertificate(t *testing.T, r *running) {
	c := r.config(egress.Rules{})
	c.Roots = certificate(t, t.TempDir())
	l := r.relay(c)
	if err := l.Connect(t.Context()); !errors.Is(err, egress.ErrRelayDown) || l.State().Reason != "its certificate is not valid" {
		t.Error(err)
	}
	c.Roots, c.TLS = nil, false
	if err := r.relay(c).Connect(t.Context()); !errors.Is(err, egress.ErrRelayDown) {
		t.Error(err)
	}
}
