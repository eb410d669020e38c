package config

import (
	"reflect"
	"strings"
	"testing"
)

func TestAnnotated(t *testing.T) {
	for _, c := range []Config{
		{Domain: "example.org", Username: "alice", Data: "./data", Listen: Listen{Address: DefaultListen, TrustedProxies: []string{"127.0.0.1", "10.0.0.0/8"}, Probe: "tor"}, Owner: &Owner{Address: "127.0.0.1:8090", Hosts: []string{"dunnock.lan", "192.0.2.9"}, Onion: "tor", Public: true},
			Relays: []Relay{{Name: "tor", Kind: "tor", Socks: "127.0.0.1:9050", Control: "127.0.0.1:9051"}}, Egress: &Egress{Relays: []string{"tor"}}},
		{Domain: "example.org", Host: "social.example.org", Username: "alice", Data: `/srv/a "b"\c` + "\t\u007f\u2028é",
			Listen: Listen{Address: "unix:/run/dunnock.sock", TrustedProxies: []string{"unix"}}, Relays: []Relay{{Name: "plain", Kind: "direct"},
				{Name: "vps", Kind: "socks5", Address: "192.0.2.2:22", Via: "web"},
				{Name: "tor", Kind: "tor", Socks: "127.0.0.1:9050", Control: "unix:/run/tor.sock"},
				{Name: "rented", Kind: "ssh", Address: "192.0.2.3:22", User: "d", IdentityFile: "/key", HostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJjl0CEBHKbXfCtWOxDjVE4Kgu3F2t9iuG5ruFC2CMCH", Resolve: "relay"},
				{Name: "vpn", Kind: "wireguard", ConfigFile: "/wg.conf"},
				{Name: "web", Kind: "http", Address: "192.0.2.1:3128", User: "a", PasswordFile: "/p", TLS: true}},
			Egress: &Egress{Relays: []string{"plain", "vps"}, Route: map[string][]string{"*.onion": {"tor"}, "big.example": {"vps", "web"}}, Resolver: "https://192.0.2.53/dns-query", Echo: "https://echo.example/"}, Policy: Policy{Default: "strict", Unsigned: "silent", Domains: []Domain{
				{Match: []string{"threads.net", "*.threads.net"}, Preset: "strict", Acts: []string{"Create"}, Withhold: "everywhere", Fields: map[string][]string{"hashtag": {"type", "name"}}},
				{Include: "/blocks.csv", Preset: "silent"}}}, Retention: Retention{"2w", "60d", "1d12h"}},
		{Domain: "example.org", Username: "alice", Data: "./data", Ingress: []Ingress{{Kind: "relay", Relay: "rented", Port: 8443, ACME: "https://ca.example/dir", Probe: "tor"}, {Kind: "onion", Relay: "tor", Address: "unix:/run/onion.sock"}},
			Relays: []Relay{{Name: "tor", Kind: "tor", Socks: "127.0.0.1:9050", Control: "127.0.0.1:9051"}, {Name: "rented", Kind: "ssh", Address: "192.0.2.3:22", User: "d", IdentityFile: "/key", HostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJjl0CEBHKbXfCtWOxDjVE4Kgu3F2t9iuG5ruFC2CMCH"}},
			Egress: &Egress{Relays: []string{"rented"}}},
		{Domain: "127.0.0.1:8080", Username: "owner", Data: ".", Listen: Listen{Address: DefaultListen},
			Relays: []Relay{{Name: "plain", Kind: "direct"}}, Egress: &Egress{Relays: []string{"plain"}}, Unsafe: &Unsafe{true, []string{"127.0.0.0/8"}}},
	} {
		text := Annotated(c)
		var got Config
		doc, faults := decode(text, "dunnock.toml", &got)
		if faults != nil {
			t.Errorf("%v\n%s", faults, text)
			continue
		}
		if !reflect.DeepEqual(got, c) {
			t.Errorf("%+v\nwant\n%+v\n%s", got, c, text)
		}
		if _, faults := Parse(text, "dunnock.toml"); faults != nil {
			t.Errorf("%v\n%s", faults, text)
		}
		for _, k := range doc.keys {
			if k.header == "" && k.path == "" {
				t.Error("a key without a name")
			}
		}
		for line := range strings.Lines(string(text)) {
			if len(line) > 121 {
				t.Errorf("a line of %d bytes: %s", len(line), line)
			}
		}
	}
}

// FuzzLoad holds Parse to its promise: a configuration or faults, never both, each with its place and its remedy.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(valid))
	f.Add(Annotated(Config{Domain: "localhost", Unsafe: &Unsafe{true, []string{"127.0.0.0/8"}}, Egress: &Egress{Relays: []string{"x"}}}))
	f.Add([]byte("domain = 1\n[listen]\naddress.x = [{}]\n[[relay]]\nname = {a=1}\nrelay.x = 2\n"))
	f.Add([]byte("a.b.c = 1\n[relay]\n[egress.relays]\n\"\" = \"\"\n'a.b' = \"\"\"\n\n\"\"\"\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, faults := Parse(data, "dunnock.toml")
		if (c == nil) == (len(faults) == 0) {
			t.Fatalf("configuration %v with faults %v", c, faults)
		}
		for _, fault := range faults {
			if fault.Line < 1 || fault.Line > strings.Count(string(data), "\n")+1 || fault.Problem == "" || fault.Remedy == "" {
				t.Fatalf("a fault without a place or a remedy: %+v", fault)
			}
		}
		if c == nil {
			return
		}
		again, faults := Parse(Annotated(*c), "dunnock.toml")
		if faults != nil {
			t.Fatalf("what was loaded cannot be written: %v", faults)
		}
		again.Warnings, c.Warnings = nil, nil
		if len(c.Relays) == 0 {
			c.Relays = nil
		}
		if c.Unsafe != nil && len(c.Unsafe.Addresses) == 0 {
			c.Unsafe.Addresses, again.Unsafe.Addresses = nil, nil
		}
		if !reflect.DeepEqual(again, c) {
			t.Fatalf("%+v became %+v", c, again)
		}
	})
}
