package config

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"testing"

	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/timing"
)

// TestNode looks at what a file opens: only what it says.
func TestNode(t *testing.T) {
	for _, test := range []struct {
		name, file        string
		relays, addresses int
		http              bool
	}{
		{"whole", valid, 1, 0, false},
		{"without [egress]", with(9, "")[:len(with(9, ""))-len("relays = [\"plain\"]\n")], 0, 0, false},
		{"unsafe", with(1, `domain = "127.0.0.1:8080"`) + "[unsafe]\nhttp = true\naddresses = [\"127.0.0.0/8\"]", 1, 1, true},
		{"unsafe, but not http", with(1, `domain = "alice.test"`) + "[unsafe]\n", 1, 0, false},
	} {
		c, faults := Parse([]byte(test.file), "dunnock.toml")
		if faults != nil {
			t.Errorf("%s: %v", test.name, faults)
			continue
		}
		n, err := c.Node(slog.New(slog.DiscardHandler))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if len(n.Relays) != test.relays || len(n.Rules.Addresses) != test.addresses || n.UnsafeHTTP != test.http || n.Rules.HTTP != test.http {
			t.Errorf("%s: %d relays, rules %+v, http %v", test.name, len(n.Relays), n.Rules, n.UnsafeHTTP)
		}
		if n.Offline || n.Timing != timing.Now || n.DataDir != "data" || n.Listen.Address != c.Listen.Address {
			t.Errorf("%s: %+v", test.name, n)
		}
	}
}

// TestLoopback holds a trial on this machine: no name is asked for, no other machine is dialled.
func TestLoopback(t *testing.T) {
	for host, inside := range map[string]bool{"127.0.0.1:8080": true, "localhost:8080": true, "[::1]:8080": true, "localhost": true,
		"alice.test": false, "10.0.0.1:8080": false, "localhost.example": false} {
		if got := onLoopback(host); got != inside {
			t.Errorf("%s on loopback: %v", host, got)
		}
	}
	inner := &recorder{}
	relay := loopback{inner}
	for address, want := range map[string]bool{"127.0.0.1:1": true, "[::1]:1": true, "localhost:1": true, "192.0.2.1:443": false,
		"example.org:443": false, "[2001:db8::1]:443": false, "127.0.0.1.example:443": false} {
		inner.dialled = ""
		_, err := relay.DialContext(t.Context(), "tcp", address)
		if got := inner.dialled == address; got != want || want == errors.Is(err, egress.ErrRefused) {
			t.Errorf("%s: dialled %q, %v", address, inner.dialled, err)
		}
	}
	c, faults := Parse([]byte(with(1, `domain = "localhost:8080"`)+"[unsafe]\n"), "dunnock.toml")
	if faults != nil {
		t.Fatal(faults)
	}
	n, err := c.Node(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := n.Relays[0].(loopback); !ok {
		t.Errorf("a trial on loopback goes out by %T", n.Relays[0])
	}
}

type recorder struct {
	egress.Relay
	dialled string
}

func (r *recorder) DialContext(_ context.Context, _, address string) (net.Conn, error) {
	r.dialled = address
	return nil, errors.New("nobody there")
}
