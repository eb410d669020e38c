package ingress

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// maxHops is how many trusted proxies may stand one behind the other.
const maxHops = 16

// proxies are those who are believed when they say whom they speak for.
type proxies struct {
	nets   []netip.Prefix
	socket bool // whoever is at the other end of a unix socket, too
}

// speaks says whether a connection is one of theirs.
func (p proxies) speaks(conn net.Addr) bool {
	if conn.Network() == "unix" {
		return p.socket
	}
	ap, err := netip.ParseAddrPort(conn.String())
	return err == nil && p.trusts(ap.Addr().Unmap().WithZone(""))
}

func (p proxies) trusts(a netip.Addr) bool {
	for _, n := range p.nets {
		if n.Contains(a) {
			return true
		}
	}
	return false
}

// doubtful stands for all of whom a trusted proxy said something that cannot be: they have one network's allowance together.
// Who can bring a proxy to say that gains nothing.
var doubtful = peer{id: "doubtful"}

// behind is who a trusted proxy speaks for. A header that is there must be one that the proxy writes: of two that differ, one
// may be the visitor's own, so neither counts.
func (p proxies) behind(h http.Header, of func(netip.Addr) peer) peer {
	xff, said := p.visitor(h["X-Forwarded-For"], hop)
	forwarded, alsoSaid := p.visitor(h["Forwarded"], forwardedHop)
	if !said {
		xff = forwarded
	}
	switch {
	case !said && !alsoSaid:
		return crowd // the proxy does not say, which nobody but its owner can bring about
	case said && alsoSaid && xff != forwarded, !xff.IsValid():
		return doubtful
	}
	who := of(xff)
	who.exempt = false // what is on this machine needs no proxy
	return who
}

// visitor is the last hop of a chain that is no trusted proxy; in a chain of such alone, the first. Each proxy adds at the
// right, so what stands left of the visitor is the visitor's own tale and is not read. said: there is a chain. The address is
// the zero Addr when the hop that counts is not one.
func (p proxies) visitor(lines []string, parse func(string) netip.Addr) (a netip.Addr, said bool) {
	rest, more := strings.Join(lines, ","), true
	for hops := 0; more; {
		var last string
		if rest, last, more = cutLast(rest); last == "" {
			continue // an empty element of a list means nothing (RFC 9110, section 5.6.1)
		}
		a, said = parse(last), true
		if hops++; !a.IsValid() || !p.trusts(a) {
			return a, true
		}
		if hops == maxHops {
			return netip.Addr{}, true
		}
	}
	return a, said
}

// cutLast cuts off the last element of a list, at the last comma that is in no quotes. It reads from the right, where the
// proxy has written: no quotes that a visitor leaves open reach there.
func cutLast(list string) (rest, last string, more bool) {
	quoted := false
	for i := len(list) - 1; i >= 0; i-- {
		switch {
		case list[i] == '"' && !escaped(list[:i]):
			quoted = !quoted
		case list[i] == ',' && !quoted:
			return list[:i], strings.Trim(list[i+1:], " \t"), true
		}
	}
	return "", strings.Trim(list, " \t"), false
}

// escaped says whether what follows s has a backslash before it that counts.
func escaped(s string) bool { return (len(s)-len(strings.TrimRight(s, `\`)))%2 == 1 }

// hop reads an address, with or without a port, an IPv6 address with or without brackets. The zero Addr: it is none.
func hop(s string) netip.Addr {
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	if err != nil || strings.HasPrefix(s, "[") != strings.HasSuffix(s, "]") {
		ap, err := netip.ParseAddrPort(s)
		if err != nil {
			return netip.Addr{}
		}
		a = ap.Addr()
	}
	if a.Zone() != "" || a.IsUnspecified() {
		return netip.Addr{}
	}
	return a.Unmap()
}

// forwardedHop reads the one "for" of an element of Forwarded (RFC 7239, section 4).
func forwardedHop(element string) netip.Addr {
	value, found := "", false
	for more := true; more; {
		var pair string
		pair, element, more = cutPair(element)
		name, v, _ := strings.Cut(pair, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "for") {
			continue
		}
		if found {
			return netip.Addr{}
		}
		value, found = strings.TrimSpace(v), true
	}
	if in, ok := strings.CutPrefix(value, `"`); ok {
		in, ok = strings.CutSuffix(in, `"`)
		if !ok {
			return netip.Addr{}
		}
		value = in
	}
	return hop(value)
}

// cutPair cuts off the first parameter, at a semicolon that is in no quotes.
func cutPair(s string) (pair, rest string, more bool) {
	quoted := false
	for i := range len(s) {
		switch {
		case s[i] == '"' && !escaped(s[:i]):
			quoted = !quoted
		case s[i] == ';' && !quoted:
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}
