package config

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// valid is a whole configuration; the tests add to it or replace a line.
const valid = `domain = "example.org"
username = "alice"
data = "./data"
[listen]
address = "127.0.0.1:8080"
[[relay]]
name = "plain"
kind = "direct"
[egress]
relays = ["plain"]
`

// with is valid with one line replaced.
func with(line int, text string) string {
	lines := strings.Split(valid, "\n")
	lines[line-1] = text
	return strings.Join(lines, "\n")
}

// sshRelay is a relay of kind ssh, on lines 8 to 12 of a file.
const sshRelay = "kind = \"ssh\"\naddress = \"192.0.2.1:22\"\nuser = \"dunnock\"\nidentity_file = \"relay_ed25519\"\n" +
	"host_key = \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJjl0CEBHKbXfCtWOxDjVE4Kgu3F2t9iuG5ruFC2CMCH a comment\""

// torRelay is a further relay, of kind tor, on five lines.
const torRelay = "[[relay]]\nname = \"tor\"\nkind = \"tor\"\nsocks = \"127.0.0.1:9050\"\ncontrol = \"127.0.0.1:9051\"\n"

// threads is a rule for some domains, on five lines.
const threads = "[[policy.domain]]\nmatch = [\"threads.net\", \"*.threads.net\"]\npreset = \"strict\"\nacts = [\"Create\", \"Delete\"]\n" +
	"fields.person = [\"id\", \"type\", \"preferredUsername\", \"inbox\", \"outbox\", \"followers\", \"publicKey\", \"endpoints\", \"url\"]\n"

