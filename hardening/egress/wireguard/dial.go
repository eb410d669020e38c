package wireguard

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"

	"github.com/dunnock-server/dunnock/hardening/egress"
)

// backlog is how many connections may wait to be accepted.
const backlog = 128

// patience is how long a target may take to be reached.
const patience = 10 * time.Second

// dial connects to an address through the tunnel, or refuses it: there is no other way to it.
func (t *tunnel) dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	if !t.conf.covers(to.Addr()) {
		return nil, fmt.Errorf("%w: not an address of the tunnel", egress.ErrRefused)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errSilent)
	defer cancel()
	c, err := gonet.DialContextTCP(ctx, t.stack, full(to), protocol(to.Addr()))
	switch {
	case ctx.Err() != nil:
		if err == nil {
			c.Close()
		}
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, plain(err)
	}
	return c, nil
}

// plain is an error of the stack as the system's would be.
func plain(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		switch op.Err.Error() {
		case (&tcpip.ErrConnectionRefused{}).String():
			return syscall.ECONNREFUSED
		case (&tcpip.ErrNetworkUnreachable{}).String():
			return syscall.ENETUNREACH
		case (&tcpip.ErrHostUnreachable{}).String():
			return syscall.EHOSTUNREACH
		}
	}
	return err
}

// listen takes connections on a port of all our addresses inside the tunnel.
func (t *tunnel) listen(port uint16) (net.Listener, error) {
	number := ipv4.ProtocolNumber
	if t.conf.has(false) {
		number = ipv6.ProtocolNumber // and of IPv4 with it
	}
	var events waiter.Queue
	ep, failed := t.stack.NewEndpoint(tcp.ProtocolNumber, number, &events)
	if failed == nil {
		// Connections of a listener before may be winding up still.
		ep.SocketOptions().SetReuseAddress(true)
		if failed = ep.Bind(tcpip.FullAddress{NIC: nic, Port: port}); failed == nil {
			failed = ep.Listen(backlog)
		}
		if failed != nil {
			ep.Close()
		}
	}
	if failed != nil {
		return nil, fmt.Errorf("wireguard: port %d inside the tunnel: %s", port, failed)
	}
	l := listener{gonet.NewTCPListener(t.stack, &events, ep)}
	if t.ctx.Err() != nil { // or else the stack ends it
		l.Close()
		return nil, net.ErrClosed
	}
	return l, nil
}

// keepalive keeps the way in through the home's NAT open where the file does not.
func (t *tunnel) keepalive() {
	for _, p := range t.conf.Peers {
		if p.Keepalive == 0 {
			_ = t.dev.IpcSet(fmt.Sprintf("public_key=%s\nupdate_only=true\npersistent_keepalive_interval=%d\n", p.PublicKey.hex(), nat/time.Second))
		}
	}
}

// nat is how often a NAT has to see a packet, as wg(8) has it.
const nat = 25 * time.Second

// listener ends with its tunnel.
type listener struct{ *gonet.TCPListener }

func (l listener) Accept() (net.Conn, error) {
	c, err := l.TCPListener.Accept()
	if err != nil {
		return nil, net.ErrClosed // nothing else ends it
	}
	return c, nil
}
