package egress

import (
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/dunnock-server/dunnock/hardening/hostname"
)

// Rules says what may be dialled, however a URL came to be followed. The zero value is the strictest: https, port 443,
// public addresses. Every field widens it and belongs to trials and tests, but for Ports.
type Rules struct {
	// HTTP is unsafe: it allows http beside https, and any port with either.
	HTTP bool
	// Ports may be dialled beside 443.
	Ports []uint16
	// Addresses is unsafe: these prefixes count as public. One that holds a loopback address also permits the name
	// localhost. Unspecified and multicast addresses are refused even then.
	Addresses []netip.Prefix
	// Exact is for tests: these pairs, and nothing else on their addresses, count as public.
	Exact []netip.AddrPort
}

// CheckURL reports whether a request may be made to u, as far as that can be told without a look-up: scheme, no userinfo,
// an absolute hierarchical form, a request target without control characters or spaces, and what CheckTarget checks.
// Errors wrap ErrRefused and hold nothing of the URL.
func (r Rules) CheckURL(u *url.URL) error {
	_, err := r.target(u)
	return err
}

// CheckTarget reports whether host and port may be dialled before its address is known. A literal address must pass
// CheckAddr. A name must be canonical, have at least two labels and a top-level label of letters (or an A-label), so that
// no resolver can read it as a number or complete it from a search list, and must not be a special-use name. An .onion
// name passes here; that only tor carries it is held at the choice of the exit and again at the dial.
func (r Rules) CheckTarget(host string, port uint16) error {
	if addr, err := netip.ParseAddr(host); err == nil {
		return r.CheckAddr(netip.AddrPortFrom(addr, port))
	}
	if !r.portAllowed(port) {
		return refuse("port")
	}
	if host == "localhost" {
		if _, ok := r.loopback(port); ok {
			return nil
		}
		return refuse("special-use name")
	}
	return checkName(host)
}

// loopback is the address that localhost stands for, if the rules permit one.
func (r Rules) loopback(port uint16) (netip.Addr, bool) {
	for _, a := range []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()} {
		if r.CheckAddr(netip.AddrPortFrom(a, port)) == nil {
			return a, true
		}
	}
	return netip.Addr{}, false
}

// CheckAddr reports whether a may be dialled: the rule for the dialer's Control hook. IPv4 is checked against the IANA
// special-purpose registry, IPv6 against an allow-list (see addresses.go); an IPv4 address inside IPv6 counts as the IPv4
// address it is. An address with a zone is refused. Errors wrap ErrRefused.
func (r Rules) CheckAddr(a netip.AddrPort) error {
	addr := a.Addr()
	if !addr.IsValid() || addr.Zone() != "" {
		return refuse("address form")
	}
	addr = addr.Unmap()
	a = netip.AddrPortFrom(addr, a.Port())
	switch {
	case addr.IsUnspecified() || addr.IsMulticast():
		return refuse("not a unicast address")
	case slices.Contains(r.Exact, a):
		return nil
	case !r.portAllowed(a.Port()) || a.Port() == 0:
		return refuse("port")
	case isPublic(addr):
		return nil
	}
	for _, p := range r.Addresses {
		if p.Contains(addr) {
			return nil
		}
	}
	return refuse("not a public address")
}

// portAllowed is about names too, whose address is not known yet: so a port of any Exact pair is allowed, and CheckAddr
// then refuses all but that pair.
func (r Rules) portAllowed(port uint16) bool {
	if port == 0 {
		return false
	}
	return port == 443 || r.HTTP || slices.Contains(r.Ports, port) ||
		slices.ContainsFunc(r.Exact, func(a netip.AddrPort) bool { return a.Port() == port })
}

// target checks u and gives the URL that is requested in its stead: host canonical, default port and fragment dropped.
func (r Rules) target(u *url.URL) (*url.URL, error) {
	if u == nil {
		return nil, refuse("no URL")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !r.HTTP) {
		return nil, refuse("scheme")
	}
	if u.User != nil || u.Opaque != "" {
		return nil, refuse("URL form")
	}
	// Canonical first: it takes a host only, where an origin is read up to the first slash.
	if _, err := hostname.Canonical(u.Host, true); err != nil {
		return nil, refuse("host form")
	}
	origin, err := hostname.OriginOf(u.Scheme + "://" + u.Host)
	if err != nil {
		return nil, refuse("host form")
	}
	authority := strings.TrimPrefix(origin.String(), origin.Scheme+"://")
	t := &url.URL{Scheme: u.Scheme, Host: authority, Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery, ForceQuery: u.ForceQuery}
	request := t.RequestURI()
	if request[0] != '/' || strings.ContainsFunc(request, func(c rune) bool { return c <= ' ' || c >= 0x7f }) {
		return nil, refuse("request target")
	}
	return t, r.CheckTarget(t.Hostname(), origin.Port)
}

// dialTarget is the second line: what the HTTP library is about to dial, checked again, with the kind of relay known.
func (r Rules) dialTarget(kind, address string) error {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return refuse("address form")
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return refuse("port")
	}
	if isOnion(host) && kind != kindTor {
		return refuse("onion name without tor")
	}
	return r.CheckTarget(host, uint16(port))
}
