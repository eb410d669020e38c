package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/dunnock-server/dunnock/federation/node"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/egress/tor"
	"github.com/dunnock-server/dunnock/hardening/hostname"
	"github.com/dunnock-server/dunnock/hardening/ingress"
	"github.com/dunnock-server/dunnock/hardening/ingress/certs"
)

// The kinds of [[ingress]].
const (
	// IngressRelay is a port of a relay's public address, with TLS ending here.
	IngressRelay = "relay"
	// IngressOnion is a version 3 onion service, by the control port of a relay of kind tor.
	IngressOnion = "onion"
)

// DefaultPort is where other servers come.
const DefaultPort = 443

// DefaultOnionAddress is where tor brings the visitors of an onion service, when the file does not say.
const DefaultOnionAddress = "127.0.0.1:8081"

// onionPort is that of the service. There is no TLS: tor encrypts to the key that the name is made of.
const onionPort = 80

// TrustedSocket is the entry of Listen.TrustedProxies that stands for whoever can open the unix socket.
const TrustedSocket = "unix"

// Listen says where other servers and visitors are answered, in plain HTTP: TLS ends in front of it.
type Listen struct {
	// Address is "host:port" with an IP address or localhost, or "unix:" and a path.
	Address string `toml:"address"`
	// TrustedProxies are believed when they say for whom a request is (X-Forwarded-For, Forwarded): addresses, networks, or
	// TrustedSocket. Limits then hold for each visitor, in memory; else for all that come by the proxy together.
	TrustedProxies []string `toml:"trusted_proxies"`
	// Probe names the [[relay]] by which the node looks at itself from outside. Empty: it does not.
	Probe string `toml:"probe"`
}

// Ingress is one [[ingress]]: a way in.
type Ingress struct {
	// Kind is one of the kinds above.
	Kind string `toml:"kind"`
	// Relay names the [[relay]] whose port it is, of a kind that can listen; or the one of kind tor that has the onion service.
	Relay string `toml:"relay"`
	// Port is 1 to 65535. Load sets it to DefaultPort when the file has none.
	Port int `toml:"port"`
	// ACME is the directory of the certificate authority. Load sets it to certs.DefaultDirectory when the file has none.
	ACME string `toml:"acme"`
	// Probe names the [[relay]] by which the node looks at this way in from outside, not the one that holds it. Empty: it does
	// not. An onion service is looked at by its own tor, in a circuit of its own.
	Probe string `toml:"probe"`
	// Address is where tor brings visitors: a loopback address, or "unix:" and a path that tor can open. Load sets it to
	// DefaultOnionAddress when the file has none.
	Address string `toml:"address"`
}

// entries says which keys a kind of way in may have, beside kind and relay.
var entries = map[string][]string{
	IngressRelay: {"port", "acme", "probe"},
	IngressOnion: {"address"},
}

// Owner is where the owner's own devices come: beside what the world is answered, what is for the owner alone is answered there
// and, without Public, nowhere else.
type Owner struct {
	// Address is where the node listens for them, as in Listen.
	Address string `toml:"address"`
	// Hosts are further names and addresses that it answers to there.
	Hosts []string `toml:"hosts"`
	// Onion names a [[relay]] of kind tor: an onion service of its own leads there then.
	Onion string `toml:"onion"`
	// Public serves what is for the owner on every way in.
	Public bool `toml:"public"`
}

// listening are the kinds of relay that visitors can come by.
var listening = []string{KindSSH, KindWireGuard}

// called gives the relay of a name, or nil.
func (c *Config) called(name string) *Relay {
	if i := slices.IndexFunc(c.Relays, func(r Relay) bool { return r.Name == name }); i >= 0 {
		return &c.Relays[i]
	}
	return nil
}

func (k *checker) ingress() {
	for i := range k.Ingress {
		w, at := &k.Ingress[i], fmt.Sprintf("ingress.%d", i)
		if _, ok := entries[w.Kind]; !ok {
			k.fault(at+".kind", missingOr(w.Kind, fmt.Sprintf("no kind of way in is called %q", w.Kind)),
				`write kind = "relay" or kind = "onion", or use [listen] for a reverse proxy`)
			continue
		}
		k.entry(at, *w)
		if w.Kind == IngressOnion {
			k.onion(at, w)
		} else {
			k.entrance(at, w)
		}
		if slices.ContainsFunc(k.Ingress[:i], func(o Ingress) bool { return o.Kind == w.Kind && o.Relay == w.Relay && o.Port == w.Port }) {
			k.fault(at, "a second way in at that port", "remove one of them")
		}
	}
	if len(k.Ingress) > 0 && k.Egress == nil {
		k.fault("ingress.0", "without [egress] nothing leaves, and so nobody can be answered by a relay", "write [egress] and what relays it uses")
	}
}

