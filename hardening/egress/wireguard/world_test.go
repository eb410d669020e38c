package wireguard

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/device"
	"golang.zx2c4.com/wireguard/tun/netstack"

	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/freeport"
)

// What is inside the tunnel: our address, the resolver, and a server with an address that the rules permit.
var (
	ours     = netip.MustParseAddr("10.9.0.2")
	resolver = netip.MustParseAddr("10.9.0.1")
	public   = netip.MustParseAddr("45.79.10.2")
)

func newKey(t testing.TB) (private, open Key) {
	t.Helper()
	k, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return Key(k.Bytes()), Key(k.PublicKey().Bytes())
}

func (k Key) base64() string { return base64.StdEncoding.EncodeToString(k[:]) }

// far is the other end: the library with its own bind and its own stack.
type far struct {
	t               testing.TB
	private, public Key
	ourPrivate      Key
	ourPublic       Key
	host            string // of the endpoint
	port            uint16
	names           map[string][]string // of the resolver

	dev *device.Device
	net *netstack.Net

	mu    sync.Mutex
	asked []string // names, of the resolver
}

func newFar(t testing.TB) *far {
	f := &far{t: t, host: "127.0.0.1", names: map[string][]string{}}
	f.private, f.public = newKey(t)
	f.ourPrivate, f.ourPublic = newKey(t)
	p, err := freeport.Find()
	if err != nil {
		t.Fatal(err)
	}
	p.Close() // from here on its own socket marks it; and while there is none, no connection is given it
	f.port = p.Number
	f.start()
	t.Cleanup(f.stop)
	return f
}

// start begins, each time at the same port.
func (f *far) start() {
	f.t.Helper()
	wire, stack, err := netstack.CreateNetTUN([]netip.Addr{resolver, public}, nil, 1420)
	if err != nil {
		f.t.Fatal(err)
	}
	f.net = stack
	f.dev = device.NewDevice(wire, conn.NewStdNetBind(), device.NewLogger(device.LogLevelSilent, ""))
	err = f.dev.IpcSet(fmt.Sprintf("private_key=%s\nlisten_port=%d\npublic_key=%s\nallowed_ip=%s/32\n", f.private.hex(), f.port, f.ourPublic.hex(), ours))
	if err == nil {
		err = f.dev.Up()
	}
	if err != nil {
		f.t.Fatal(err)
	}
	f.resolve()
}

func (f *far) stop() { f.dev.Close() }

// file is ours for it, with more lines for [Interface].
func (f *far) file(more ...string) string {
	return fmt.Sprintf("[Interface]\nPrivateKey = %s\nAddress = %s/32\n%s\n[Peer]\nPublicKey = %s\nEndpoint = %s:%d\nAllowedIPs = 0.0.0.0/0\n",
		f.ourPrivate.base64(), ours, strings.Join(more, "\n"), f.public.base64(), f.host, f.port)
}

func parsed(t testing.TB, file string) *Conf {
	t.Helper()
	c, err := Parse([]byte(file), "wg.conf")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// relay is one to f, with its resolver.
func (f *far) relay(change ...func(*Config)) *Relay {
	f.t.Helper()
	c := Config{Name: "vpn", Conf: parsed(f.t, f.file("DNS = "+resolver.String())), Rules: egress.Rules{HTTP: true}, Dial: egress.Home()}
	for _, do := range change {
		do(&c)
	}
	r, err := New(c)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { r.Close() })
	return r
}

// serve answers HTTP on a port of the public address, with the visitor's address or, of /bytes/N, with so many bytes.
func (f *far) serve(port uint16) {
	f.t.Helper()
	l, err := f.net.ListenTCPAddrPort(netip.AddrPortFrom(public, port))
	if err != nil {
		f.t.Fatal(err)
	}
	serve(l)
}

