package relay_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/egress/sshlink"
	"github.com/dunnock-server/dunnock/hardening/freeport"
	"github.com/dunnock-server/dunnock/hardening/relay"
)

func TestOwnRelay(t *testing.T) {
	target, rules := world(t)
	r := rent(t, relay.Config{Rules: rules})
	before := runtime.NumGoroutine()
	home := r.home(rules)
	if from, err := home.Echo(t.Context()); err != nil || from != loopback {
		t.Errorf("seen at %s: %v", from, err)
	}
	for range 50 {
		c, err := home.DialContext(t.Context(), "tcp", target.String())
		if err != nil {
			t.Fatal(err)
		}
		says(t, c, []byte("hello"))
		says(t, c, bytes.Repeat([]byte("0123456789"), 30_000))
		c.Close()
	}
	await(t, "goroutines are left of connections", func() bool { return runtime.NumGoroutine() < before+40 })
	_ = home.Close()
	await(t, "goroutines are left of the link", func() bool { return runtime.NumGoroutine() <= before })
	r.end()
	if log := r.log.String(); strings.Contains(log, "127.0.0.1") || !strings.Contains(log, "key=one") {
		t.Errorf("the log: %s", log)
	}
}

// names is a resolver at the relay that knows any name at one address, which changes.
func names(t *testing.T, answers ...string) (*net.Resolver, *atomic.Int32) {
	t.Helper()
	l, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	var asked atomic.Int32
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := l.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			m.Response, m.Additionals = true, nil
			if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
				addr := netip.MustParseAddr(answers[min(int(asked.Add(1)), len(answers))-1])
				m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}, Body: &dnsmessage.AResource{A: addr.As4()}}}
			}
			out, _ := m.Pack()
			_, _ = l.WriteTo(out, from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", l.LocalAddr().String())
	}}, &asked
}

// Names are resolved at the relay, and none leads to its own machine or network.
func TestFarNames(t *testing.T) {
	target, exact := world(t)
	canary, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	defer canary.Close()
	var sung atomic.Int32
	go func() {
		for {
			c, err := canary.Accept()
			if err != nil {
				return
			}
			sung.Add(1)
			c.Close()
		}
	}()
	port := uint16(canary.Addr().(*net.TCPAddr).Port)
	// What home would permit is of no use: the relay has rules of its own.
	wide := egress.Rules{Ports: []uint16{port, target.Port(), 22, 80}, Addresses: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}}
	rules := egress.Rules{Exact: append(exact.Exact, netip.AddrPortFrom(netip.MustParseAddr("192.88.98.7"), port))}
	resolver, asked := names(t, "127.0.0.1", "127.0.0.2", "10.0.0.1", "127.0.0.2")
	r := rent(t, relay.Config{Rules: rules, Dial: egress.DirectWith("relay", rules, resolver).DialContext})
	home := r.home(wide)
	dial := func(host string, port uint16) error {
		c, err := home.DialContext(t.Context(), "tcp", net.JoinHostPort(host, itoa(port)))
		if err == nil {
			c.Close()
		}
		return err
	}
	if err := dial("public.example", target.Port()); err != nil {
		t.Error(err)
	}
	for range 3 {
		if err := dial("public.example", port); !errors.Is(err, egress.ErrRefused) {
			t.Errorf("a name that leads home: %v", err)
		}
	}
	if n := asked.Load(); n != 4 {
		t.Errorf("%d look-ups", n)
	}
	for _, to := range []struct {
		host string
		port uint16
	}{{"127.0.0.2", port}, {"localhost", port}, {"10.0.0.1", 443}, {"192.88.98.7", 22}, {"192.88.98.7", 80}, {"public.example", 22}} {
		if err := dial(to.host, to.port); !errors.Is(err, egress.ErrRefused) {
			t.Errorf("%v: %v", to, err)
		}
	}
	for _, host := range []string{"relay.internal", "a.onion", "localhost.localdomain"} { // not even asked for
		if err := dial(host, 443); !errors.Is(err, egress.ErrRefused) {
			t.Errorf("%s: %v", host, err)
		}
	}
	if asked.Load() != 4 || sung.Load() != 0 {
		t.Errorf("%d look-ups, %d connections to the relay's own machine", asked.Load(), sung.Load())
	}
	if home.State().Down {
		t.Error("the relay is down")
	}
	// And what home forbids, the relay is not asked for.
	if _, err := r.home(egress.Rules{}).DialContext(t.Context(), "tcp", net.JoinHostPort("public.example", itoa(target.Port()))); !errors.Is(err, egress.ErrRefused) || asked.Load() != 4 {
		t.Error(err)
	}
}