// entry checks that a way in has no key of another kind.
func (k *checker) entry(at string, w Ingress) {
	for v, i := reflect.TypeOf(w), 0; i < v.NumField(); i++ {
		name := v.Field(i).Tag.Get("toml")
		if name != "kind" && name != "relay" && k.has(at+"."+name) && !slices.Contains(entries[w.Kind], name) {
			k.fault(at+"."+name, "a way in of kind "+w.Kind+" has no such key", "remove it; what it may have: "+
				strings.Join(append([]string{"kind", "relay"}, entries[w.Kind]...), ", "))
		}
	}
}

// entrance checks a port of a relay's.
func (k *checker) entrance(at string, w *Ingress) {
	switch r := k.called(w.Relay); {
	case r == nil:
		k.fault(at+".relay", missingOr(w.Relay, fmt.Sprintf("there is no relay called %q", w.Relay)), "name one of: "+k.relayList())
	case !slices.Contains(listening, r.Kind):
		k.fault(at+".relay", "nobody can come in by a relay of kind "+r.Kind, "name one of kind ssh or wireguard")
	}
	if !k.has(at + ".port") {
		w.Port = DefaultPort
	} else if w.Port < 1 || w.Port > 65535 {
		k.fault(at+".port", "a port is a number from 1 to 65535", "write port = 443, or the one that the relay leads there")
	}
	first := slices.IndexFunc(k.Ingress, func(o Ingress) bool { return o.Kind == IngressRelay })
	if !k.has(at + ".acme") {
		w.ACME = certs.DefaultDirectory
	} else if u, err := url.Parse(w.ACME); err != nil || u.Scheme != "https" || u.Host == "" {
		k.fault(at+".acme", "not an https URL", fmt.Sprintf("write acme = %q, or remove the line", certs.DefaultDirectory))
	} else if w.ACME != k.Ingress[first].ACME {
		k.fault(at+".acme", "another certificate authority than above", "write the same: there is one certificate")
	}
	k.probe(at+".probe", w.Probe, w.Relay)
}

// onion checks an onion service.
func (k *checker) onion(at string, w *Ingress) {
	k.torWith(at+".relay", w.Relay)
	if !k.has(at + ".address") {
		w.Address = DefaultOnionAddress
	}
	k.near(at+".address", w.Address)
}

// torWith checks the relay of an onion service.
func (k *checker) torWith(path, name string) {
	switch r := k.called(name); {
	case r == nil:
		k.fault(path, missingOr(name, fmt.Sprintf("there is no relay called %q", name)), "name one of: "+k.relayList())
	case r.Kind != KindTor:
		k.fault(path, "a relay of kind "+r.Kind+" has no onion services", "name one of kind tor")
	case r.Control == "":
		k.fault(path, "without its control port no onion service can be made", fmt.Sprintf(`write control = "127.0.0.1:9051" for the relay %q`, name))
	}
}

// near checks where tor brings visitors to: on this machine, in clear.
func (k *checker) near(path, address string) {
	if socket, ok := strings.CutPrefix(address, "unix:"); ok {
		if socket == "" || strings.ContainsAny(socket, " \"\\\t\r\n\x00") {
			k.fault(path, "not a path that tor can be told", `write address = "unix:/run/dunnock/onion.sock"`)
		}
		return
	}
	if a, err := netip.ParseAddrPort(address); err != nil || !a.Addr().IsLoopback() || a.Port() == 0 {
		k.fault(path, "neither a loopback address and a port nor unix: and a path", fmt.Sprintf("write address = %q", DefaultOnionAddress))
	}
}

// probe checks who looks at a way in from outside: another relay than holds it.
func (k *checker) probe(path, name, holds string) {
	if !k.has(path) {
		return
	}
	remedy := `name another relay, best one of kind tor: whoever runs it learns that its user visits this node`
	switch r := k.called(name); {
	case r == nil:
		k.fault(path, missingOr(name, fmt.Sprintf("there is no relay called %q", name)), remedy)
	case name == holds:
		k.fault(path, "the relay that holds the way in: by it, the node sees it up when nobody else does", remedy)
	case r.Kind == KindDirect && k.Unsafe == nil:
		k.fault(path, "a direct relay shows this machine's address to the way in", remedy)
	case r.Kind != KindTor:
		k.warn(path, "whoever runs "+name+" learns that its user visits this node, once an hour or so", "name a relay of kind tor, or leave it out")
	}
}

// listens checks where the node listens by itself.
func (k *checker) listens(key, address string) {
	const example = `write address = "127.0.0.1:8080" or address = "unix:/run/dunnock.sock"`
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		if path == "" || strings.ContainsRune(path, 0) {
			k.fault(key, "no path after unix:", example)
		}
		return
	}
	host, port, err := net.SplitHostPort(address)
	n, portErr := strconv.ParseUint(port, 10, 16)
	ip, ipErr := netip.ParseAddr(host)
	switch {
	case err != nil || (ipErr != nil && host != "localhost"):
		k.fault(key, missingOr(address, "neither an IP address and a port nor unix: and a path"), example)
	case portErr != nil || n == 0:
		k.fault(key, "a port is a number from 1 to 65535", example)
	case ipErr == nil && !ip.Unmap().IsLoopback():
		k.warn(key, "plain HTTP can be reached from other machines, and this machine found by whoever scans for it",
			"listen on 127.0.0.1 or a unix: socket, and let a reverse proxy with TLS pass on what is for "+k.Host)
	}
}

