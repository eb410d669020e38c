package egress

import (
	"context"
	"net"
	"time"
)

// Home dials from this machine's own address. It is for the hosts of relays, which the owner has named, and for nothing that a
// remote document names: the home's resolver and ISP learn the relay's name, and an address in its place spares the resolver.
func Home() Dial {
	d := net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second, Resolver: &net.Resolver{PreferGo: true}}
	d.SetMultipathTCP(false) // it would tell the relay, and the path, this machine's other addresses
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		if net.ParseIP(host) == nil && host != "localhost" {
			address = net.JoinHostPort(host+".", port) // rooted: search domains are not tried
		}
		return d.DialContext(ctx, network, address)
	}
}
