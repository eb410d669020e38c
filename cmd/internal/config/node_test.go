package config

import (
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/dunnock-server/dunnock/federation/node"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/ingress"
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
		if n.Offline || n.Timing != (timing.Mode{Kind: timing.Now}) || n.DataDir != "data" || n.Listen.Address != c.Listen.Address {
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

// Ways in that are not a relay's port: what the file says of them is what the node is given.
func TestWaysIn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dunnock.toml")
	file := strings.Replace(valid, "address = \"127.0.0.1:8080\"", "address = \"unix:web.sock\"\ntrusted_proxies = [\"unix\", \"192.0.2.1\", \"2001:db8::7/32\"]\nprobe = \"tor\"", 1) +
		torRelay + "[[ingress]]\nkind = \"onion\"\nrelay = \"tor\"\n[owner]\naddress = \"127.0.0.1:8090\"\nhosts = [\"dunnock.lan\"]\nonion = \"tor\"\n"
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	n, err := c.Node(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	listen := ingress.Config{Address: "unix:" + filepath.Join(filepath.Dir(path), "web.sock"), TrustSocket: true,
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("2001:db8::/32")}}
	if !reflect.DeepEqual(n.Listen, listen) || n.LookBy != "tor" {
		t.Errorf("listen: %+v, looked at by %q", n.Listen, n.LookBy)
	}
	if len(n.Ingress) != 1 || n.Ingress[0].Limits.Address != DefaultOnionAddress || n.Ingress[0].LookBy != "tor" {
		t.Fatalf("ingress: %+v", n.Ingress)
	}
	if o := n.Owner; o.Limits.Address != "127.0.0.1:8090" || !slices.Equal(o.Hosts, []string{"dunnock.lan"}) || o.LookBy != "tor" || o.UnsafePublic {
		t.Errorf("owner: %+v", o)
	}
	for _, make := range []func([]byte) (node.OnionService, error){n.Ingress[0].Service, n.Owner.Service} {
		// The key of RFC 8032, section 7.1, test 1, whose public key is in the name.
		seed, _ := hex.DecodeString("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
		service, err := make(seed)
		if err != nil || service.Host() != "25njqamcweflpvkl73j4szahhihoc4xt3ktcgjnpaingr5yhkenl5sid.onion" {
			t.Errorf("%v, %v", service, err)
		}
	}
}
