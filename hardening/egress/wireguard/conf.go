package wireguard

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Conf is what a .conf file in the form of wg-quick(8) says of a tunnel.
type Conf struct {
	PrivateKey Key
	// Addresses are ours inside the tunnel, at least one.
	Addresses []netip.Addr
	// DNS are the servers that names are asked of, in this order. All can be reached through the tunnel. Empty: the file has none.
	DNS []netip.Addr
	// MTU is the size of a packet inside the tunnel in bytes, 576 to 9000.
	MTU int
	// Peers are the far ends, at least one.
	Peers []Peer
	// Notes say what of the file is left out, and why, with file and line.
	Notes []string
}

// Peer is one far end.
type Peer struct {
	PublicKey    Key
	PresharedKey Key // zero: none
	// Endpoint is "host:port", reached from home over UDP.
	Endpoint string
	// AllowedIPs are what may be reached through it, at least one.
	AllowedIPs []netip.Prefix
	// Keepalive is how often the way through a NAT is kept open. Zero: not at all.
	Keepalive time.Duration
}

// Key is a Curve25519 or a symmetric key. Formatting it does not show it.
type Key [32]byte

// Format implements [fmt.Formatter].
func (Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[key]") }

// MarshalText implements [encoding.TextMarshaler].
func (Key) MarshalText() ([]byte, error) { return []byte("[key]"), nil }

// Fault is what is wrong with a file. It holds nothing of a key's value.
type Fault struct {
	File string
	// Line counts from 1; 0: what is missing has none.
	Line int
	Key  string
	What string
	// Remedy is what to write instead.
	Remedy string
}

func (f *Fault) Error() string {
	at := f.File
	if f.Line > 0 {
		at += ":" + strconv.Itoa(f.Line)
	}
	return fmt.Sprintf("%s: %s: %s: %s", at, f.Key, f.What, f.Remedy)
}

const (
	maxFile    = 64 << 10
	maxPeers   = 16
	defaultMTU = 1420
)

// Parse reads a file of at most 64 KiB. path is how errors and notes call it. An error joins one *Fault for each thing that is
// wrong. What wg-quick does to the machine is left out with a note: commands are never run, and neither routes nor name
// servers of the machine are changed.
func Parse(data []byte, path string) (*Conf, error) {
	p := &parser{file: path, conf: Conf{MTU: defaultMTU}, seen: map[string]bool{}}
	if len(data) > maxFile {
		p.fault("file", "longer than 64 KiB", "name the file that the provider handed out")
		return nil, errors.Join(p.faults...)
	}
	for line := range strings.Lines(strings.TrimPrefix(string(data), "\ufeff")) {
		p.number++
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line != "" {
			p.line(line)
		}
	}
	p.number = 0
	p.whole()
	if len(p.faults) > 0 {
		return nil, errors.Join(p.faults...)
	}
	return &p.conf, nil
}

type parser struct {
	file    string
	number  int
	begun   int    // the line of the last [Peer]
	section string // "interface", "peer", or "" before the first
	seen    map[string]bool
	conf    Conf
	faults  []error
}

func (p *parser) fault(key, what, remedy string) {
	p.faults = append(p.faults, &Fault{p.file, p.number, key, what, remedy})
}

func (p *parser) note(key, what string) {
	p.conf.Notes = append(p.conf.Notes, fmt.Sprintf("%s:%d: %s: %s", p.file, p.number, key, what))
}

func (p *parser) line(line string) {
	if strings.HasPrefix(line, "[") {
		switch section := strings.ToLower(line); {
		case section == "[interface]" && !p.seen["[interface]"]:
			p.section, p.seen["[interface]"] = "interface", true
		case section == "[interface]":
			p.section = ""
			p.fault("[Interface]", "a second one", "keep one [Interface]")
		case section == "[peer]" && len(p.conf.Peers) < maxPeers:
			p.endPeer()
			p.section, p.begun = "peer", p.number
			p.conf.Peers = append(p.conf.Peers, Peer{})
		case section == "[peer]":
			p.section = ""
			p.fault("[Peer]", "more than 16", "keep the peers that are used")
		default:
			p.section = ""
			p.fault("section", "neither [Interface] nor [Peer]", "remove it")
		}
		return
	}
	name, value, ok := strings.Cut(line, "=")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	set, known := keys[p.section+" "+strings.ToLower(name)]
	switch {
	case p.section == "":
		// The fault of the section is told already, or this comes before any.
		if !p.seen["[interface]"] && len(p.faults) == 0 {
			p.fault("section", "a line before [Interface]", "begin with [Interface]")
		}
	case !ok:
		p.fault("line", "no key and value", "write KEY = VALUE, or put # before a comment")
	case !known:
		p.fault("["+p.section+"]", "a key that wg-quick(8) does not know", "remove the line, if the tunnel works without it")
	case value == "":
		p.fault(set.name, "empty", "write a value, or remove the line")
	default:
		if once := p.section + " " + set.name; !set.many && p.seen[once] {
			p.fault(set.name, "written twice", "keep one of the lines")
		} else {
			p.seen[once] = true
			set.to(p, set.name, value)
		}
	}
}

// keys are the keys of the two sections, in lower case as wg(8) reads them.
var keys = map[string]struct {
	name string
	many bool
	to   func(p *parser, key, value string)
}{
	"interface privatekey": {"PrivateKey", false, func(p *parser, key, v string) { p.key(key, v, &p.conf.PrivateKey) }},
	"interface address":    {"Address", true, (*parser).addresses},
	"interface dns":        {"DNS", true, (*parser).servers},
	"interface mtu":        {"MTU", false, (*parser).mtu},

	"interface listenport": {"ListenPort", false, left("not used: no port is opened on this machine")},
	"interface fwmark":     {"FwMark", false, left("not used: it is for the kernel's routes")},
	"interface table":      {"Table", false, left("not used: the machine's routes are left alone")},
	"interface saveconfig": {"SaveConfig", false, left("not used: the file is not written")},
	"interface preup":      {"PreUp", true, left(command)},
	"interface postup":     {"PostUp", true, left(command)},
	"interface predown":    {"PreDown", true, left(command)},
	"interface postdown":   {"PostDown", true, left(command)},

	"peer publickey":           {"PublicKey", false, func(p *parser, key, v string) { p.key(key, v, &p.peer().PublicKey) }},
	"peer presharedkey":        {"PresharedKey", false, func(p *parser, key, v string) { p.key(key, v, &p.peer().PresharedKey) }},
	"peer endpoint":            {"Endpoint", false, (*parser).endpoint},
	"peer allowedips":          {"AllowedIPs", true, (*parser).allowed},
	"peer persistentkeepalive": {"PersistentKeepalive", false, (*parser).keepalive},
}

const command = "a command for a shell, which is never run; what it was for (a rule of a firewall, a route) is not needed here, as nothing leaves but through the tunnel"

func left(why string) func(*parser, string, string) {
	return func(p *parser, key, _ string) { p.note(key, why) }
}

func (p *parser) peer() *Peer { return &p.conf.Peers[len(p.conf.Peers)-1] }

func (p *parser) key(key, value string, to *Key) {
	raw, err := base64.StdEncoding.Strict().DecodeString(value)
	if err != nil || len(raw) != len(to) || Key(raw) == (Key{}) {
		p.fault(key, "not a key of 32 bytes in base64", "copy the line again: 43 letters and digits and one =")
		return
	}
	*to = Key(raw)
}

// list calls f for each of what commas part.
func list(value string, f func(item string)) {
	for item := range strings.SplitSeq(value, ",") {
		f(strings.TrimSpace(item))
	}
}

// prefix reads an address with or without a length.
func prefix(s string) (netip.Prefix, bool) {
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" && !addr.Is4In6() {
		return netip.PrefixFrom(addr, addr.BitLen()), true
	}
	p, err := netip.ParsePrefix(s)
	return p, err == nil && !p.Addr().Is4In6()
}

