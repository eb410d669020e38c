package wireguard

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	key1 = "QKHjxYTPp0Y/R0Ej9eUoGV1jSWv3nAqDXRJz1FLnM3o="
	key2 = "b9KPTvj3sR2wN0UpoQ6CjzAhV8q3V6bSxMvWz0bS4k8="
)

// provider is such a file as providers hand out.
const provider = "\ufeff# a comment\r\n[interface]\r\nPrivateKey = " + key1 + "\r\nAddress = 10.64.1.2/32,fc00:bbbb::3/128\r\naddress = 10.64.1.9\r\n" +
	"DNS = 10.64.0.1, example.net, fd00::1\r\nMTU=1380\r\nListenPort = 51820\r\nPostUp = iptables -I OUTPUT ! -o %i -j REJECT # kill switch\r\nTable = off\r\n\r\n" +
	"[Peer]\r\nPublicKey = " + key2 + "\r\nPresharedKey = " + key1 + "\r\nAllowedIPs = 0.0.0.0/0\r\nAllowedIPs = 2000::/3, 10.9.0.7/24\r\nEndpoint = [2001:db8::1]:51820\r\nPersistentKeepalive = 25\r\n"

func TestParse(t *testing.T) {
	c, err := Parse([]byte(provider), "wg.conf")
	if err != nil {
		t.Fatal(err)
	}
	addr, prefix := netip.MustParseAddr, netip.MustParsePrefix
	p := c.Peers[0]
	if !slices.Equal(c.Addresses, []netip.Addr{addr("10.64.1.2"), addr("fc00:bbbb::3"), addr("10.64.1.9")}) || c.MTU != 1380 || c.PrivateKey.base64() != key1 ||
		!slices.Equal(c.DNS, []netip.Addr{addr("10.64.0.1")}) || len(c.Peers) != 1 || p.PublicKey.base64() != key2 || p.PresharedKey.base64() != key1 ||
		!slices.Equal(p.AllowedIPs, []netip.Prefix{prefix("0.0.0.0/0"), prefix("2000::/3"), prefix("10.9.0.0/24")}) || p.Endpoint != "[2001:db8::1]:51820" || p.Keepalive != 25*time.Second {
		t.Errorf("%+v", c)
	}
	notes := strings.Join(c.Notes, "\n")
	for _, want := range []string{"wg.conf:6: DNS: a search domain", "wg.conf:8: ListenPort: not used", "wg.conf:9: PostUp: a command for a shell, which is never run", "wg.conf:10: Table: not used", "wg.conf: DNS: a server that cannot be reached"} {
		if !strings.Contains(notes, want) {
			t.Errorf("no note %q in:\n%s", want, notes)
		}
	}
	if strings.Contains(notes, "iptables") || strings.Contains(notes, "example.net") {
		t.Errorf("notes hold what the file says:\n%s", notes)
	}
}