// With a client that is not ours, too: it offers nothing but forwards, to nobody without a key.
func TestNothingElse(t *testing.T) {
	target, rules := world(t)
	r := rent(t, relay.Config{Rules: rules})
	stranger, _ := key(t)
	for name, auth := range map[string]ssh.AuthMethod{
		"a stranger": ssh.PublicKeys(stranger), "a password": ssh.Password("dunnock"),
		"questions": ssh.KeyboardInteractive(func(string, string, []string, []bool) ([]string, error) { return nil, nil }),
	} {
		if c, err := ssh.Dial("tcp", r.address, &ssh.ClientConfig{User: "root", Auth: []ssh.AuthMethod{auth}, HostKeyCallback: ssh.FixedHostKey(r.host)}); err == nil {
			t.Errorf("%s came in", name)
			c.Close()
		}
	}
	if _, err := ssh.Dial("tcp", r.address, &ssh.ClientConfig{User: "root", HostKeyCallback: ssh.FixedHostKey(r.host)}); err == nil {
		t.Error("nobody came in")
	}
	c, err := ssh.Dial("tcp", r.address, &ssh.ClientConfig{User: "root", Auth: []ssh.AuthMethod{ssh.PublicKeys(r.two)}, HostKeyCallback: ssh.FixedHostKey(r.host)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, kind := range []string{"session", "x11", "auth-agent@openssh.com", "direct-streamlocal@openssh.com", "tun@openssh.com", "forwarded-tcpip"} {
		var refused *ssh.OpenChannelError
		if _, _, err := c.OpenChannel(kind, nil); !errors.As(err, &refused) || refused.Reason != ssh.Prohibited || refused.Message != "" {
			t.Errorf("%s: %v", kind, err)
		}
	}
	for _, name := range []string{"streamlocal-forward@openssh.com", "no-more-sessions@openssh.com", "tcpip-forward"} {
		if ok, _, err := c.SendRequest(name, true, nil); ok || err != nil {
			t.Errorf("%s: %t %v", name, ok, err)
		}
	}
	for _, port := range []uint16{r.port, freeport.Take(t), 0} { // of the other key, of nobody, any
		if _, err := c.Listen("tcp", "127.0.0.1:"+itoa(port)); err == nil {
			t.Errorf("port %d is the second key's", port)
		}
	}
	if conn, err := c.Dial("tcp", target.String()); err != nil {
		t.Error(err)
	} else {
		says(t, conn, []byte("hello"))
	}
}

// A visitor's address is told, and nobody else may come to the port.
func visit(t *testing.T, l net.Listener, port uint16) {
	t.Helper()
	v, err := net.Dial("tcp", netip.AddrPortFrom(loopback, port).String())
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(c, c); c.Close() }()
	if c.RemoteAddr().String() != v.LocalAddr().String() {
		t.Errorf("a visitor from %s", c.RemoteAddr())
	}
	says(t, v, []byte("is anybody in?"))
}

func TestVisitors(t *testing.T) {
	r := rent(t, relay.Config{})
	home := r.home(egress.Rules{})
	if _, err := home.Listen(t.Context(), freeport.Take(t)); err == nil {
		t.Error("a port that is not ours")
	}
	l, err := home.Listen(t.Context(), r.port)
	if err != nil {
		t.Fatal(err)
	}
	visit(t, l, r.port)
	// The home's address changes, and nobody is told: the old session is there still.
	moved := r.home(egress.Rules{})
	for range 3 {
		taken, err := moved.Listen(t.Context(), r.port)
		if err != nil {
			t.Fatal(err)
		}
		visit(t, taken, r.port)
		if _, err := l.Accept(); !errors.Is(err, egress.ErrRelayDown) {
			t.Error(err)
		}
		visit(t, taken, r.port)
		if s := home.State(); !s.Down {
			t.Errorf("%+v", s)
		}
		if err := home.Connect(t.Context()); err != nil {
			t.Error(err)
		}
		home, moved, l = moved, home, taken
	}
	l.Close()
	await(t, "the port is open still", func() bool {
		c, err := net.Dial("tcp", netip.AddrPortFrom(loopback, r.port).String())
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	if home.State().Down {
		t.Error("it is down")
	}
}

// A stream that is cut must not look like one that is whole, to a visitor either.
func TestVisitorIsCut(t *testing.T) {
	r := rent(t, relay.Config{})
	home := r.home(egress.Rules{})
	l, err := home.Listen(t.Context(), r.port)
	if err != nil {
		t.Fatal(err)
	}
	v, err := net.Dial("tcp", netip.AddrPortFrom(loopback, r.port).String())
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if _, err := l.Accept(); err != nil {
		t.Fatal(err)
	}
	_ = home.Close()
	if _, err := v.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("it ends with %v", err)
	}
}

func TestLimits(t *testing.T) {
	target, rules := world(t)
	r := rent(t, relay.Config{Rules: rules})
	// Strangers: of one network only so many, and they keep the others out for so long only.
	var strangers []net.Conn
	for range 20 {
		c, err := net.Dial("tcp", r.address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		strangers = append(strangers, c)
	}
	left := 0
	for _, c := range strangers {
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.ReadFull(c, make([]byte, len(relay.Version))); err == nil {
			left++
		}
	}
	if left != 8 {
		t.Errorf("%d strangers may wait", left)
	}
	for _, c := range strangers {
		c.Close()
	}
	// Sessions of a key: the oldest ends.
	var homes []*sshlink.Relay
	for range 5 {
		h := r.home(rules)
		await(t, "no session", func() bool { return h.Connect(t.Context()) == nil })
		if err := h.Connect(t.Context()); err != nil { // by its answer the relay has it in its list
			t.Error(err)
		}
		homes = append(homes, h)
	}
	await(t, "a fifth session is there", func() bool { return homes[0].State().Down })
	if homes[1].State().Down {
		t.Error("the second session ended")
	}
	// Connections of a key.
	for i := range 1025 {
		_, err := homes[1+i%4].DialContext(t.Context(), "tcp", target.String())
		if (err != nil) != (i == 1024) {
			t.Fatalf("connection %d: %v", i, err)
		}
	}
}

func itoa(port uint16) string {
	_, s, _ := strings.Cut(netip.AddrPortFrom(loopback, port).String(), ":")
	return s
}

func TestConfig(t *testing.T) {
	host, _ := key(t)
	fine := func() relay.Config {
		k, _ := key(t)
		other, _ := key(t)
		return relay.Config{HostKey: host, Keys: []relay.Key{{"a", k.PublicKey(), []uint16{443}}, {"b", other.PublicKey(), nil}}}
	}
	for name, change := range map[string]func(*relay.Config){
		"no host key":      func(c *relay.Config) { c.HostKey = nil },
		"no key":           func(c *relay.Config) { c.Keys = nil },
		"a key twice":      func(c *relay.Config) { c.Keys[1].Public = c.Keys[0].Public },
		"a port twice":     func(c *relay.Config) { c.Keys[1].Ports = []uint16{443} },
		"port 0":           func(c *relay.Config) { c.Keys[1].Ports = []uint16{0} },
		"a missing key":    func(c *relay.Config) { c.Keys[1].Public = nil },
		"ticks too far":    func(c *relay.Config) { c.Quantise = time.Minute },
		"ticks before now": func(c *relay.Config) { c.Quantise = -1 },
	} {
		c := fine()
		change(&c)
		if _, err := relay.New(c); err == nil {
			t.Error(name)
		}
	}
	if _, err := relay.New(fine()); err != nil {
		t.Error(err)
	}
}
