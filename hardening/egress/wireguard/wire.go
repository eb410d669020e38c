package wireguard

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"sync"

	"golang.zx2c4.com/wireguard/tun"
	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/log"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
)

const (
	nic    = 1
	queued = 4096 // packets between the stack and what encrypts them; more are lost, as on any line
)

// wire carries packets between a network stack and the device that encrypts them. It is a [tun.Device].
type wire struct {
	ep     *channel.Endpoint
	mtu    int
	events chan tun.Event
	ctx    context.Context
	cancel context.CancelFunc
	once   sync.Once
}

// silence keeps gVisor from writing addresses of packets to standard error, which it does by itself.
var silence = sync.OnceFunc(func() { log.SetTarget(&log.Writer{Next: io.Discard}) })

// newStack makes the stack of a tunnel, whose only way out is the wire.
func newStack(c *Conf) (*stack.Stack, *wire, error) {
	silence()
	w := &wire{ep: channel.New(queued, uint32(c.MTU), ""), mtu: c.MTU, events: make(chan tun.Event)}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	s := stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol, ipv6.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol, udp.NewProtocol},
		HandleLocal:        true,
	})
	sack := tcpip.TCPSACKEnabled(true)
	err := s.SetTransportProtocolOption(tcp.ProtocolNumber, &sack)
	if err == nil {
		err = s.CreateNIC(nic, w.ep)
	}
	for _, a := range c.Addresses {
		if err == nil {
			addr := tcpip.ProtocolAddress{Protocol: protocol(a), AddressWithPrefix: tcpip.AddrFromSlice(a.AsSlice()).WithPrefix()}
			err = s.AddProtocolAddress(nic, addr, stack.AddressProperties{})
		}
	}
	if err != nil {
		s.Destroy()
		return nil, nil, fmt.Errorf("wireguard: network stack: %s", err)
	}
	if c.has(true) {
		s.AddRoute(tcpip.Route{Destination: header.IPv4EmptySubnet, NIC: nic})
	}
	if c.has(false) {
		s.AddRoute(tcpip.Route{Destination: header.IPv6EmptySubnet, NIC: nic})
	}
	return s, w, nil
}

func protocol(a netip.Addr) tcpip.NetworkProtocolNumber {
	if a.Is4() {
		return ipv4.ProtocolNumber
	}
	return ipv6.ProtocolNumber
}

// full is an address as the stack writes it.
func full(a netip.AddrPort) tcpip.FullAddress {
	return tcpip.FullAddress{NIC: nic, Addr: tcpip.AddrFromSlice(a.Addr().AsSlice()), Port: a.Port()}
}

// Read implements [tun.Device]: what the stack sends.
func (w *wire) Read(packets [][]byte, sizes []int, offset int) (n int, err error) {
	for p := w.ep.ReadContext(w.ctx); p != nil; p = w.ep.Read() {
		v := p.ToView()
		p.DecRef()
		sizes[n] = copy(packets[n][offset:], v.AsSlice())
		v.Release()
		if n++; n == len(packets) {
			break
		}
	}
	if n == 0 {
		return 0, os.ErrClosed
	}
	return n, nil
}

// Write implements [tun.Device]: what has come in.
func (w *wire) Write(packets [][]byte, offset int) (int, error) {
	for _, p := range packets {
		if p = p[offset:]; len(p) == 0 {
			continue
		}
		number := header.IPv4ProtocolNumber
		if p[0]>>4 == 6 {
			number = header.IPv6ProtocolNumber
		}
		b := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(p)})
		w.ep.InjectInbound(number, b)
		b.DecRef()
	}
	return len(packets), nil
}

// Close implements [tun.Device].
func (w *wire) Close() error {
	w.cancel()
	w.ep.Close()
	w.once.Do(func() { close(w.events) })
	return nil
}

func (w *wire) Name() (string, error)    { return "stack", nil }
func (w *wire) File() *os.File           { return nil }
func (w *wire) MTU() (int, error)        { return w.mtu, nil }
func (w *wire) BatchSize() int           { return 1 }
func (w *wire) Events() <-chan tun.Event { return w.events }