func TestParseFaults(t *testing.T) {
	good := "[Interface]\nPrivateKey = " + key1 + "\nAddress = 10.0.0.2/32\n[Peer]\nPublicKey = " + key2 + "\nEndpoint = 203.0.113.1:51820\nAllowedIPs = 0.0.0.0/0\n"
	if _, err := Parse([]byte(good), "wg.conf"); err != nil {
		t.Fatal(err)
	}
	peer := good[strings.Index(good, "[Peer]"):]
	for _, tt := range []struct{ old, new, want string }{
		{good, "", "wg.conf: PrivateKey: missing|wg.conf: Address: missing|wg.conf: [Peer]: missing"},
		{"[Interface]\n", "", "wg.conf:1: section: a line before [Interface]"},
		{key1, key1[:40] + "===", "wg.conf:2: PrivateKey: not a key"},
		{key1, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "wg.conf:2: PrivateKey: not a key"},
		{key1, key1[:42] + "p=", "wg.conf:2: PrivateKey: not a key"}, // bits beyond the last byte
		{"PrivateKey = " + key1, "PrivateKey =", "wg.conf:2: PrivateKey: empty|wg.conf: PrivateKey: missing"},
		{"PrivateKey", "PrivatKey", "wg.conf:2: [interface]: a key that wg-quick(8) does not know"},
		{"Address = 10.0.0.2/32", "Address 10.0.0.2/32", "wg.conf:3: line: no key and value"},
		{"Address = 10.0.0.2/32", "Address = 10.0.0.2/33", "wg.conf:3: Address: not an address"},
		{"Address = 10.0.0.2/32", "Address = 127.0.0.1", "wg.conf:3: Address: not an address"},
		{"Address = 10.0.0.2/32", "Address = ::ffff:10.0.0.2", "wg.conf:3: Address: not an address"},
		{"Address = 10.0.0.2/32", "Address = fe80::1%eth0", "wg.conf:3: Address: not an address"},
		{"Address = 10.0.0.2/32", "Address = fd00::2\nMTU = 1200", "wg.conf: MTU: less than IPv6 needs"},
		{"Address = 10.0.0.2/32", "Address = 10.0.0.2\nMTU = 100000", "wg.conf:4: MTU: not a number"},
		{"Address = 10.0.0.2/32", "Address = 10.0.0.2\nDNS = 127.0.0.1", "wg.conf:4: DNS: not a server's address"},
		{"Address = 10.0.0.2/32", "Address = 10.0.0.2\nDNS = fd00::1", "wg.conf: DNS: no server can be reached"},
		{"Address = 10.0.0.2/32", "Address = 10.0.0.2\nMTU = 1400\nMTU = 1400", "wg.conf:5: MTU: written twice"},
		{"[Peer]", "[Interface]", "wg.conf:4: [Interface]: a second one"},
		{"[Peer]", "[Peers]", "wg.conf:4: section: neither"},
		{"203.0.113.1:51820", "203.0.113.1", "wg.conf:6: Endpoint: not a host and a port"},
		{"203.0.113.1:51820", "203.0.113.1:0", "wg.conf:6: Endpoint: not a host and a port"},
		{"203.0.113.1:51820", "vpn.example.net/x:51820", "wg.conf:6: Endpoint: not a host and a port"},
		{"Endpoint = 203.0.113.1:51820\n", "", "wg.conf:4: Endpoint: missing from the [Peer]"},
		{"0.0.0.0/0", "all", "wg.conf:7: AllowedIPs: not an address"},
		{"AllowedIPs = 0.0.0.0/0", "AllowedIPs = 0.0.0.0/0\nPersistentKeepalive = 70000", "wg.conf:8: PersistentKeepalive: not a number"},
		{peer, peer + peer, "wg.conf:11: AllowedIPs: what another peer has too|wg.conf:8: PublicKey: two peers have the same"},
		{peer, strings.Repeat(peer, 17), "more than 16"},
		{"[Peer]", "#" + strings.Repeat("x", 64<<10) + "\n[Peer]", "wg.conf: file: longer than 64 KiB"},
	} {
		_, err := Parse([]byte(strings.Replace(good, tt.old, tt.new, 1)), "wg.conf")
		var fault *Fault
		if !errors.As(err, &fault) || fault.Remedy == "" || fault.Key == "" {
			t.Errorf("%q: %v", tt.want, err)
			continue
		}
		for _, want := range strings.Split(tt.want, "|") {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("no %q in:\n%v", want, err)
			}
		}
		if strings.Contains(err.Error(), key1[:20]) {
			t.Errorf("a key is shown: %v", err)
		}
	}
}

func TestKeysAreNotShown(t *testing.T) {
	c := parsed(t, provider[len("\ufeff"):])
	j, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{fmt.Sprintf("%v %+v %#v %s %x %d", c.PrivateKey, *c, c.Peers[0].PresharedKey, c.PrivateKey, c.PrivateKey, c.PrivateKey), string(j)} {
		if strings.Contains(s, "QKHj") || strings.Contains(s, "40a1e3") || strings.Contains(s, "[64 161") || strings.Contains(s, "0x40, 0xa1") || strings.Contains(s, "[64,161") {
			t.Error(s)
		}
	}
}

// Whatever a file holds, what Parse lets pass is what the library takes.
func FuzzParse(f *testing.F) {
	f.Add(provider)
	f.Add("[Interface]\nPrivateKey = " + key1 + "\nAddress = 10.0.0.2/32\n[Peer]\nPublicKey = " + key2 + "\nEndpoint = a:1\nAllowedIPs = ::/0\n")
	f.Add("[Peer]\n[Peer]\n[Interface]\n=\nAddress=,\n")
	f.Fuzz(func(t *testing.T, file string) {
		c, err := Parse([]byte(file), "wg.conf")
		if err != nil {
			var fault *Fault
			if !errors.As(err, &fault) {
				t.Error(err)
			}
			return
		}
		if c.MTU < 576 || len(c.Addresses) == 0 || len(c.Peers) == 0 || c.PrivateKey == (Key{}) {
			t.Errorf("%+v", c)
		}
		for _, p := range c.Peers {
			if p.Endpoint == "" || len(p.AllowedIPs) == 0 || p.PublicKey == (Key{}) {
				t.Errorf("%+v", p)
			}
		}
		for _, line := range strings.Split(settings(c), "\n") {
			if key, value, ok := strings.Cut(line, "="); line != "" && (!ok || key == "" || strings.ContainsAny(value, " \t\r=")) {
				t.Errorf("a line of settings: %q", line)
			}
		}
	})
}
