package egress

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"time"
)

// Direct is the relay that is none: it resolves names with the system's resolver and connects from this machine's own
// address, so that a remote server learns the home's address, and the home's resolver and ISP learn every name. It exists
// for trials and for machines whose address is no secret; the owner has to write it down.
//
// Every address is checked against rules in the dialer's Control hook, after the socket is made and before it connects:
// whatever a resolver answers, first or later, an address that the rules forbid sees no packet. Of a mixed answer the
// permitted addresses are tried.
func Direct(name string, rules Rules) Relay {
	// PreferGo: the C library could ask things that are not DNS servers.
	return newDirect(name, rules, &net.Resolver{PreferGo: true})
}

// DirectWith is Direct with another resolver than the system's, which whoever trusts it has set up: for tests, one that
// changes its answers.
func DirectWith(name string, rules Rules, resolver *net.Resolver) Relay {
	return newDirect(name, rules, resolver)
}

type direct struct {
	name   string
	rules  Rules
	dialer net.Dialer
}

func newDirect(name string, rules Rules, resolver *net.Resolver) *direct {
	d := &direct{name: name, rules: rules}
	d.dialer = net.Dialer{Timeout: 10 * time.Second, Resolver: resolver, Control: d.control}
	return d
}

// control is called for each socket before it connects.
func (d *direct) control(network, address string, _ syscall.RawConn) error {
	if network != "tcp4" && network != "tcp6" {
		return refuse("network")
	}
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return refuse("address form")
	}
	return d.rules.CheckAddr(a)
}

func (d *direct) Name() string { return d.name }
func (d *direct) Kind() string { return KindDirect }
func (d *direct) Close() error { return nil }

func (d *direct) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if network != "tcp" {
		return nil, refuse("network")
	}
	target, err := d.target(address)
	if err != nil {
		return nil, err
	}
	return d.dialer.DialContext(ctx, network, target)
}

// target is what the dialer is given for address, so that it asks the resolver for that name or nothing.
func (d *direct) target(address string) (string, error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return "", refuse("address form")
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return "", refuse("port")
	}
	if isOnion(host) {
		return "", refuse("onion name without tor")
	}
	if host == "localhost" { // RFC 6761 section 6.3: no resolver is asked
		addr, ok := d.rules.loopback(uint16(port))
		if !ok {
			return "", refuse("special-use name")
		}
		host = addr.String()
	} else if _, err := netip.ParseAddr(host); err != nil {
		host += "." // rooted: otherwise an unknown name is asked again with the home's search domains
	}
	return net.JoinHostPort(host, service), nil
}
