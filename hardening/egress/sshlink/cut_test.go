package sshlink_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/egress/sshlink"
	"github.com/dunnock-server/dunnock/hardening/freeport"
)

// path is what lies between home and a relay.
type path struct {
	dial egress.Dial

	mu    sync.Mutex
	conns []*net.TCPConn
}

func (p *path) to(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := p.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns = append(p.conns, c.(*net.TCPConn))
	return c, nil
}

// each does something to all connections of the path.
func (p *path) each(f func(*net.TCPConn)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		f(c)
	}
	p.conns = nil
}

// A link that is cut takes its connections and listeners with it, and they say so; then nothing tries it but Connect.
func TestCut(t *testing.T) {
	target, rules := world(t)
	port := freeport.Take(t)
	config := startSSHD(t, "", "GatewayPorts clientspecified").config(rules)
	way := &path{dial: config.Dial}
	config.Dial = way.to
	r := open(t, config)
	for _, reset := range []bool{true, false} {
		c, err := r.DialContext(t.Context(), "tcp", target)
		if err != nil {
			t.Fatal(err)
		}
		says(t, c, []byte("hello"))
		var l net.Listener
		await(t, "the port is not given back", func() bool {
			l, err = r.Listen(t.Context(), port)
			return err == nil
		})
		way.each(func(c *net.TCPConn) {
			if reset {
				_ = c.SetLinger(0)
				_ = c.Close()
			} else {
				_ = c.CloseRead()
			}
		})
		if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("a stream that was cut ends with %v", err)
		}
		if _, err := l.Accept(); !errors.Is(err, egress.ErrRelayDown) {
			t.Error(err)
		}
		if _, err := r.DialContext(t.Context(), "tcp", target); !errors.Is(err, egress.ErrRelayDown) || len(way.conns) > 0 {
			t.Errorf("%v, %d links", err, len(way.conns))
		}
		if s := r.State(); !s.Down || s.Reason != "hangs up" {
			t.Errorf("%+v", s)
		}
		if err := r.Connect(t.Context()); err != nil || r.State().Down {
			t.Fatal(err)
		}
	}
}

func TestConfig(t *testing.T) {
	us, file := key(t)
	fine := sshlink.Config{Name: "a", Address: "a:22", User: "u", Identity: us, HostKey: us.PublicKey(), Dial: egress.Home()}
	for name, change := range map[string]func(*sshlink.Config){
		"no name":     func(c *sshlink.Config) { c.Name = "" },
		"no dial":     func(c *sshlink.Config) { c.Dial = nil },
		"no port":     func(c *sshlink.Config) { c.Address = "a" },
		"port 0":      func(c *sshlink.Config) { c.Address = "a:0" },
		"no user":     func(c *sshlink.Config) { c.User = "" },
		"no identity": func(c *sshlink.Config) { c.Identity = nil },
		"no host key": func(c *sshlink.Config) { c.HostKey = nil },
	} {
		c := fine
		change(&c)
		if _, err := sshlink.New(c); err == nil {
			t.Error(name)
		}
	}
	if r, err := sshlink.New(fine); err != nil || r.Name() != "a" || r.Kind() != "ssh" || r.Close() != nil {
		t.Error(err)
	}
	for _, bad := range []string{"", "ssh-ed25519", "ssh-ed25519 AAAA", line(us.PublicKey()) + "\n" + line(us.PublicKey()), `from="x" ` + line(us.PublicKey())} {
		if _, err := sshlink.ParseHostKey(bad); err == nil {
			t.Errorf("%q is a host key", bad)
		}
	}
	if k, err := sshlink.ParseHostKey(line(us.PublicKey()) + " comment\n"); err != nil || line(k) != line(us.PublicKey()) {
		t.Error(err)
	}
	if _, err := sshlink.ParseIdentity(file[:len(file)/2]); err == nil {
		t.Error("half a key is a key")
	}
}
