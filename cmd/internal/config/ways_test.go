package config

import (
	"context"
	"crypto/ed25519"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/dunnock-server/dunnock/hardening/egress"
)

// relays is a file with relays of each kind, in a directory of its own.
const relays = `domain = "example.org"
username = "alice"
data = "./data"
[[relay]]
name = "far"
kind = "http"
address = "192.0.2.2:3128"
user = "alice"
password_file = "far.pass"
via = "near"
[[relay]]
name = "near"
kind = "socks5"
address = "%s"
[[relay]]
name = "tor"
kind = "tor"
socks = "127.0.0.1:9050"
control = "127.0.0.1:9051"
[[relay]]
name = "spare"
kind = "direct"
[egress]
relays = ["far"]
[egress.route]
"*.onion" = ["tor"]
`

func written(t *testing.T, text, password string, mode os.FileMode) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "dunnock.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if password != "" {
		if err := os.WriteFile(filepath.Join(dir, "far.pass"), []byte(password), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, "far.pass"), mode); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// The node is given the relays that carry something, and those they are reached through; no others.
func TestWays(t *testing.T) {
	// What "far" is reached through is told by who is called: a listener in the place of "near".
	near, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	c, err := Load(written(t, fmt.Sprintf(relays, near.Addr()), "secret\n", 0o600))
	if err != nil {
		t.Fatal(err)
	}
	n, err := c.Node(slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range n.Relays {
		defer r.Close()
		names = append(names, r.Name()+" "+r.Kind())
	}
	if want := []string{"far http", "near socks5", "tor tor"}; !slices.Equal(names, want) {
		t.Errorf("relays %q, want %q", names, want)
	}
	if !slices.Equal(n.Pool, []string{"far"}) || len(n.Routes) != 1 || n.Routes[0].Match != "*.onion" || n.Resolver == nil {
		t.Errorf("pool %q, routes %v, resolver %v", n.Pool, n.Routes, n.Resolver)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	go func() { _ = n.Relays[0].(egress.Linked).Connect(ctx) }()
	_ = near.(*net.TCPListener).SetDeadline(time.Now().Add(10 * time.Second))
	conn, err := near.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// It is asked for the next relay by its address, whatever rules there are for others.
	got := make([]byte, 10)
	if _, err := io.ReadFull(conn, got[:3]); err != nil || got[0] != 5 {
		t.Fatalf("the relay before was told %x, %v", got, err)
	}
	_, _ = conn.Write([]byte{5, 0})
	if _, err := io.ReadFull(conn, got); err != nil || !slices.Equal(got, []byte{5, 1, 0, 1, 192, 0, 2, 2, 3128 >> 8, 3128 & 255}) {
		t.Errorf("the relay before was asked for %x, %v", got, err)
	}
}

// A file that a relay names and that cannot be used is a fault with its line.
func TestRelayFiles(t *testing.T) {
	text := fmt.Sprintf(relays, "192.0.2.1:1080")
	for _, tt := range []struct {
		password string
		mode     os.FileMode
		want     string
	}{
		{"secret\n", 0o600, ""}, {"secret\n", 0o400, ""},
		{"", 0, "no such file"}, {"secret\n", 0o640, "others may read"}, {"secret\n", 0o604, "others may read"},
		{"\n", 0o600, "go together"}, {strings.Repeat("x", most+1), 0o600, "64 KiB"}, {strings.Repeat("x", 300), 0o600, "255 bytes"},
	} {
		_, err := Load(written(t, text, tt.password, tt.mode))
		faults, _ := err.(Faults)
		switch {
		case tt.want == "" && err == nil:
		case len(faults) != 1 || tt.want == "" || !strings.Contains(faults[0].Problem, tt.want) || faults[0].Line < 4 || faults[0].Line > 9 ||
			strings.Contains(err.Error(), "secret"):
			t.Errorf("%#o, %d bytes: %v, want %q", tt.mode, len(tt.password), err, tt.want)
		}
	}
}

// keyFiles is a file with relays that name keys: what is written beside it decides.
const keyFiles = `domain = "example.org"
username = "alice"
data = "./data"
[[relay]]
name = "vps"
kind = "ssh"
address = "192.0.2.1:22"
user = "dunnock"
identity_file = "relay_ed25519"
host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJjl0CEBHKbXfCtWOxDjVE4Kgu3F2t9iuG5ruFC2CMCH"
[[relay]]
name = "vpn"
kind = "wireguard"
config_file = "wg.conf"
[egress]
relays = ["vps", "vpn"]
`

// The keys of ssh and the files of WireGuard are read before the node starts; what is wrong in them is a fault of its own line,
// and what is left out of them a warning. None of a key is shown.
func TestKeyFiles(t *testing.T) {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	locked, err := ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte("a"))
	if err != nil {
		t.Fatal(err)
	}
	const secret = "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk="
	conf := "[Interface]\nPrivateKey = " + secret + "\nAddress = 10.0.0.2/32\nDNS = 10.0.0.1\nPostUp = iptables -A\n" +
		"[Peer]\nPublicKey = xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=\nAllowedIPs = 0.0.0.0/0\nEndpoint = 192.0.2.9:51820\n"
	for _, tt := range []struct {
		name      string
		key, conf string
		mode      os.FileMode
		want      []string // "line of which file: a part of the problem"
	}{
		{"as it should be", string(pem.EncodeToMemory(plain)), conf, 0o600, nil},
		{"no key", "", conf, 0o600, []string{"dunnock.toml:9: no such file"}},
		{"a key that others read", string(pem.EncodeToMemory(plain)), conf, 0o644, []string{"dunnock.toml:9: others may read"}},
		{"a locked key", string(pem.EncodeToMemory(locked)), conf, 0o600, []string{"dunnock.toml:9: passphrase"}},
		{"no key in the file", "ssh-ed25519 AAAA", conf, 0o600, []string{"dunnock.toml:9: not a private key"}},
		{"no conf", string(pem.EncodeToMemory(plain)), "", 0o600, []string{"dunnock.toml:14: no such file"}},
		{"two faults in it", string(pem.EncodeToMemory(plain)), strings.NewReplacer("10.0.0.2/32", "10.0.0.2/99", "192.0.2.9:51820", "192.0.2.9").Replace(conf), 0o600,
			[]string{"wg.conf:3: ", "wg.conf:9: "}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := written(t, keyFiles, "", 0)
			for name, text := range map[string]string{"relay_ed25519": tt.key, "wg.conf": tt.conf} {
				if text == "" {
					continue
				}
				if err := os.WriteFile(filepath.Join(filepath.Dir(path), name), []byte(text), tt.mode); err != nil {
					t.Fatal(err)
				}
			}
			c, err := Load(path)
			faults, _ := err.(Faults)
			if len(faults) != len(tt.want) || (err == nil) != (tt.want == nil) || err != nil && strings.Contains(err.Error(), secret) {
				t.Fatalf("%v, want %q", err, tt.want)
			}
			for i, want := range tt.want {
				at, problem, _ := strings.Cut(want, ": ")
				if f := faults[i]; fmt.Sprintf("%s:%d", filepath.Base(f.File), f.Line) != at || !strings.Contains(f.Problem, problem) || f.Remedy == "" {
					t.Errorf("%v, want %q", f, want)
				}
			}
			if err != nil {
				return
			}
			if len(c.Warnings) != 1 || c.Warnings[0].Line != 14 || !strings.Contains(c.Warnings[0].Problem, "wg.conf:5: PostUp") {
				t.Errorf("warnings: %v", c.Warnings)
			}
			n, err := c.Node(slog.New(slog.DiscardHandler))
			if err != nil || len(n.Relays) != 2 || n.Relays[0].Kind() != KindSSH || n.Relays[1].Kind() != KindWireGuard {
				t.Errorf("%v, %v", n.Relays, err)
			}
			for _, r := range n.Relays {
				_ = r.Close()
			}
		})
	}
}