func serve(l net.Listener) {
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := int64(0)
		if fmt.Sscanf(r.URL.Path, "/bytes/%d", &n); n > 0 {
			io.CopyN(w, zeros{}, n)
			return
		}
		n, _ = io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, r.RemoteAddr, " ", n)
	}))
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// resolve answers names over UDP, and over TCP those that begin with "long".
func (f *far) resolve() {
	f.t.Helper()
	udp, err := f.net.ListenUDPAddrPort(netip.AddrPortFrom(resolver, 53))
	if err != nil {
		f.t.Fatal(err)
	}
	tcp, err := f.net.ListenTCPAddrPort(netip.AddrPortFrom(resolver, 53))
	if err != nil {
		f.t.Fatal(err)
	}
	go f.packets(udp)
	go func() {
		for {
			c, err := tcp.Accept()
			if err != nil {
				return
			}
			b := make([]byte, 512)
			io.ReadFull(c, b[:2])
			io.ReadFull(c, b[:binary.BigEndian.Uint16(b)])
			for _, reply := range f.answer(b, true) {
				c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...))
			}
			c.Close()
		}
	}()
}

// packets answers over UDP.
func (f *far) packets(udp net.PacketConn) {
	for b := make([]byte, 512); ; {
		n, from, err := udp.ReadFrom(b)
		if err != nil {
			return
		}
		for _, reply := range f.answer(b[:n], false) {
			udp.WriteTo(reply, from)
		}
	}
}

// answer gives what is sent for a query: for a name that begins with "spoofed", what belongs to other queries comes first.
func (f *far) answer(query []byte, stream bool) (replies [][]byte) {
	var m dnsmessage.Message
	if m.Unpack(query) != nil && len(m.Questions) == 0 {
		return nil
	}
	q := m.Questions[0]
	name := strings.TrimSuffix(q.Name.String(), ".")
	f.mu.Lock()
	f.asked = append(f.asked, name)
	f.mu.Unlock()
	m = dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true, RecursionAvailable: true}, Questions: m.Questions[:1]}
	answers, known := f.names[name]
	switch {
	case strings.HasPrefix(name, "silent"):
		return nil
	case strings.HasPrefix(name, "failing"):
		m.RCode = dnsmessage.RCodeServerFailure
	case !known:
		m.RCode = dnsmessage.RCodeNameError
	case strings.HasPrefix(name, "long") && !stream:
		m.Truncated = true
	}
	add := func(m *dnsmessage.Message, answers []string) {
		for _, a := range answers {
			addr := netip.MustParseAddr(a)
			h := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: dnsmessage.ClassINET, TTL: 60}
			if addr.Is4() && q.Type == dnsmessage.TypeA {
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: addr.As4()}})
			} else if addr.Is6() && q.Type == dnsmessage.TypeAAAA {
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AAAAResource{AAAA: addr.As16()}})
			}
		}
	}
	if strings.HasPrefix(name, "spoofed") {
		for _, spoil := range []func(*dnsmessage.Message){
			func(m *dnsmessage.Message) { m.ID++ },
			func(m *dnsmessage.Message) { m.Response = false },
			func(m *dnsmessage.Message) {
				m.Questions = []dnsmessage.Question{{Name: dnsmessage.MustNewName("other.example."), Type: q.Type, Class: q.Class}}
			},
		} {
			bad := m
			add(&bad, []string{"45.79.10.66"})
			spoil(&bad)
			b, _ := bad.Pack()
			replies = append(replies, b)
		}
	}
	if !m.Truncated && m.RCode == dnsmessage.RCodeSuccess {
		add(&m, answers)
	}
	b, _ := m.Pack()
	return append(replies, b)
}

func (f *far) wasAsked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked
}

// soon is a context that ends, so that what waits for ever fails instead.
func soon(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// get asks by HTTP through a relay.
func get(t testing.TB, dial egress.Dial, url string) (string, error) {
	t.Helper()
	c := &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(soon(t), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := c.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return string(b), err
}

// until waits for something to become true.
func until(t testing.TB, within time.Duration, what string, is func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-ctx.Done():
			t.Fatalf("not within %v: %s", within, what)
		case <-tick.C:
		}
	}
}
