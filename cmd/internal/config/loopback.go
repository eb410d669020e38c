package config

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	"github.com/dunnock-server/dunnock/hardening/egress"
)

// onLoopback reports whether a canonical host, with or without a port, is this machine and no other.
func onLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// loopback is a relay that carries nothing to another machine, and asks no resolver. A node that lives on loopback cannot
// be answered from elsewhere; without this, an address in what it is sent would make it show itself there all the same.
type loopback struct{ egress.Relay }

func (l loopback) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if !onLoopback(address) {
		return nil, fmt.Errorf("%w: a node on loopback stays there", egress.ErrRefused)
	}
	return l.Relay.DialContext(ctx, network, address)
}
