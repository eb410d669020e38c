package wireguard

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/hardening/dns"
	"github.com/dunnock-server/dunnock/hardening/egress"
)

// What is dialled arrives at the far end from our address inside the tunnel, and a name is looked up there.
func TestTunnel(t *testing.T) {
	t.Parallel()
	f := newFar(t)
	f.names["good.example"] = []string{public.String()}
	f.names["long.example"] = []string{"10.0.0.7", public.String()}
	f.names["spoofed.example"] = []string{public.String()}
	f.serve(80)
	r := f.relay()
	if s := r.State(); s.Down || !s.Since.IsZero() {
		t.Error(s)
	}
	for _, host := range []string{"good.example", "long.example", "spoofed.example", public.String()} {
		got, err := get(t, r.DialContext, "http://"+host+"/")
		if err != nil || !strings.HasPrefix(got, ours.String()+":") {
			t.Errorf("%s: %q, %v", host, got, err)
		}
	}
	if s := r.State(); s.Down || s.Since.IsZero() {
		t.Error(s)
	}
	if asked := f.wasAsked(); !slices.Contains(asked, "good.example") {
		t.Errorf("the tunnel's resolver was asked for %q", asked)
	}
}

// No packet goes to an address that the rules forbid, by whatever name, nor to one that the file does not give to a peer.
func TestRefused(t *testing.T) {
	t.Parallel()
	f := newFar(t)
	f.names["private.example"] = []string{"10.9.0.1", "127.0.0.1"}
	f.names["ours.example"] = []string{ours.String()}
	f.serve(80)
	l, err := f.net.ListenTCPAddrPort(netip.AddrPortFrom(resolver, 443))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r := f.relay(func(c *Config) { c.Rules = egress.Rules{} })
	if err := r.Connect(soon(t)); err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{"private.example:443", "ours.example:443", "10.9.0.1:443", "10.9.0.2:443", "127.0.0.1:443", public.String() + ":80", "localhost:443", "a.onion:443", "bad"} {
		c, err := r.DialContext(soon(t), "tcp", address)
		if !errors.Is(err, egress.ErrRefused) {
			t.Errorf("%s: %v, %v", address, c, err)
		}
	}
	if _, err := r.DialContext(soon(t), "udp", "45.79.10.2:443"); !errors.Is(err, egress.ErrRefused) {
		t.Error(err)
	}
	other := newFar(t)
	narrow := other.relay(func(c *Config) {
		c.Conf = parsed(t, strings.Replace(other.file(), "0.0.0.0/0", "10.9.0.0/24, 2000::/3", 1))
		c.Rules = egress.Rules{HTTP: true}
	})
	for _, address := range []string{public.String() + ":80", "[2606:4700::1]:80"} {
		if _, err := narrow.DialContext(soon(t), "tcp", address); !errors.Is(err, egress.ErrRefused) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if s := r.State(); s.Down {
		t.Error(s)
	}
	// The host of the next relay in a chain is the owner's own choice.
	c, err := r.DialContext(egress.ToRelay(soon(t)), "tcp", "10.9.0.1:443")
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

// What a target or the resolver does is not the relay's fault.
func TestTargetsFault(t *testing.T) {
	t.Parallel()
	f := newFar(t)
	r := f.relay()
	if _, err := r.DialContext(soon(t), "tcp", public.String()+":81"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Error(err)
	}
	var missing *net.DNSError
	if _, err := r.DialContext(soon(t), "tcp", "none.example:443"); !errors.As(err, &missing) || !missing.IsNotFound {
		t.Error(err)
	}
	if _, err := r.DialContext(soon(t), "tcp", "failing.example:443"); !errors.Is(err, dns.ErrFailed) {
		t.Error(err)
	}
	var dials sync.WaitGroup
	for _, address := range []string{"silent.example:443", "45.79.99.99:443"} { // 45.79.99.99 is nobody's
		dials.Go(func() {
			if _, err := r.DialContext(soon(t), "tcp", address); err == nil || errors.Is(err, egress.ErrRelayDown) {
				t.Errorf("%s: %v", address, err)
			}
		})
	}
	dials.Wait()
	if s := r.State(); s.Down {
		t.Error(s)
	}
}

// A far end that stops answering takes the link down, and what is dialled then fails at once; when it is back the link is made
// anew.
func TestCutAndReturn(t *testing.T) {
	t.Parallel()
	f := newFar(t)
	f.serve(80)
	r := f.relay()
	url := "http://" + public.String() + "/"
	if _, err := get(t, r.DialContext, url); err != nil {
		t.Fatal(err)
	}
	old := r.tunnel
	l, err := r.Listen(soon(t), 8443)
	if err != nil {
		t.Fatal(err)
	}
	// What is under way still of the connection that ended would be a sign of life to the next one.
	heard, still := old.received(), 0
	until(t, 10*time.Second, "nothing is under way", func() bool {
		if now := old.received(); now != heard {
			heard, still = now, 0
		}
		still++
		return still > 20
	})
	f.stop()
	begun := time.Now()
	if _, err := get(t, r.DialContext, url); !errors.Is(err, egress.ErrRelayDown) {
		t.Error(err)
	}
	if s := r.State(); !s.Down || s.Reason != "does not answer" || s.Next.IsZero() {
		t.Errorf("%+v", s)
	}
	t.Logf("down after %v", time.Since(begun).Round(time.Second))
	trying, cancel := context.WithCancel(soon(t))
	tried := make(chan error)
	go func() { tried <- r.Connect(trying) }()
	until(t, 5*time.Second, "the link is tried again", func() bool { return len(r.making) > 0 })
	begun = time.Now()
	if _, err := r.DialContext(soon(t), "tcp", public.String()+":80"); !errors.Is(err, egress.ErrRelayDown) || time.Since(begun) > time.Second {
		t.Error(err, time.Since(begun))
	}
	cancel()
	if err := <-tried; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if c, err := l.Accept(); err == nil {
			t.Error("the listener outlives the link")
			c.Close()
		}
	}()
	for name, end := range map[string]chan struct{}{"listener": ended, "tunnel": old.gone} {
		select {
		case <-end:
		case <-soon(t).Done():
			t.Fatalf("the %s outlives the link", name)
		}
	}
	f.start()
	f.serve(80)
	if err := r.Connect(soon(t)); err != nil {
		t.Fatal(err)
	}
	if s := r.State(); s.Down || s.Lost.IsZero() {
		t.Errorf("%+v", s)
	}
	if _, err := get(t, r.DialContext, url); err != nil {
		t.Error(err)
	}
}

// One with another key in the far end's place gets a handshake's first message and nothing more: no name, no target.
func TestAnotherKey(t *testing.T) {
	t.Parallel()
	f := newFar(t)
	right := f.private
	f.stop()
	f.private, _ = newKey(t)
	f.start()
	r := f.relay()
	begun := time.Now()
	if _, err := r.DialContext(soon(t), "tcp", "good.example:443"); !errors.Is(err, egress.ErrRelayDown) {
		t.Error(err)
	}
	if s := r.State(); !s.Down || time.Since(begun) > greeting+2*time.Second {
		t.Error(s, time.Since(begun))
	}
	if asked := f.wasAsked(); len(asked) > 0 {
		t.Errorf("asked for %q", asked)
	}
	f.stop()
	f.private = right
	f.start()
	if err := r.Connect(soon(t)); err != nil {
		t.Error(err)
	}
}

// Of what leaves for the endpoint nothing can be read, whoever listens there.
func TestNothingInClear(t *testing.T) {
	t.Parallel()
	f := newFar(t)
	f.names["good.example"] = []string{public.String()}
	f.serve(80)
	var clear, packets atomic.Int64
	r := f.relay(func(c *Config) {
		home := c.Dial
		c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := home(ctx, network, address)
			return spied{conn, func(p []byte) {
				packets.Add(1)
				if p[0] < 1 || p[0] > 4 || strings.Contains(string(p), "example") || strings.Contains(string(p), "HTTP") {
					clear.Add(1)
				}
			}}, err
		}
	})
	if _, err := get(t, r.DialContext, "http://good.example/"); err != nil {
		t.Error(err)
	}
	if packets.Load() < 5 || clear.Load() > 0 {
		t.Errorf("%d of %d packets can be read", clear.Load(), packets.Load())
	}
}

