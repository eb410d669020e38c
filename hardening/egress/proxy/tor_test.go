package proxy_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/egress/proxy"
	"github.com/dunnock-server/dunnock/hardening/egress/tor"
	"github.com/dunnock-server/dunnock/hardening/egress/tor/tortest"
)

// onSocket serves an onion service's visitors on a unix socket.
func onSocket(t *testing.T, h http.Handler) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "onion") // short, and tor's
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: h}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { server.Close() })
	return path
}

// until tries again until it works.
func until(t *testing.T, limit time.Duration, try func() error) {
	t.Helper()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(limit); ; {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-end:
			t.Fatal("not in time:", err)
		case <-tick.C:
		}
	}
}

func TestTorNetwork(t *testing.T) {
	t.Parallel()
	// Two requests to one domain at a time, so that they need two streams.
	both := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/both" {
			select {
			case both <- struct{}{}:
			case <-both:
			case <-r.Context().Done():
			}
		}
		fmt.Fprint(w, "hedge sparrow")
	}))
	t.Cleanup(server.Close)
	target := netip.MustParseAddrPort(server.Listener.Addr().String())
	w := newWorld(t)
	n := tortest.Start(t, target.Port())

	control := tor.Control{Address: n.Control, Dial: egress.Home()}
	rules := egress.Rules{HTTP: true}
	relay, err := proxy.Tor(proxy.TorConfig{Name: "tor", Socks: n.Socks, Control: control, Rules: rules, Dial: egress.Home()})
	if err != nil {
		t.Fatal(err)
	}
	onion, err := tor.NewOnion(tor.OnionConfig{
		Control: tor.Control{Address: "unix:" + n.ControlSocket, Password: n.Password}, Key: tor.NewKey(),
		Ports: map[uint16]string{80: "unix:" + onSocket(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "at home") }))},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = onion.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })

	start := time.Now()
	until(t, 50*time.Second, func() error { return relay.Connect(t.Context()) })
	t.Log("connected after", time.Since(start).Round(time.Second))
	client, err := egress.New(egress.Config{Relays: []egress.Relay{relay}, Rules: rules})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	ask := func(host, path string, p egress.Purpose) error {
		u := &url.URL{Scheme: "http", Host: host, Path: path}
		res, err := client.Do(t.Context(), egress.Request{Method: "GET", URL: u, Purpose: p})
		if err != nil {
			return fmt.Errorf("%w: %w", err, errors.Unwrap(err))
		}
		if string(res.Body) != "hedge sparrow" && string(res.Body) != "at home" {
			return fmt.Errorf("%d %q", res.Status, res.Body)
		}
		return nil
	}

	watch := newWatch(t, n)
	port := fmt.Sprint(":", target.Port())
	var one []string
	until(t, 20*time.Second, func() error { return ask("first.example"+port, "/", egress.Lookup) }) // the exits may need a moment
	watch.streams(t)
	errs := make(chan error, 2)
	for range 2 {
		go func() { errs <- ask("one.example"+port, "/both", egress.Lookup) }()
	}
	if err := errors.Join(<-errs, <-errs); err != nil {
		t.Fatal(err)
	}
	if one = watch.streams(t); len(one) != 2 || one[0] != one[1] {
		t.Errorf("two requests to one domain had circuits %v", one)
	}
	for _, other := range []struct {
		host    string
		purpose egress.Purpose
	}{{"two.example", egress.Lookup}, {"one.example", egress.Federation}} {
		if err := ask(other.host+port, "/", other.purpose); err != nil {
			t.Fatal(err)
		}
		if two := watch.streams(t); len(two) == 0 || slices.Contains(one, two[0]) {
			t.Errorf("%s, %s had circuits %v, and the first %v", other.host, other.purpose, two, one)
		}
	}
	if !slices.Contains(n.Asked(), "two.example") {
		t.Error("the name was not looked up at the far end")
	}

	// What is refused is refused, and takes nothing down.
	canary := netip.MustParseAddrPort(w.canary)
	for _, host := range []string{"localhost", "relay.internal", "127.0.0.1"} {
		if _, err := relay.DialContext(t.Context(), "tcp", fmt.Sprint(host, ":", canary.Port())); !errors.Is(err, egress.ErrRefused) {
			t.Error(host, err)
		}
	}
	if err := ask(fmt.Sprint("canary.example:", canary.Port()), "/", egress.Lookup); err == nil { // 127.0.0.1 at the exits
		t.Error("the canary was reached")
	}
	gone := strings.Repeat("a", 55) + "d.onion"
	if err := ask(gone, "/", egress.Lookup); err == nil {
		t.Error("an onion service that is none was reached")
	}
	if s := relay.State(); s.Down || w.sung.Load() > 0 {
		t.Error(s, w.sung.Load())
	}

	// The onion service, reached through the network.
	until(t, 40*time.Second, func() error { return ask(onion.Host(), "/", egress.Lookup) })
	if s := onion.State(); s.Down || s.Since.IsZero() {
		t.Error(s)
	}

	// A daemon that is gone is down; one that is back has the service again.
	n.StopClient()
	if _, err := relay.DialContext(t.Context(), "tcp", "three.example:80"); !errors.Is(err, egress.ErrRelayDown) {
		t.Error(err)
	}
	until(t, 10*time.Second, func() error {
		if !onion.State().Down {
			return errors.New("the onion service counts as up")
		}
		return nil
	})
	n.StartClient()
	until(t, 30*time.Second, func() error {
		if s := onion.State(); s.Down {
			return errors.New(s.Reason)
		}
		return relay.Connect(t.Context())
	})
	if err := ask("four.example"+port, "/", egress.Lookup); err != nil {
		t.Error(err)
	}
}

// watch is the client's control port, asked independently of the program's code.
type watch struct {
	net.Conn
	r *bufio.Reader
}

func newWatch(t *testing.T, n *tortest.Network) *watch {
	t.Helper()
	cookie, err := os.ReadFile(n.Cookie)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", n.Control)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	w := &watch{conn, bufio.NewReader(conn)}
	w.say(t, fmt.Sprintf("AUTHENTICATE %x", cookie))
	w.say(t, "SETEVENTS STREAM")
	return w
}

func (w *watch) say(t *testing.T, command string) (events []string) {
	t.Helper()
	fmt.Fprintf(w, "%s\r\n", command)
	for {
		line, err := w.r.ReadString('\n')
		switch {
		case err != nil:
			t.Fatal(err)
		case strings.HasPrefix(line, "650 "):
			events = append(events, strings.TrimSpace(line))
		case strings.HasPrefix(line, "250 "):
			return events
		case !strings.HasPrefix(line, "250-"):
			t.Fatal(line)
		}
	}
}

// streams are the circuits of the streams that have been attached to one since it was last asked.
func (w *watch) streams(t *testing.T) (circuits []string) {
	for _, event := range w.say(t, "GETINFO version") {
		f := strings.Fields(event) // 650 STREAM id SENTCONNECT circuit target …
		if len(f) > 4 && f[3] == "SENTCONNECT" {
			circuits = append(circuits, f[4])
		}
	}
	return circuits
}
