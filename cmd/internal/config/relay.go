package config

import (
	"fmt"
	"maps"
	"net"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/egress/sshlink"
	"github.com/dunnock-server/dunnock/hardening/egress/wireguard"
	"github.com/dunnock-server/dunnock/hardening/hostname"
)

// The kinds of relay.
const (
	// KindDirect dials from the machine the node runs on. Every server it reaches learns its address.
	KindDirect    = "direct"
	KindSSH       = sshlink.Kind   // sshd on a rented machine, or `dunnock relay serve`
	KindSocks     = "socks5"       // RFC 1928, RFC 1929
	KindHTTP      = "http"         // CONNECT, RFC 9110 section 9.3.6
	KindTor       = "tor"          // a tor daemon's SOCKS port
	KindWireGuard = wireguard.Kind // in user space, from the .conf file that providers hand out
)

// DefaultResolver is asked for names through relays that look up none by themselves. It learns the names of the servers that
// the node reaches, from the relays' addresses.
const DefaultResolver = "https://9.9.9.9/dns-query"

// DefaultEcho is asked by a test of a relay, and by nothing else. It learns the relay's address, and that somebody tested it.
const DefaultEcho = "https://one.one.one.one/cdn-cgi/trace"

// ResolveRelay is the one value of Relay.Resolve.
const ResolveRelay = "relay"

// Relay is one [[relay]]: a way out.
type Relay struct {
	// Name is what [egress] calls it: 1 to 32 of a-z, 0-9 and -.
	Name string `toml:"name"`
	// Kind is one of the kinds above.
	Kind string `toml:"kind"`
	// Address is "host:port" of the relay. An address in place of the name spares the home's resolver.
	Address string `toml:"address"`
	User    string `toml:"user"`
	// PasswordFile holds the password, in its first line: User's, or that of tor's control port.
	PasswordFile string `toml:"password_file"`
	// TLS speaks to a proxy over TLS.
	TLS bool `toml:"tls"`
	// IdentityFile is a private key for ssh, without a passphrase.
	IdentityFile string `toml:"identity_file"`
	// HostKey is the public key of the ssh server: "ssh-ed25519 AAAA…". Any other is refused.
	HostKey string `toml:"host_key"`
	// Resolve is "relay" for a far end that looks up names and refuses private addresses by itself, which only `dunnock relay
	// serve` is known to do. Empty: names are looked up through the relay, by Egress.Resolver.
	Resolve string `toml:"resolve"`
	// Socks and Control are tor's ports: "host:port", for Control also "unix:" and a path.
	Socks   string `toml:"socks"`
	Control string `toml:"control"`
	// ConfigFile is a WireGuard .conf.
	ConfigFile string `toml:"config_file"`
	// Via names the relay that this one is reached through.
	Via string `toml:"via"`
}

// kinds says which keys a kind of relay must and may have, beside name and kind.
var kinds = map[string]struct{ must, may []string }{
	KindDirect:    {},
	KindSSH:       {[]string{"address", "user", "identity_file", "host_key"}, []string{"resolve", "via"}},
	KindSocks:     {[]string{"address"}, []string{"user", "password_file", "via"}},
	KindHTTP:      {[]string{"address"}, []string{"user", "password_file", "tls", "via"}},
	KindTor:       {[]string{"socks"}, []string{"control", "password_file"}},
	KindWireGuard: {[]string{"config_file"}, nil}, // no via: no other kind carries UDP
}

// example is how a key of a relay is written.
var example = map[string]string{
	"address": `address = "vps.example.net:22"`, "user": `user = "dunnock"`, "identity_file": `identity_file = "relay_ed25519", a key that dunnock relay keygen makes`,
	"host_key": `host_key = "ssh-ed25519 AAAA…", as it stands in /etc/ssh/ssh_host_ed25519_key.pub of that machine`,
	"socks":    `socks = "127.0.0.1:9050"`, "config_file": `config_file = "wg.conf"`,
}

