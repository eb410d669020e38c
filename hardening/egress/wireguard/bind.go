package wireguard

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/device"

	"github.com/dunnock-server/dunnock/hardening/egress"
)

// bind is the sockets of a tunnel's life: one for each peer, connected to its endpoint.
type bind struct {
	sockets []*socket
	once    sync.Once
	opened  atomic.Bool
	// asked counts what was sent and has to be answered: by a handshake at once, by a sign of life within ten seconds.
	asked atomic.Uint64
}

// socket is also the library's name for the far end of it.
type socket struct {
	net.Conn
	to netip.AddrPort
}

// newBind connects a socket to each endpoint. What is sent by that is a look-up of an endpoint that is a name.
func newBind(ctx context.Context, dial egress.Dial, peers []Peer) (*bind, error) {
	b := &bind{}
	for _, p := range peers {
		c, err := dial(ctx, "udp", p.Endpoint)
		if err != nil {
			b.end()
			return nil, err
		}
		s := &socket{Conn: c}
		if to, ok := c.RemoteAddr().(*net.UDPAddr); ok {
			s.to = to.AddrPort()
		}
		if c, ok := c.(interface{ SetReadBuffer(int) error }); ok {
			_ = c.SetReadBuffer(buffered) // what the kernel does not give is not there
		}
		b.sockets = append(b.sockets, s)
	}
	return b, nil
}

// buffered is how many bytes the kernel is asked to hold of what comes in while the processor is busy with something else.
const buffered = 4 << 20

// Open implements [conn.Bind], once.
func (b *bind) Open(uint16) (receive []conn.ReceiveFunc, port uint16, err error) {
	if b.opened.Swap(true) {
		return nil, 0, conn.ErrBindAlreadyOpen
	}
	for _, s := range b.sockets {
		receive = append(receive, s.receive)
	}
	return receive, 0, nil
}

// Close implements [conn.Bind]. The library also calls it before Open.
func (b *bind) Close() error {
	if b.opened.Load() {
		b.end()
	}
	return nil
}

func (b *bind) end() {
	b.once.Do(func() {
		for _, s := range b.sockets {
			s.Conn.Close()
		}
	})
}

// failures is how many reads in a row may fail until a socket counts as gone: some report that an earlier packet was refused.
const failures = 100

func (s *socket) receive(packets [][]byte, sizes []int, from []conn.Endpoint) (int, error) {
	for range failures {
		n, err := s.Conn.Read(packets[0])
		if err == nil {
			sizes[0], from[0] = n, s
			return 1, nil
		}
		if !errors.Is(err, syscall.ECONNREFUSED) {
			break
		}
	}
	return 0, net.ErrClosed // whoever waits for an answer finds out
}

// Send implements [conn.Bind].
func (b *bind) Send(packets [][]byte, to conn.Endpoint) (err error) {
	s, ok := to.(*socket)
	if !ok {
		return conn.ErrWrongEndpointType
	}
	for _, p := range packets {
		if p[0] == device.MessageInitiationType || p[0] == device.MessageTransportType && len(p) > device.MessageKeepaliveSize {
			b.asked.Add(1)
		}
		if _, e := s.Conn.Write(p); e != nil {
			err = fmt.Errorf("wireguard: %w", e)
		}
	}
	return err
}

// ParseEndpoint implements [conn.Bind]: the endpoint of the n-th peer is called n.
func (b *bind) ParseEndpoint(n string) (conn.Endpoint, error) {
	i, err := strconv.Atoi(n)
	if err != nil || i < 0 || i >= len(b.sockets) {
		return nil, conn.ErrWrongEndpointType
	}
	return b.sockets[i], nil
}

func (b *bind) SetMark(uint32) error { return nil }
func (b *bind) BatchSize() int       { return 1 }

func (s *socket) ClearSrc()           {}
func (s *socket) SrcToString() string { return "" }
func (s *socket) SrcIP() netip.Addr   { return netip.Addr{} }
func (s *socket) DstToString() string { return s.to.String() }
func (s *socket) DstIP() netip.Addr   { return s.to.Addr() }
func (s *socket) DstToBytes() []byte {
	b, _ := s.to.MarshalBinary()
	return b
}
