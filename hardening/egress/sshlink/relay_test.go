package sshlink_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/egress/sshlink"
	"github.com/dunnock-server/dunnock/hardening/freeport"
)

// world is a server that says back what it is told, the only thing that may be reached beside port 443.
func world(t *testing.T) (address string, rules egress.Rules) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	t.Cleanup(func() { l.Close(); serving.Wait() })
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				_, _ = io.Copy(c, c)
				c.Close()
			})
		}
	})
	at := l.Addr().(*net.TCPAddr).AddrPort()
	return at.String(), egress.Rules{Exact: []netip.AddrPort{at}}
}

// says sees that a connection leads to a world.
func says(t *testing.T, c net.Conn, what []byte) {
	t.Helper()
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = c.Write(what) }()
	got := make([]byte, len(what))
	if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, what) {
		t.Errorf("%d bytes came back otherwise: %v", len(what), err)
	}
	if err := c.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
}

func TestDial(t *testing.T) {
	target, rules := world(t)
	var links atomic.Int32
	c := startSSHD(t, "").config(rules)
	home := c.Dial
	c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		links.Add(1)
		return home(ctx, network, address)
	}
	r := open(t, c)
	if s := r.State(); s != (egress.State{}) || links.Load() > 0 {
		t.Errorf("%+v before it was used", s)
	}
	var dials sync.WaitGroup
	for range 20 {
		dials.Go(func() {
			c, err := r.DialContext(within(t, 20*time.Second), "tcp", target)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			says(t, c, []byte("hello"))
			says(t, c, bytes.Repeat([]byte("0123456789"), 30_000))
		})
	}
	dials.Wait()
	if s := r.State(); s.Down || s.Since.IsZero() {
		t.Errorf("%+v", s)
	}
	if err := r.Connect(t.Context()); err != nil {
		t.Error(err)
	}
	if n := links.Load(); n != 1 {
		t.Errorf("%d links", n)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if _, err := r.DialContext(t.Context(), "tcp", target); !errors.Is(err, egress.ErrClosed) {
		t.Error(err)
	}
}

// A plain sshd is never asked for a name, nor for an address that the rules forbid; and what it cannot reach is no fault of it.
func TestRefused(t *testing.T) {
	target, rules := world(t)
	_, port, _ := net.SplitHostPort(target)
	c := startSSHD(t, "").config(rules)
	r := open(t, c)
	for address, want := range map[string]error{
		"relay.example:443": egress.ErrNames, "a.onion:443": egress.ErrRefused,
		"127.0.0.2:" + port: egress.ErrRefused, "10.0.0.1:443": egress.ErrRefused, "192.88.98.7:22": egress.ErrRefused, "[::1]:" + port: egress.ErrRefused,
	} {
		if _, err := r.DialContext(within(t, 5*time.Second), "tcp", address); !errors.Is(err, want) {
			t.Errorf("%s: %v", address, err)
		}
	}
	rules.Exact = append(rules.Exact, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), freeport.Take(t)))
	c.Rules = rules
	r = open(t, c)
	if _, err := r.DialContext(within(t, 5*time.Second), "tcp", rules.Exact[1].String()); err == nil || errors.Is(err, egress.ErrNoRelay) || errors.Is(err, egress.ErrRefused) {
		t.Error(err)
	}
	if r.State().Down {
		t.Error("a target that refuses took the relay down")
	}
}