// paths brings the paths of a relay to what the process sees.
func (r *Relay) paths(file string) {
	for _, path := range []*string{&r.PasswordFile, &r.IdentityFile, &r.ConfigFile} {
		if *path != "" {
			*path = fromFile(file, *path)
		}
	}
	if socket, ok := strings.CutPrefix(r.Control, "unix:"); ok {
		r.Control = "unix:" + fromFile(file, socket)
	}
}

func (k *checker) relays() {
	seen := make(map[string]bool)
	for i, r := range k.Relays {
		at := fmt.Sprintf("relay.%d", i)
		switch {
		case !relayNames.MatchString(r.Name):
			k.fault(at+".name", missingOr(r.Name, "not a relay's name"), `write 1 to 32 of a-z, 0-9 and -: name = "out"`)
		case seen[r.Name]:
			k.fault(at+".name", fmt.Sprintf("a second relay called %q", r.Name), "give each [[relay]] a name of its own")
		}
		seen[r.Name] = true
		if _, ok := kinds[r.Kind]; !ok {
			k.fault(at+".kind", missingOr(r.Kind, fmt.Sprintf("no kind of relay is called %q", r.Kind)),
				"write one of: "+strings.Join(slices.Sorted(maps.Keys(kinds)), ", ")+"; "+KindDirect+" shows every server the address of this machine")
			continue
		}
		k.relay(at, r)
	}
	k.chains()
}

// relay checks what one relay has against its kind.
func (k *checker) relay(at string, r Relay) {
	kind, v := kinds[r.Kind], reflect.ValueOf(r)
	for i := range v.NumField() {
		name, path := v.Type().Field(i).Tag.Get("toml"), at+"."+v.Type().Field(i).Tag.Get("toml")
		switch written := k.has(path); {
		case name == "name" || name == "kind":
		case slices.Contains(kind.must, name):
			if v.Field(i).IsZero() {
				k.fault(path, "missing", "write "+example[name])
			}
		case written && !slices.Contains(kind.may, name):
			k.fault(path, "a relay of kind "+r.Kind+" has no such key", "remove it; what it may have: "+
				strings.Join(append(append([]string{"name", "kind"}, kind.must...), kind.may...), ", "))
		case written && v.Field(i).Kind() == reflect.String && v.Field(i).IsZero():
			k.fault(path, "missing", "write it, or remove the line")
		}
	}
	k.port(at+".address", r.Address, example["address"])
	if r.Socks != "" {
		k.local(at+".socks", r.Socks)
	}
	if socket, ok := strings.CutPrefix(r.Control, "unix:"); ok {
		if socket == "" || strings.ContainsRune(socket, 0) {
			k.fault(at+".control", "no path after unix:", `write control = "unix:/run/tor/control"`)
		}
	} else if r.Control != "" {
		k.local(at+".control", r.Control)
	}
	if r.HostKey != "" {
		if _, err := sshlink.ParseHostKey(r.HostKey); err != nil {
			k.fault(at+".host_key", err.Error(), "write "+example["host_key"])
		}
	}
	if r.Resolve != "" && r.Resolve != ResolveRelay {
		k.fault(at+".resolve", fmt.Sprintf("nothing is called %q", r.Resolve), `write resolve = "relay" where dunnock relay serve runs at the far end, or remove the line`)
	}
	if (r.User == "") != (r.PasswordFile == "") && (r.Kind == KindSocks || r.Kind == KindHTTP) {
		k.fault(at, "a user without a password, or a password without a user", "write both user and password_file, or neither")
	}
	clear := r.Kind == KindSocks || r.Kind == KindHTTP && !r.TLS
	if host, _, err := net.SplitHostPort(r.Address); err == nil && !onLoopback(host) && r.Via == "" && clear {
		k.warn(at+".address", "a "+r.Kind+" proxy is spoken to in clear: whoever is on the path to it, such as your ISP, sees the addresses of the servers that you "+
			"reach, and the password", "use kind = \"http\" with tls = true, or reach it through another relay or a tunnel of this machine's")
	}
	if r.Kind == KindDirect && k.Unsafe == nil {
		k.warn(at+".kind", "every server it reaches learns the address of this machine", "use a relay of another kind, unless this address is no secret")
	}
}

