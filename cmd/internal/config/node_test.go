package config

import (
	"log/slog"
	"testing"

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