func TestWrongKeys(t *testing.T) {
	target, rules := world(t)
	s := startSSHD(t, "")
	for name, test := range map[string]struct {
		change func(*sshlink.Config)
		reason string
	}{
		"host key": {func(c *sshlink.Config) { other, _ := key(t); c.HostKey = other.PublicKey() }, "has another host key than the configured one: refused"},
		"identity": {func(c *sshlink.Config) { c.Identity, _ = key(t) }, "does not know our key, or not for this user"},
		"ours":     {func(c *sshlink.Config) { c.FarNames = true }, "is not `dunnock relay serve`, so names are not left to it"},
		"nobody":   {func(c *sshlink.Config) { c.Address = "127.0.0.1:1" }, "refuses connections"},
		"no ssh":   {func(c *sshlink.Config) { c.Address = target }, "cannot be reached"},
	} {
		c := s.config(rules)
		test.change(&c)
		dials := 0
		home := c.Dial
		c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			dials++
			return home(ctx, network, address)
		}
		r := open(t, c)
		for range 3 { // the first tries, the others do not
			if _, err := r.DialContext(t.Context(), "tcp", target); !errors.Is(err, egress.ErrRelayDown) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if s := r.State(); !s.Down || s.Reason != test.reason || dials != 1 {
			t.Errorf("%s: %d dials, %+v", name, dials, s)
		}
		if err := r.Connect(t.Context()); !errors.Is(err, egress.ErrRelayDown) || dials != 2 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDeadlines(t *testing.T) {
	target, rules := world(t)
	r := open(t, startSSHD(t, "").config(rules))
	c, err := r.DialContext(t.Context(), "tcp", target)
	if err != nil {
		t.Fatal(err)
	}
	one := make([]byte, 1)
	for range 2 { // a read that is moved into the past while it waits, and one that is past already
		time.AfterFunc(20*time.Millisecond, func() { _ = c.SetReadDeadline(time.Now()) })
		if _, err := c.Read(one); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
	}
	says(t, c, []byte("after it"))
	// Nobody reads what comes back, so the windows fill.
	if err := c.SetWriteDeadline(time.Now().Add(500 * time.Millisecond)); err != nil {
		t.Error(err)
	}
	if n, err := c.Write(make([]byte, 64<<20)); !errors.Is(err, os.ErrDeadlineExceeded) || n == 0 {
		t.Error(n, err)
	}
	ended := make(chan error)
	go func() {
		_, err := c.Write(one)
		ended <- err
	}()
	_ = c.SetWriteDeadline(time.Time{})
	c.Close()
	if err := <-ended; !errors.Is(err, net.ErrClosed) && !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	if _, err := c.Read(one); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	if err := c.SetDeadline(time.Time{}); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	if r.State().Down {
		t.Error("the relay is down")
	}
}

// Whoever gives up a dial is not kept, and the connection that comes after all is closed.
func TestGiveUp(t *testing.T) {
	target, rules := world(t)
	r := open(t, startSSHD(t, "").config(rules))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.DialContext(ctx, "tcp", target); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := r.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 50 {
		if c, err := r.DialContext(ctx, "tcp", target); !errors.Is(err, context.Canceled) || c != nil {
			t.Error(err)
		}
	}
}

// visit comes to a port of the relay, and sees what a listener says back.
func visit(t *testing.T, l net.Listener, port uint16) {
	t.Helper()
	visitor, err := net.Dial("tcp", netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port).String())
	if err != nil {
		t.Fatal(err)
	}
	defer visitor.Close()
	served := make(chan struct{})
	go func() {
		defer close(served)
		c, err := l.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		if got := c.RemoteAddr().String(); got != visitor.LocalAddr().String() {
			t.Errorf("the visitor comes from %s", got)
		}
		_, _ = io.Copy(c, c)
	}()
	says(t, visitor, []byte("is anybody in?"))
	visitor.Close()
	<-served
}

func TestListen(t *testing.T) {
	port := freeport.Take(t)
	c := startSSHD(t, fmt.Sprintf(`restrict,port-forwarding,permitlisten="%d",permitopen="*:443"`, port), "GatewayPorts clientspecified", "ClientAliveInterval 15").config(egress.Rules{})
	r := open(t, c)
	if _, err := r.Listen(t.Context(), freeport.Take(t)); err == nil || errors.Is(err, egress.ErrNoRelay) {
		t.Errorf("a port that is not ours: %v", err)
	}
	for range 2 { // and again, once it was given back
		var l net.Listener
		await(t, "the port is not given back", func() (ok bool) {
			var err error
			l, err = r.Listen(t.Context(), port)
			return err == nil
		})
		if _, err := r.Listen(t.Context(), port); err == nil {
			t.Error("it is listened at twice")
		}
		visit(t, l, port)
		visit(t, l, port)
		l.Close()
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	}
	if r.State().Down {
		t.Error("the relay is down")
	}
	l, err := r.Listen(t.Context(), port)
	for ; err != nil; l, err = r.Listen(t.Context(), port) {
	}
	r.Close()
	if _, err := l.Accept(); !errors.Is(err, egress.ErrRelayDown) {
		t.Error(err)
	}
}

// The line for authorized_keys that `dunnock relay keygen` prints permits a port of every host, and no other.
func TestAuthorizedKeys(t *testing.T) {
	target, rules := world(t)
	other, more := world(t)
	rules.Exact = append(rules.Exact, more.Exact...)
	_, port, _ := net.SplitHostPort(target)
	r := open(t, startSSHD(t, fmt.Sprintf(`restrict,port-forwarding,permitopen="*:%s",permitlisten="443"`, port)).config(rules))
	c, err := r.DialContext(t.Context(), "tcp", target)
	if err != nil {
		t.Fatal(err)
	}
	says(t, c, []byte("hello"))
	// What sshd forbids is for its owner to mend, and no reason to give an act up.
	if _, err := r.DialContext(t.Context(), "tcp", other); err == nil || errors.Is(err, egress.ErrRefused) || errors.Is(err, egress.ErrNoRelay) {
		t.Error(err)
	}
	if r.State().Down {
		t.Error("the relay is down")
	}
}

func TestLevel(t *testing.T) {
	target, rules := world(t)
	c := startSSHD(t, "").config(rules)
	before := runtime.NumGoroutine()
	r := open(t, c)
	if err := r.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	idle := runtime.NumGoroutine()
	for range 100 {
		c, err := r.DialContext(t.Context(), "tcp", target)
		if err != nil {
			t.Fatal(err)
		}
		says(t, c, []byte("hello"))
		go func() { _, _ = c.Read(make([]byte, 1)) }()
		c.Close()
	}
	level := func(n int) func() bool { return func() bool { return runtime.NumGoroutine() <= n } }
	await(t, "goroutines are left of connections", level(idle+10)) // some of the link begin after Connect
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	await(t, "goroutines are left of the link", level(before))
}

// A link that is idle takes little, and what a burst took is given back.
func TestMemory(t *testing.T) {
	target, rules := world(t)
	config := startSSHD(t, "").config(rules)
	taken := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapInuse + m.StackInuse
	}
	before := taken()
	const links = 8
	for range links {
		r := open(t, config)
		for range 4 {
			c, err := r.DialContext(t.Context(), "tcp", target)
			if err != nil {
				t.Fatal(err)
			}
			says(t, c, make([]byte, 4<<20))
			c.Close()
		}
	}
	const most = 4 << 20
	after := taken()
	got := (max(after, before) - before) / links
	t.Logf("%d KiB for a link", got>>10)
	if got > most {
		t.Errorf("an idle link takes %d bytes", got)
	}
}