func TestFaults(t *testing.T) {
	for _, test := range []struct {
		name, file string
		want       []string // "line key: word of the problem or remedy"
	}{
		{"nothing wrong", valid, nil},
		{"empty", "", []string{"1 domain: missing", "1 username: missing", "1 data: missing"}},
		{"all at once", "domain = 5\nusername = \"Al ice\"\ndata = \"\"\n[listen]\nport = 1\n[egress]\nrelays = []\n",
			[]string{"1 domain: text in quotes", "2 username: a-z, 0-9 and _", "3 data: missing", "5 listen.port: no such key", "7 egress.relays: no relay"}},
		{"not TOML", with(3, "data = \"./data"), []string{"3 : not TOML"}},
		{"not UTF-8", with(3, "data = \"\xff\""), []string{"3 : not TOML"}},

		{"wrong kinds", "domain = true\nusername = [\"a\"]\nlisten = 4\nrelay = \"x\"\ndata = \"d\"\n[egress]\nrelays = [\n\"plain\",\n4]\n[unsafe]\nhttp = \"true\"\n",
			[]string{"1 domain: text in quotes", "2 username: text in quotes", "3 listen: [listen] on a line", "4 relay: [[relay]]", "9 egress.relays: list of texts", "11 unsafe.http: true or"}},
		{"a value with a value below", with(5, "address.x = 1"), []string{"5 listen.address.x: address = "}},
		{"one table for a list", with(6, "[relay]"), []string{"6 relay: [[relay]]"}},
		{"a list for one table", with(4, "[[listen]]"), []string{"4 listen: [listen]"}},
		{"twice", with(3, "data = \"a\"\ndata = \"b\""), []string{"4 data: twice"}},
		{"a table twice", valid + "[listen]\naddress = \"\"", []string{"11 listen: twice"}},
		{"capitals", with(1, "Domain = \"example.org\""), []string{"1 Domain: lower case"}},

		{"retention", valid + "[retention]\nposts = \"1w\"\nledger = \"3650d\"\n", nil},
		{"no retention", valid + "[retention]\nposts = \"23h\"\nnotifications = \"\"\nledger = \"3651d\"\n",
			[]string{"12 retention.posts: from one day", "13 retention.notifications: missing", "14 retention.ledger: 30d"}},
		{"retention in numbers", valid + "[retention]\nposts = 30\n", []string{"12 retention.posts: text in quotes"}},

		{"policy", valid + "[policy]\ndefault = \"open\"\nunsigned = \"stub\"\n" + threads, nil},
		{"no policy", valid + "[policy]\ndefault = \"stub\"\nunsigned = \"\"\nlikes = true\n[policy.domain]\nmatch = [\"a.example\"]\n",
			[]string{"12 policy.default: open, careful, strict, silent", "13 policy.unsigned: missing", "14 policy.likes: default, unsigned, [[policy.domain]]", "15 policy.domain: [[policy.domain]]"}},
		{"no domains", valid + "[[policy.domain]]\npreset = \"open\"\n[[policy.domain]]\nmatch = [\"a b\", \"A.example\", \"a.example\"]\npreset = \"loud\"\n[[policy.domain]]\nmatch = [\"a.example\"]\n",
			[]string{"11 policy.domain: for no domain", "14 policy.domain.match: no domain", "14 policy.domain.match: already", "15 policy.domain.preset: no preset", "16 policy.domain.preset: missing", "17 policy.domain.match: already"}},
		{"no acts", valid + "[[policy.domain]]\nmatch = [\"a.example\"]\npreset = \"open\"\nacts = [\"create\"]\nwithhold = \"here\"\n",
			[]string{"14 policy.domain.acts: Accept, Add", "15 policy.domain.withhold: everywhere"}},
		{"silent with acts", valid + "[[policy.domain]]\nmatch = [\"a.example\"]\npreset = \"silent\"\nacts = [\"Create\"]\nfields.note = [\"id\"]\n",
			[]string{"14 policy.domain.acts: silent tells", "15 policy.domain.fields: silent tells"}},
		{"below the floor", valid + strings.Replace(threads, "\"outbox\", ", "", 1), []string{"15 policy.domain.fields.person: Lemmy rejects"}},
		{"no such field", valid + strings.Replace(threads, "\"outbox\", ", "\"outbox\", \"mood\", \"name:hour\", ", 1) + "fields.mood = []\nfields.Person = []\n",
			[]string{"15 policy.domain.fields.person: no field \"mood\"", "15 policy.domain.fields.person: \"hour\"", "16 policy.domain.fields.mood: Accept, Add", "17 policy.domain.fields.Person: twice"}},

		{"unknown key", with(3, "data = \"d\"\ndatabase = \"d\""), []string{"4 database: domain, host, username, data, [listen], [[ingress]], [owner], [[relay]], [egress], [policy], [retention], [unsafe]"}},
		{"unknown key of a table", with(5, "adress = \"x\""), []string{"5 listen.adress: [listen] may have: address"}},
		{"unknown key inline", "relay = [{name = \"plain\", kind = \"direct\", host = \"x\"}]\n" + valid[:strings.Index(valid, "[[relay]]")], []string{"1 relay.host: [[relay]] may have: name, kind"}},
		{"unknown table", valid + "[polity]\nlikes = false\n[polity.x]\na = 1\n", []string{"11 polity: no such key"}},
		{"tables of other versions", valid + "[timing]\n[ingress]\nkind = \"x\"\n[owner]\naddress = \"x\"\n",
			[]string{"11 timing: no such", "12 ingress: [[ingress]]", "15 owner.address: neither an IP"}},
		{"a table in a text", valid + "[[domain]]\nname = \"example.com\"\n", []string{"11 domain: [[policy.domain]]"}},

		{"domain missing", with(1, ""), []string{"1 domain: missing"}},
		{"domain with a scheme", with(1, `domain = "https://example.org"`), []string{"1 domain: not a domain"}},
		{"domain with a user", with(1, `domain = "alice@example.org"`), []string{"1 domain: not a domain"}},
		{"domain with a port", with(1, `domain = "example.org:8443"`), []string{"1 domain: a port is for trials"}},
		{"domain with the usual port", with(1, `domain = "example.org:443"`), []string{"1 domain: a port is for trials"}},
		{"domain is an address", with(1, `domain = "192.0.2.1"`), []string{"1 domain: an address"}},
		{"domain is an address of six", with(1, `domain = "[2001:db8::1]"`), []string{"1 domain: an address"}},
		{"host with a port", with(2, "username = \"alice\"\nhost = \"social.example.org:8080\""), []string{"3 host: a port"}},
		{"host empty", with(2, "username = \"alice\"\nhost = \"\""), []string{"3 host: missing"}},
		{"username in capitals", with(2, `username = "Alice"`), []string{"2 username: not a"}},
		{"username with a dot", with(2, `username = "a.b"`), []string{"2 username: not a"}},
		{"username too long", with(2, `username = "`+strings.Repeat("a", 31)+`"`), []string{"2 username: 1 to 30"}},
		{"data at home", with(3, `data = "~/dunnock"`), []string{"3 data: ~"}},
		{"data with NUL", with(3, `data = "a\u0000b"`), []string{"3 data: NUL"}},

		{"address empty", with(5, `address = ""`), []string{"5 listen.address: missing"}},
		{"address without a port", with(5, `address = "127.0.0.1"`), []string{"5 listen.address: neither"}},
		{"address of any port", with(5, `address = "127.0.0.1:0"`), []string{"5 listen.address: 1 to 65535"}},
		{"address with a named port", with(5, `address = "127.0.0.1:http"`), []string{"5 listen.address: 1 to 65535"}},
		{"address of nobody", with(5, `address = ":8080"`), []string{"5 listen.address: neither"}},
		{"address by name", with(5, `address = "example.org:8080"`), []string{"5 listen.address: neither"}},
		{"socket without a path", with(5, `address = "unix:"`), []string{"5 listen.address: no path"}},

		{"relay without a name", with(7, ""), []string{"6 relay.name: missing", `10 egress.relays: called "plain"`}},
		{"relay with a bad name", with(7, `name = "My relay"`), []string{"7 relay.name: a-z", "10 egress.relays: no [[relay]]"}},
		{"relay of no kind", with(8, ""), []string{"6 relay.kind: missing"}},
		{"relay of an unknown kind", with(8, `kind = "Tor"`), []string{`8 relay.kind: "Tor"`}},
		{"two relays of one name", with(8, "kind = \"direct\"\n[[relay]]\nname = \"plain\"\nkind = \"direct\""), []string{"10 relay.name: second"}},
		{"the second relay", with(8, "kind = \"direct\"\n[[relay]]\nname = \"other\"\nkind = \"socks5\""), []string{"9 relay.address: missing"}},
		{"socks5", with(8, "kind = \"socks5\"\naddress = \"192.0.2.1:1080\"\nuser = \"a\"\npassword_file = \"p\""), nil},
		{"socks5 as it must not be", with(8, "kind = \"socks5\"\naddress = \"192.0.2.1\"\nuser = \"\"\nsocks = \"127.0.0.1:9050\"\ntls = false"),
			[]string{"9 relay.address: a host and a port", "10 relay.user: missing", "11 relay.socks: socks5 has no such key", "12 relay.tls: socks5 has no such key"}},
		{"keys of a direct relay", with(8, "kind = \"direct\"\naddress = \"192.0.2.1:22\""), []string{"9 relay.address: may have: name, kind"}},
		{"a password without a user", with(8, "kind = \"socks5\"\naddress = \"192.0.2.1:1080\"\npassword_file = \"p\""), []string{"6 relay: without a user"}},
		{"tor", with(8, "kind = \"tor\"\nsocks = \"127.0.0.1:9050\"\ncontrol = \"unix:tor.sock\""), nil},
		{"tor at no port", with(8, "kind = \"tor\"\nsocks = \"unix:/x\"\ncontrol = \"unix:\"\nvia = \"plain\""),
			[]string{"9 relay.socks: a host and a port", "10 relay.control: no path", "11 relay.via: tor has no such key", "11 relay.via: comes back"}},
		{"ssh", with(8, sshRelay), nil},
		{"ssh of one's own", with(8, sshRelay+"\nresolve = \"relay\""), nil},
		{"ssh without what proves anything", with(8, "kind = \"ssh\"\naddress = \"192.0.2.1:22\""),
			[]string{"6 relay.user: missing", "6 relay.identity_file: missing", "6 relay.host_key: missing"}},
		{"ssh with a bad host key", with(8, strings.Replace(sshRelay, "ssh-ed25519 ", "", 1)+"\nresolve = \"far\"\npassword_file = \"p\""),
			[]string{"12 relay.host_key: not a public key", "13 relay.resolve: \"far\"", "14 relay.password_file: ssh has no such key"}},
		{"ssh with the key of a certificate authority", with(8, strings.Replace(sshRelay, "\"ssh-ed25519 ", "\"cert-authority ssh-ed25519 ", 1)), []string{"12 relay.host_key: not a public key"}},
		{"wireguard", with(8, "kind = \"wireguard\"\nconfig_file = \"wg.conf\""), nil},
		{"wireguard without a file", with(8, "kind = \"wireguard\""), []string{"6 relay.config_file: missing"}},
		{"wireguard through another relay", with(8, "kind = \"wireguard\"\nconfig_file = \"wg.conf\"\nvia = \"b\"\n[[relay]]\nname = \"b\"\nkind = \"socks5\"\naddress = \"192.0.2.1:1080\""),
			[]string{"10 relay.via: wireguard has no such key"}},
		{"a way in", with(5, "[[ingress]]\nkind = \"relay\"\nrelay = \"plain\""), []string{"7 ingress.relay: nobody can come in by a relay of kind direct"}},
		{"a way in by ssh", with(8, sshRelay+"\n[[ingress]]\nkind = \"relay\"\nrelay = \"plain\""), nil},
		{"ways in that are none", with(8, sshRelay+"\n[[ingress]]\nkind = \"relay\"\nrelay = \"x\"\nport = 0\nacme = \"http://ca.example\"\n[[ingress]]\nkind = \"relay\"\nrelay = \"plain\"\nacme = \"https://ca.example/\"\nport = \"https\""),
			[]string{"15 ingress.relay: called \"x\"", "16 ingress.port: 1 to 65535", "17 ingress.acme: https", "21 ingress.acme: another", "22 ingress.port: wrong kind"}},
		{"two ways in at one port", with(8, sshRelay+"\n[[ingress]]\nkind = \"relay\"\nrelay = \"plain\"\n[[ingress]]\nkind = \"relay\"\nrelay = \"plain\"\nport = 443"), []string{"16 ingress: a second way"}},
		{"a way in of no kind", with(8, sshRelay+"\n[[ingress]]\nkind = \"garden\""), []string{"14 ingress.kind: kind = \"onion\""}},
		{"an onion service", valid + torRelay + "[[ingress]]\nkind = \"onion\"\nrelay = \"tor\"\n[[ingress]]\nkind = \"onion\"\nrelay = \"tor\"", []string{"19 ingress: a second way"}},
		{"an onion service of nobody's", valid + "[[ingress]]\nkind = \"onion\"\nrelay = \"plain\"\naddress = \"192.0.2.1:80\"\nport = 80\nprobe = \"plain\"",
			[]string{"13 ingress.relay: name one of kind tor", "14 ingress.address: loopback", "15 ingress.port: what it may have: kind, relay, address", "16 ingress.probe: no such key"}},
		{"an onion service without a control port", valid + "[[relay]]\nname = \"tor\"\nkind = \"tor\"\nsocks = \"127.0.0.1:9050\"\n[[ingress]]\nkind = \"onion\"\nrelay = \"tor\"",
			[]string{"17 ingress.relay: control = \"127.0.0.1:9051\""}},
		{"looked at from outside", with(8, sshRelay+"\n"+torRelay+"[[ingress]]\nkind = \"relay\"\nrelay = \"plain\"\nprobe = \"tor\""), nil},
		{"looked at by itself", with(8, sshRelay+"\n[[ingress]]\nkind = \"relay\"\nrelay = \"plain\"\nprobe = \"plain\""), []string{"16 ingress.probe: name another relay"}},
		{"looked at by nobody", with(5, "address = \"127.0.0.1:1\"\nprobe = \"x\""), []string{"6 listen.probe: no relay called"}},
		{"looked at directly", with(5, "address = \"127.0.0.1:1\"\nprobe = \"plain\""), []string{"6 listen.probe: shows this machine's address"}},
		{"trusted proxies", with(5, "address = \"unix:x\"\ntrusted_proxies = [\"unix\", \"192.0.2.1\", \"fd00::/8\"]"), nil},
		{"a socket that is none", with(5, "address = \"127.0.0.1:1\"\ntrusted_proxies = [\"unix\"]"), []string{"6 listen.trusted_proxies: no unix: socket"}},
		{"everybody as a trusted proxy", with(5, "address = \"127.0.0.1:1\"\ntrusted_proxies = [\"0.0.0.0/0\"]"), []string{"6 listen.trusted_proxies: everybody"}},
		{"a name as a trusted proxy", with(5, "address = \"127.0.0.1:1\"\ntrusted_proxies = [\"proxy.example\"]"), []string{"6 listen.trusted_proxies: neither an address"}},
		{"trusted proxies of nothing", strings.Replace(with(8, sshRelay+"\n[[ingress]]\nkind = \"relay\"\nrelay = \"plain\""), "address = \"127.0.0.1:8080\"", "trusted_proxies = [\"10.0.0.1\"]", 1), []string{"5 listen.trusted_proxies: or remove [listen]"}},
		{"the owner's own", valid + torRelay + "[owner]\naddress = \"127.0.0.1:8090\"\nhosts = [\"dunnock.lan\", \"192.168.1.2\", \"[fd00::1]\"]\nonion = \"tor\"\npublic = true", nil},
		{"nothing of the owner's", valid + "[owner]\nhosts = [\"a/b\", \"\", \"a_b\\\\c\"]\nonion = \"plain\"",
			[]string{"11 owner.address: missing", "11 owner.address: loopback", "12 owner.hosts: \"a/b\"", "12 owner.hosts: \"\"", "12 owner.hosts: \"a_b", "13 owner.onion: name one of kind tor"}},
		{"the owner where everybody is", valid + "[owner]\naddress = \"127.0.0.1:8080\"", []string{"12 owner.address: another port"}},
		{"a chain that loops", with(8, "kind = \"socks5\"\naddress = \"192.0.2.1:1080\"\nvia = \"b\"\n[[relay]]\nname = \"b\"\nkind = \"http\"\naddress = \"b.example:3128\"\nvia = \"plain\""),
			[]string{"10 relay.via: back to plain", "14 relay.address: write the relay's address", "15 relay.via: back to b"}},
		{"a chain into a loop", with(8, "kind = \"socks5\"\naddress = \"192.0.2.1:1080\"\nvia = \"b\"\n[[relay]]\nname = \"b\"\nkind = \"http\"\naddress = \"192.0.2.2:3128\"\nvia = \"b\""),
			[]string{"15 relay.via: back to b"}},
		{"a chain to nowhere", with(8, "kind = \"socks5\"\naddress = \"192.0.2.1:1080\"\nvia = \"b\""), []string{"10 relay.via: name one of: plain"}},
		{"a chain behind a direct one", valid + "[[relay]]\nname = \"b\"\nkind = \"socks5\"\naddress = \"192.0.2.1:1080\"\nvia = \"plain\"", []string{"15 relay.via: leads nowhere"}},
		{"routes", valid + "[egress.route]\n\"*.onion\" = [\"plain\"]\n\"big.example\" = [\"plain\"]\n", nil},
		{"bad routes", valid + "[egress.route]\n\"*.Onion\" = [\"plain\"]\n\"a b\" = [\"plain\"]\n\"*\" = [\"plain\"]\n\"c.example\" = []\n\"d.example\" = [\"tor\"]\n\"e.example\" = \"plain\"\n",
			[]string{"12 egress.route.*.Onion: no domain", "13 egress.route.a b: no domain", "14 egress.route.*: no domain", "15 egress.route.c.example: no relay", "16 egress.route.d.example: tor", "17 egress.route.e.example: list of texts"}},
		{"a resolver", valid + "resolver = \"https://192.0.2.53/dns-query\"\n", nil},
		{"a resolver by name", valid + "resolver = \"https://dns.example/dns-query\"\n", []string{"11 egress.resolver: by itself"}},
		{"a resolver in clear", valid + "resolver = \"192.0.2.53\"\n", []string{"11 egress.resolver: https URL"}},
		{"an echo", valid + "echo = \"https://echo.example/ip\"\n", nil},
		{"an echo in clear", valid + "echo = \"http://echo.example/ip\"\n", []string{"11 egress.echo: not https"}},
		{"an echo that is none", valid + "echo = \"echo.example\"\n", []string{"11 egress.echo: https URL"}},
		{"empty pool", with(10, "relays = []"), []string{"10 egress.relays: no relay"}},
		{"no pool", with(10, ""), []string{"9 egress.relays: no relay"}},
		{"unknown relays", with(10, `relays = ["plain", "home", "away"]`), []string{"10 egress.relays: home", "10 egress.relays: away"}},
		{"a relay twice", with(10, `relays = ["plain", "plain"]`), []string{"10 egress.relays: twice"}},

		{"unsafe with a public domain", valid + "[unsafe]\nhttp = true", []string{"11 unsafe: public domain (example.org)"}},
		{"unsafe with a public host", with(1, "domain = \"alice.test\"\nhost = \"example.org:80\"") + "[unsafe]\n", []string{"12 unsafe: (example.org:80)"}},
		{"unsafe with a public address", with(1, `domain = "192.0.2.1:8080"`) + "[unsafe]\n", []string{"11 unsafe: public"}},
		{"unsafe and nothing in it", valid + "[unsafe]\n", []string{"11 unsafe: public"}},
		{"unsafe public network", with(1, `domain = "localhost"`) + "[unsafe]\naddresses = [\"0.0.0.0/0\", \"127.0.0.0/7\", \"192.0.2.0/24\", \"::/0\"]",
			[]string{"12 unsafe.addresses: 0.0.0.0/0", "12 unsafe.addresses: 127.0.0.0/7", "12 unsafe.addresses: 192.0.2.0/24", "12 unsafe.addresses: ::/0"}},
		{"unsafe bare address", with(1, `domain = "localhost"`) + "[unsafe]\naddresses = [\"127.0.0.1\"]", []string{"12 unsafe.addresses: a length"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, faults := Parse([]byte(test.file), "dunnock.toml")
			if len(faults) != len(test.want) {
				t.Errorf("%d faults, want %d", len(faults), len(test.want))
			}
			for i, f := range faults {
				if i >= len(test.want) {
					break
				}
				where, word, _ := strings.Cut(test.want[i], ": ")
				if got := fmt.Sprint(f.Line, " ", f.Key); got != where {
					t.Errorf("fault %d is at %q, want %q", i, got, where)
				}
				if !strings.Contains(f.Problem+"\n"+f.Remedy, word) {
					t.Errorf("fault %d does not say %q", i, word)
				}
			}
			if t.Failed() {
				t.Log("\n" + faults.Error())
			}
		})
	}
}

