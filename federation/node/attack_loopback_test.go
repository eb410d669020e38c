package node_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/dunnock-server/dunnock/federation/node"
	"github.com/dunnock-server/dunnock/hardening/egress"
)

// loopback is a siege in which the node dials real sockets, by the relay kind direct. The attacker's server has an address
// and port of loopback that counts as public. Canaries listen around it, and must see no connection.
type loopback struct {
	*siege
	eve, fay    *account // of one server: the owner follows fay
	port, other uint16   // of the attacker's server; another one of its address
	names       *names
	count       int
}

func newLoopback(t *testing.T) *loopback {
	t.Helper()
	l := &loopback{}
	ln, public := l.listen(t)
	rules := egress.Rules{HTTP: true, Exact: []netip.AddrPort{public}}
	l.names = newNames(t, public.Port())
	l.siege = newSiege(t, func(c *node.Config) {
		c.Rules = rules
		c.Relays = []egress.Relay{egress.DirectWith("direct", rules, l.names.resolver())}
	})
	p := &site{s: l.siege, host: public.String(), docs: map[string]any{}}
	p.serve("/.well-known/webfinger", p.webfinger)
	p.on(ln)
	l.eve, l.fay = p.person("eve"), p.person("fay")
	l.known(l.eve)
	l.followed(l.fay)
	return l
}

// listen finds a port for the attacker's server at which canaries can listen everywhere else.
func (l *loopback) listen(t *testing.T) (net.Listener, netip.AddrPort) {
	t.Helper()
	for range 50 {
		ln, err := net.Listen("tcp", "127.0.0.2:0")
		if err != nil {
			t.Fatal(err)
		}
		public := netip.MustParseAddrPort(ln.Addr().String())
		l.port = public.Port()
		if perch(t, fmt.Sprintf("127.0.0.3:%d", l.port)) == nil {
			ln.Close()
			continue
		}
		for _, more := range []string{"127.0.0.1", "[::1]"} {
			if perch(t, fmt.Sprintf("%s:%d", more, l.port)) == nil {
				t.Logf("no canary on %s", more)
			}
		}
		l.other = netip.MustParseAddrPort(perch(t, "127.0.0.2:0").String()).Port()
		return ln, public
	}
	t.Fatal("no port is free on 127.0.0.2 and 127.0.0.3")
	return nil, netip.AddrPort{}
}

// perch puts up a canary, which complains of every connection until the test ends.
func perch(t *testing.T, address string) net.Addr {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil
	}
	var seen atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			seen.Add(1)
			c.Close()
		}
	}()
	t.Cleanup(func() {
		if n := seen.Load(); n != 0 {
			t.Errorf("the canary at %s saw %d connections", ln.Addr(), n)
		}
		if c, err := net.Dial("tcp", ln.Addr().String()); err != nil { // it must be alive to prove anything
			t.Errorf("the canary at %s was dead", ln.Addr())
		} else {
			c.Close()
		}
		ln.Close()
		<-done
	})
	return ln.Addr()
}

// names is a DNS server whose answers change: of the addresses of a name each question gets the next, the last one again
// and again.
type names struct {
	addr string
	port uint16

	mu    sync.Mutex
	hosts map[string][]string
	asked []string
}

func newNames(t *testing.T, port uint16) *names {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &names{addr: pc.LocalAddr().String(), port: port, hosts: map[string][]string{}}
	done := make(chan struct{})
	t.Cleanup(func() { pc.Close(); <-done })
	go func() {
		defer close(done)
		for buf := make([]byte, 1500); ; {
			size, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:size]) != nil || len(m.Questions) != 1 {
				continue
			}
			if reply, err := n.answer(m); err == nil {
				pc.WriteTo(reply, from)
			}
		}
	}()
	return n
}

func (n *names) answer(m dnsmessage.Message) ([]byte, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	q := m.Questions[0]
	name := strings.TrimSuffix(q.Name.String(), ".")
	reply := dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true, RecursionAvailable: true}, Questions: m.Questions}
	all := n.hosts[name]
	if all == nil {
		reply.RCode = dnsmessage.RCodeNameError
	} else if q.Type == dnsmessage.TypeA {
		n.asked = append(n.asked, name)
		reply.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class},
			Body: &dnsmessage.AResource{A: netip.MustParseAddr(all[0]).As4()}}}
		if len(all) > 1 {
			n.hosts[name] = all[1:]
		}
	}
	return reply.Pack()
}

// put gives a name its addresses, and returns the host to ask for it, with the port of the attacker's server.
func (n *names) put(name string, addresses ...string) (host string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hosts[name] = addresses
	return fmt.Sprintf("%s:%d", name, n.port)
}

// told are the names that were asked for.
func (n *names) told() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.asked)
}

func (n *names) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		d := net.Dialer{Timeout: time.Second}
		return d.DialContext(ctx, "udp", n.addr)
	}}
}