func (p *parser) addresses(key, value string) {
	list(value, func(item string) {
		a, ok := prefix(item)
		switch {
		case !ok || a.Addr().IsUnspecified() || a.Addr().IsMulticast() || a.Addr().IsLoopback():
			p.fault(key, "not an address of a tunnel", "write Address = 10.0.0.2/32")
		case !slices.Contains(p.conf.Addresses, a.Addr()):
			p.conf.Addresses = append(p.conf.Addresses, a.Addr())
		}
	})
}

func (p *parser) servers(key, value string) {
	list(value, func(item string) {
		addr, err := netip.ParseAddr(item)
		switch {
		case err != nil && item != "":
			p.note(key, "a search domain, which is not used: names are looked up as they are")
		case err != nil || addr.Zone() != "" || addr.IsUnspecified() || addr.IsMulticast() || addr.IsLoopback():
			p.fault(key, "not a server's address", "write DNS = 10.0.0.1")
		default:
			p.conf.DNS = append(p.conf.DNS, addr.Unmap())
		}
	})
}

func (p *parser) mtu(key, value string) {
	n, err := strconv.Atoi(value)
	if err != nil || n < 576 || n > 9000 {
		p.fault(key, "not a number from 576 to 9000", "write MTU = 1420, or remove the line")
		return
	}
	p.conf.MTU = n
}

func (p *parser) endpoint(key, value string) {
	host, port, err := net.SplitHostPort(value)
	n, e := strconv.ParseUint(port, 10, 16)
	if err != nil || e != nil || n == 0 || host == "" || strings.ContainsAny(host, " \t/@%") {
		p.fault(key, "not a host and a port", "write Endpoint = 203.0.113.1:51820")
		return
	}
	p.peer().Endpoint = value
}

func (p *parser) allowed(key, value string) {
	list(value, func(item string) {
		a, ok := prefix(item)
		if !ok {
			p.fault(key, "not an address with a length", "write AllowedIPs = 0.0.0.0/0, ::/0")
			return
		}
		a = a.Masked()
		for i, other := range p.conf.Peers {
			if slices.Contains(other.AllowedIPs, a) && i < len(p.conf.Peers)-1 {
				p.fault(key, "what another peer has too", "give each of them to one peer")
				return
			}
		}
		p.peer().AllowedIPs = append(p.peer().AllowedIPs, a)
	})
}

func (p *parser) keepalive(key, value string) {
	n, err := strconv.ParseUint(value, 10, 16)
	if err != nil && !strings.EqualFold(value, "off") {
		p.fault(key, "not a number of seconds from 0 to 65535", "write PersistentKeepalive = 25, or remove the line")
		return
	}
	p.peer().Keepalive = time.Duration(n) * time.Second
}