// TestHostileFile holds the work for a file that is wrong in every line: seconds here would be hours unbounded.
func TestHostileFile(t *testing.T) {
	for _, line := range []string{"a%d = 1\n", "[a%d]\n", "[relay.a%d]\n", "listen.a%d = 1\n", "domain.a%d = 1\n"} {
		var b strings.Builder
		for i := 0; b.Len() < MaxSize/4; i++ {
			fmt.Fprintf(&b, line, i)
		}
		if _, faults := Parse([]byte(b.String()), "dunnock.toml"); len(faults) == 0 || len(faults) > maxFaults+20 {
			t.Errorf("%s: %d faults", line, len(faults))
		}
	}
	if _, faults := Parse(make([]byte, MaxSize+1), "dunnock.toml"); len(faults) != 1 {
		t.Errorf("a huge file: %v", faults)
	}
	deep := "domain = " + strings.Repeat("[", 30_000)
	if _, faults := Parse([]byte(deep), "dunnock.toml"); len(faults) != 1 {
		t.Errorf("a deep file: %v", faults)
	}
}

func TestParse(t *testing.T) {
	c, faults := Parse([]byte(with(1, `domain = "Example.ORG."`)), "/etc/dunnock/dunnock.toml")
	if faults != nil {
		t.Fatal(faults)
	}
	want := &Config{Domain: "example.org", Host: "example.org", Username: "alice", Data: "/etc/dunnock/data",
		Listen: Listen{Address: "127.0.0.1:8080"}, Relays: []Relay{{Name: "plain", Kind: "direct"}}, Egress: &Egress{Relays: []string{"plain"}, Resolver: DefaultResolver, Echo: DefaultEcho}, Policy: Policy{Default: DefaultPolicy, Unsigned: DefaultUnsigned},
		File: "/etc/dunnock/dunnock.toml", Warnings: c.Warnings} // of the relay's kind
	if !reflect.DeepEqual(c, want) {
		t.Errorf("%+v, want %+v", c, want)
	}

	c, faults = Parse([]byte("domain = \"127.0.0.1:8080\"\nusername = \"alice\"\ndata = \"/srv/dunnock\"\n[listen]\naddress = \"unix:run/s\"\n"+
		"[unsafe]\nhttp = true\naddresses = [\"127.0.0.1/8\"]\n"), "etc/dunnock.toml")
	if faults != nil {
		t.Fatal(faults)
	}
	if c.Egress != nil || c.Relays != nil {
		t.Error("a way out that nobody wrote down")
	}
	if c.Domain != "127.0.0.1:8080" || c.Data != "/srv/dunnock" || c.Listen.Address != "unix:etc/run/s" {
		t.Errorf("domain %q, data %q, address %q", c.Domain, c.Data, c.Listen.Address)
	}
	if !c.Unsafe.HTTP || !slices.Equal(c.Unsafe.Addresses, []string{"127.0.0.0/8"}) {
		t.Errorf("unsafe %+v", c.Unsafe)
	}

	c, faults = Parse([]byte("domain = \"example.org\"\nusername = \"alice\"\ndata = \"d\"\n"), "dunnock.toml")
	if faults != nil {
		t.Fatal(faults)
	}
	if c.Listen.Address != DefaultListen {
		t.Errorf("without [listen], listening on %q", c.Listen.Address)
	}
}