type spied struct {
	net.Conn
	see func([]byte)
}

func (s spied) Write(p []byte) (int, error) { s.see(p); return s.Conn.Write(p) }

// The node is reached inside the tunnel, at the port that it listens on.
func TestListen(t *testing.T) {
	t.Parallel()
	f := newFar(t)
	r := f.relay()
	l, err := r.Listen(soon(t), 443)
	if err != nil {
		t.Fatal(err)
	}
	serve(l)
	if _, err := r.Listen(soon(t), 443); err == nil {
		t.Error("a port is listened on twice")
	}
	got, err := get(t, func(ctx context.Context, _, address string) (net.Conn, error) {
		return f.net.DialContext(ctx, "tcp", address)
	}, "http://"+ours.String()+":443/")
	if err != nil || !strings.HasPrefix(got, resolver.String()+":") && !strings.HasPrefix(got, public.String()+":") {
		t.Errorf("%q, %v", got, err)
	}
	if text, _ := r.tunnel.dev.IpcGet(); !strings.Contains(text, "persistent_keepalive_interval=25") {
		t.Error("nothing keeps the way in open")
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	again, err := r.Listen(soon(t), 443)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
	if _, err := r.Listen(soon(t), 0); err == nil {
		t.Error("port 0")
	}
}

// A link that cannot be made is down for a reason, and a caller who gives up does not take it down.
func TestConnectFails(t *testing.T) {
	t.Parallel()
	f := newFar(t)
	for want, dial := range map[string]egress.Dial{
		"its endpoint's name is not found": func(context.Context, string, string) (net.Conn, error) { return nil, &net.DNSError{} },
		"cannot be reached":                func(context.Context, string, string) (net.Conn, error) { return nil, syscall.ENETUNREACH },
	} {
		r := f.relay(func(c *Config) { c.Dial = dial })
		if err := r.Connect(soon(t)); !errors.Is(err, egress.ErrRelayDown) || r.State().Reason != want {
			t.Error(err, r.State())
		}
	}
	f.stop()
	r := f.relay()
	ctx, cancel := context.WithTimeout(soon(t), 100*time.Millisecond)
	defer cancel()
	if _, err := r.DialContext(ctx, "tcp", public.String()+":443"); !errors.Is(err, context.DeadlineExceeded) || r.State().Down {
		t.Error(err, r.State())
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if _, err := r.DialContext(soon(t), "tcp", public.String()+":443"); !errors.Is(err, egress.ErrClosed) {
		t.Error(err)
	}
	if err := r.Connect(soon(t)); !errors.Is(err, egress.ErrClosed) {
		t.Error(err)
	}
}

// A relay that is closed leaves nothing behind, whatever it was doing.
func TestCloseLeavesNothing(t *testing.T) {
	f := newFar(t)
	f.serve(80)
	level := func() (goroutines, files int) {
		list, err := os.ReadDir("/proc/self/fd")
		if err != nil && runtime.GOOS == "linux" {
			t.Fatal(err)
		}
		return runtime.NumGoroutine(), len(list)
	}
	once := func() {
		r := f.relay()
		l, err := r.Listen(soon(t), 443)
		if err != nil {
			t.Fatal(err)
		}
		go http.Serve(l, nil)
		c, err := r.DialContext(soon(t), "tcp", public.String()+":80")
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() { // it writes without end, as closing must not mind
			_, err := c.Write([]byte("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n"))
			for b := make([]byte, 64<<10); err == nil; _, err = c.Write(b) {
			}
			done <- err
		}()
		c2, err := r.DialContext(soon(t), "tcp", public.String()+":80")
		if err != nil {
			t.Fatal(err)
		}
		defer c2.Close()
		closed := make(chan error)
		go func() { closed <- r.Close() }()
		for name, end := range map[string]chan error{"the relay": closed, "a connection": done} {
			select {
			case err := <-end:
				if name == "the relay" && err != nil {
					t.Fatal(err)
				}
			case <-soon(t).Done():
				t.Fatalf("%s does not end", name)
			}
		}
		c.Close()
		<-time.After(50 * time.Millisecond) // a far end takes no two handshakes in 20 ms: the second would be tried again in 5 s
	}
	once()
	f.stop()
	f.start() // the far end's own connections are gone
	f.serve(80)
	goroutines, files := level()
	for range 10 {
		once()
	}
	f.stop()
	f.start()
	f.serve(80)
	until(t, 10*time.Second, "goroutines and files back to level", func() bool {
		runtime.GC()
		g, n := level()
		return g <= goroutines && n <= files
	})
}
