package sshlink_test

import (
	"errors"
	"net"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/egress/sshlink"
)

// A relay that asks us for things gets none of them: only visitors of a port that we listen at come in.
func TestRelayAsks(t *testing.T) {
	host, _ := key(t)
	us, _ := key(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		raw, err := l.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		defer raw.Close()
		config := &ssh.ServerConfig{NoClientAuth: true, PublicKeyCallback: func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) { return nil, nil }}
		config.AddHostKey(host)
		c, channels, requests, err := ssh.NewServerConn(raw, config)
		if err != nil {
			t.Error(err)
			return
		}
		if got := string(c.ClientVersion()); got != "SSH-2.0-Go" {
			t.Errorf("the version says %q", got)
		}
		listening := make(chan struct{})
		go func() {
			for r := range requests {
				_ = r.Reply(true, nil)
				if r.Type == "tcpip-forward" {
					close(listening)
				}
			}
		}()
		go func() {
			for ch := range channels {
				_ = ch.Reject(ssh.ConnectionFailed, "remote text")
			}
		}()
		<-listening
		visitor := func(port uint32) []byte {
			return ssh.Marshal(struct {
				Address string
				Port    uint32
				Origin  string
				From    uint32
			}{"", port, "192.0.2.1", 1234})
		}
		for _, wish := range []struct {
			kind  string
			extra []byte
			ok    bool
		}{{"session", nil, false}, {"x11", nil, false}, {"auth-agent@openssh.com", nil, false}, {"direct-tcpip", visitor(22), false}, {"forwarded-tcpip", nil, false},
			{"forwarded-tcpip", visitor(22), false}, {"forwarded-tcpip", visitor(443 + 1<<16), false}, {"forwarded-tcpip", visitor(443), true}} {
			ch, _, err := c.OpenChannel(wish.kind, wish.extra)
			if (err == nil) != wish.ok {
				t.Errorf("%s: %v", wish.kind, err)
			}
			if err == nil {
				_ = ch.Close()
			}
		}
		for _, name := range []string{"tcpip-forward", "keepalive@openssh.com", "hostkeys-00@openssh.com"} {
			if ok, _, err := c.SendRequest(name, true, nil); ok || err != nil {
				t.Errorf("%s: %t %v", name, ok, err)
			}
		}
	}()
	r := open(t, sshlink.Config{Name: "evil", Address: l.Addr().String(), User: "u", Identity: us, HostKey: host.PublicKey(), Rules: egress.Rules{}, Dial: egress.Home()})
	visitors, err := r.Listen(within(t, 10*time.Second), 443)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.DialContext(t.Context(), "tcp", "192.88.98.7:443"); err == nil || errors.Is(err, egress.ErrNoRelay) || err.Error() != "ssh relay could not reach the target" {
		t.Error(err)
	}
	c, err := visitors.Accept()
	if err != nil || c.RemoteAddr().String() != "192.0.2.1:1234" {
		t.Error(c, err)
	}
	<-asked
}