func TestWarnings(t *testing.T) {
	for _, test := range []struct {
		file string
		want []string // "line key"
	}{
		{with(8, "kind = \"tor\"\nsocks = \"127.0.0.1:9050\""), nil},
		{with(8, "kind = \"tor\"\nsocks = \"192.0.2.1:9050\""), []string{"9 relay.socks"}},
		{with(8, "kind = \"socks5\"\naddress = \"192.0.2.1:1080\""), []string{"9 relay.address"}},
		{with(8, "kind = \"http\"\naddress = \"proxy.example.net:3128\""), []string{"9 relay.address"}},
		{with(8, "kind = \"http\"\naddress = \"proxy.example.net:3128\"\ntls = true"), nil},
		{with(8, "kind = \"socks5\"\naddress = \"127.0.0.1:1080\""), nil},
		{with(8, "kind = \"socks5\"\naddress = \"192.0.2.1:1080\"\nvia = \"t\"\n[[relay]]\nname = \"t\"\nkind = \"tor\"\nsocks = \"localhost:9050\""), nil},
		{valid, []string{"8 relay.kind"}},
		{with(5, `address = "localhost:8080"`), []string{"8 relay.kind"}},
		{with(5, `address = "[::1]:8080"`), []string{"8 relay.kind"}},
		{with(5, `address = "0.0.0.0:8080"`), []string{"5 listen.address", "8 relay.kind"}},
		{with(5, `address = "[::]:8080"`), []string{"5 listen.address", "8 relay.kind"}},
		{with(1, `domain = "alice.test"`) + "[unsafe]\nhttp = true\n", []string{"11 unsafe"}},
	} {
		c, faults := Parse([]byte(test.file), "dunnock.toml")
		if faults != nil {
			t.Errorf("%s\n%v", test.file, faults)
			continue
		}
		var got []string
		for _, w := range c.Warnings {
			got = append(got, fmt.Sprint(w.Line, " ", w.Key))
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("warnings at %q, want %q\n%s", got, test.want, test.file)
		}
	}
}

func TestLoadMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dunnock.toml")
	if err := os.WriteFile(path, []byte(valid), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		mode             os.FileMode
		warnings, faults int
	}{{0o600, 1, 0}, {0o640, 1, 0}, {0o644, 2, 0}, {0o620, 0, 1}, {0o646, 0, 1}} {
		if err := os.Chmod(path, test.mode); err != nil {
			t.Fatal(err)
		}
		c, err := Load(path)
		faults, _ := err.(Faults)
		if len(faults) != test.faults || (c == nil) != (test.faults > 0) {
			t.Errorf("%#o: %v", test.mode, err)
		}
		if c != nil && len(c.Warnings) != test.warnings {
			t.Errorf("%#o: %d warnings, want %d", test.mode, len(c.Warnings), test.warnings)
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none.toml")); err == nil {
		t.Error("a file that is not there was loaded")
	}
}

func TestFind(t *testing.T) {
	t.Chdir(t.TempDir())
	check := func(flag, want string, wantTrial bool) {
		t.Helper()
		if path, trial, err := Find(flag); path != want || trial != wantTrial || err != nil {
			t.Errorf("Find(%q) = %q, %v, %v; want %q, %v", flag, path, trial, err, want, wantTrial)
		}
	}
	t.Setenv(Variable, "")
	check("", "dunnock-data/dunnock.toml", true)
	if err := os.WriteFile(FileName, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	check("", "dunnock.toml", false)
	t.Setenv(Variable, "/nowhere/x.toml")
	check("", "/nowhere/x.toml", false)
	check("y.toml", "y.toml", false)
}