func (k *checker) listen() {
	if k.Listen.Address == "" && !k.has("listen.address") { // there are other ways in
		for _, key := range []string{"listen.trusted_proxies", "listen.probe"} {
			if k.has(key) {
				k.fault(key, "without an address nobody comes by it", `write address = "127.0.0.1:8080", or remove [listen]`)
			}
		}
		return
	}
	k.listens("listen.address", k.Listen.Address)
	if _, err := k.Listen.proxies(); err != nil {
		k.fault("listen.trusted_proxies", err.Error(), `write what the proxy's address is: trusted_proxies = ["127.0.0.1"], or ["unix"] for a unix: socket`)
	}
	k.probe("listen.probe", k.Listen.Probe, "")
}

// proxies are TrustedProxies as networks.
func (l Listen) proxies() (c ingress.Config, err error) {
	c.Address = l.Address
	for _, text := range l.TrustedProxies {
		if text == TrustedSocket {
			if !strings.HasPrefix(l.Address, "unix:") {
				return c, errors.New("there is no unix: socket that could be trusted")
			}
			c.TrustSocket = true
			continue
		}
		prefix, err := netip.ParsePrefix(text)
		if addr, e := netip.ParseAddr(text); e == nil {
			prefix, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		switch {
		case err != nil || prefix.Addr().Zone() != "":
			return c, fmt.Errorf("%q is neither an address nor a network", text)
		case prefix.Bits() == 0:
			return c, fmt.Errorf("%q is everybody: any visitor could pass for any other", text)
		}
		c.TrustedProxies = append(c.TrustedProxies, prefix.Masked())
	}
	return c, nil
}

func (k *checker) owner() {
	if k.Owner == nil {
		return
	}
	k.listens("owner.address", k.Owner.Address)
	if k.Owner.Address != "" && k.Owner.Address == k.Listen.Address {
		k.fault("owner.address", "the same as that of [listen]", "write another port")
	}
	for _, host := range k.Owner.Hosts {
		if _, err := hostname.OriginOf("http://" + host); err != nil || strings.Contains(host, "/") { // as the node takes it
			k.fault("owner.hosts", fmt.Sprintf("%q is no host", host), `write the names and addresses that your devices use: hosts = ["192.168.1.10"]`)
		}
	}
	if k.has("owner.onion") {
		k.torWith("owner.onion", k.Owner.Onion)
		k.near("owner.address", k.Owner.Address)
	}
	if k.Owner.Public {
		k.warn("owner.public", "whoever can reach the node can try passwords, and sees that your devices come to the same address as the world", "remove the line")
	}
}

// onionService makes the service of a relay of kind tor, whose visitors tor brings to address.
func (c *Config) onionService(relay, address string) (func(key []byte) (node.OnionService, error), error) {
	r := c.called(relay)
	password, err := r.password()
	if err != nil {
		return nil, err
	}
	return func(key []byte) (node.OnionService, error) {
		return tor.NewOnion(tor.OnionConfig{Control: tor.Control{Address: r.Control, Password: password, Dial: egress.Home()}, Key: key,
			Ports: map[uint16]string{onionPort: address}})
	}, nil
}

// waysIn sets the ways in by relays that were made.
func (c *Config) waysIn(n *node.Config) (err error) {
	for _, w := range c.Ingress {
		if w.Kind == IngressOnion {
			way := node.Ingress{Name: IngressOnion, Limits: ingress.Config{Address: w.Address}, LookBy: w.Relay}
			if way.Service, err = c.onionService(w.Relay, w.Address); err != nil {
				return err
			}
			n.Ingress = append(n.Ingress, way)
			continue
		}
		for _, r := range n.Relays {
			if l, ok := r.(egress.Listening); ok && r.Name() == w.Relay {
				f := ingress.NewForward(l, uint16(w.Port))
				n.Ingress = append(n.Ingress, node.Ingress{Name: w.Relay, Relay: w.Relay, Listener: f, Link: f.State, TLS: true, LookBy: w.Probe})
				n.ACME = w.ACME
			}
		}
	}
	if n.Listen, err = c.Listen.proxies(); err != nil {
		return err
	}
	n.LookBy = c.Listen.Probe
	if o := c.Owner; o != nil {
		n.Owner = node.Owner{Ingress: node.Ingress{Name: "owner", Limits: ingress.Config{Address: o.Address}}, Hosts: o.Hosts, UnsafePublic: o.Public}
		if o.Onion != "" {
			n.Owner.LookBy = o.Onion
			n.Owner.Service, err = c.onionService(o.Onion, o.Address)
		}
	}
	return err
}