// port checks "host:port".
func (k *checker) port(path, address, example string) {
	if address == "" {
		return
	}
	host, port, err := net.SplitHostPort(address)
	n, portErr := strconv.ParseUint(port, 10, 16)
	if _, hostErr := hostname.Canonical(host, false); err != nil || portErr != nil || n == 0 || hostErr != nil && net.ParseIP(host) == nil {
		k.fault(path, "not a host and a port", "write "+example)
	}
}

// local checks the address of a daemon beside the node: in clear, so it must not leave the machine.
func (k *checker) local(path, address string) {
	k.port(path, address, example["socks"])
	if host, _, err := net.SplitHostPort(address); err == nil && !onLoopback(host) {
		k.warn(path, "tor's port is spoken to in clear, across the network to another machine", "run tor on this machine")
	}
}

// chains checks what relays are reached through.
func (k *checker) chains() {
	by := make(map[string]Relay)
	for _, r := range k.Relays {
		by[r.Name] = r
	}
	for i, r := range k.Relays {
		path, next := fmt.Sprintf("relay.%d.via", i), r.Via
		if next == "" {
			continue
		}
		if _, ok := by[next]; !ok {
			k.fault(path, fmt.Sprintf("there is no relay called %q", next), "name one of: "+k.relayList())
			continue
		}
		if by[next].Kind == KindDirect {
			k.fault(path, "a direct relay leads nowhere that this machine does not reach", "leave out via")
		}
		if host, _, err := net.SplitHostPort(r.Address); err == nil && net.ParseIP(host) == nil {
			k.fault(fmt.Sprintf("relay.%d.address", i), "a name, which nothing would look up on the way through "+next, "write the relay's address")
		}
		for range k.Relays {
			if next == r.Name {
				k.fault(path, "a chain that comes back to "+r.Name, "leave out via where the chain begins")
				break
			}
			next = by[next].Via
		}
	}
}

func (k *checker) egress() {
	if k.Egress == nil {
		return
	}
	k.names("egress.relays", k.Egress.Relays)
	for match, relays := range k.Egress.Route {
		path := "egress.route." + match
		if canonical, err := hostname.Match(match); err != nil || canonical != match {
			k.fault(path, fmt.Sprintf("%q is no domain", match), `write a host in lower case, or "*." and one for all below it: "*.onion" = ["tor"]`)
		}
		k.names(path, relays)
	}
	if k.has("egress.resolver") {
		if _, err := hardening.ParseResolver(k.Egress.Resolver); err != nil {
			k.fault("egress.resolver", err.Error(), fmt.Sprintf("write resolver = %q, or another that answers DNS over HTTPS at an address", DefaultResolver))
		}
	} else {
		k.Egress.Resolver = DefaultResolver
	}
	if !k.has("egress.echo") {
		k.Egress.Echo = DefaultEcho
	} else if u, err := hardening.ParseEcho(k.Egress.Echo); err != nil {
		k.fault("egress.echo", err.Error(), fmt.Sprintf("write echo = %q, or another that answers with the address that it is asked from", DefaultEcho))
	} else if u.Scheme == "http" && (k.Unsafe == nil || !k.Unsafe.HTTP) {
		k.fault("egress.echo", "not https: what is on the path could tell any address", "write https://")
	}
}

// names checks a pool of relays.
func (k *checker) names(key string, relays []string) {
	if len(relays) == 0 {
		k.fault(key, "names no relay", "write the names of [[relay]] tables, at least one, or remove it")
	}
	seen := make(map[string]bool)
	for _, name := range relays {
		switch {
		case seen[name]:
			k.fault(key, fmt.Sprintf("names %q twice", name), "name each relay once")
		case !slices.ContainsFunc(k.Relays, func(r Relay) bool { return r.Name == name }):
			k.fault(key, fmt.Sprintf("there is no relay called %q", name), "name one of: "+k.relayList()+"; or add a [[relay]] of that name")
		}
		seen[name] = true
	}
}

func (k *checker) relayList() string {
	var names []string
	for _, r := range k.Relays {
		if relayNames.MatchString(r.Name) {
			names = append(names, r.Name)
		}
	}
	if names == nil {
		return "(this file has no [[relay]])"
	}
	return strings.Join(names, ", ")
}
