package sshlink

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"golang.org/x/crypto/ssh"
)

// backlog is how many visitors of a port may wait to be accepted. Beyond it they are turned away.
const backlog = 128

// listener is a port of the relay.
type listener struct {
	s    *session
	port uint16

	mu       sync.Mutex
	closed   bool
	end      chan struct{}
	visitors chan ssh.NewChannel
}

// wish is what asks for a port, or gives it back (RFC 4254 section 7.1). An empty address is all addresses of the relay.
type wish struct {
	Address string
	Port    uint32
}

func (s *session) listen(ctx context.Context, port uint16) (net.Listener, error) {
	l := &listener{s: s, port: port, end: make(chan struct{}), visitors: make(chan ssh.NewChannel, backlog)}
	s.mu.Lock()
	if s.listeners[port] != nil {
		s.mu.Unlock()
		return nil, errors.New("ssh relay: the port is ours already")
	}
	s.listeners[port] = l // before the answer: a visitor may come with it
	s.mu.Unlock()
	answer := make(chan error)
	waiting, left := context.WithCancel(ctx)
	defer left()
	go func() {
		ok, err := s.request(context.Background(), "tcpip-forward", ssh.Marshal(wish{"", uint32(port)})) // ends with the session
		if err == nil && !ok {
			err = fmt.Errorf("ssh relay refuses port %d: it is taken there, or not allowed to our key", port)
		}
		if err != nil {
			l.Close()
		}
		select {
		case answer <- err:
		case <-waiting.Done():
			l.Close()
		}
	}()
	select {
	case err := <-answer:
		if err != nil {
			return nil, err
		}
		return l, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// receive takes the channels that the relay opens: visitors of a port that is ours, and nothing else.
func (s *session) receive(channels <-chan ssh.NewChannel) {
	for ch := range channels {
		var v visit
		if ch.ChannelType() != "forwarded-tcpip" || ssh.Unmarshal(ch.ExtraData(), &v) != nil {
			_ = ch.Reject(ssh.Prohibited, "")
			continue
		}
		s.mu.Lock()
		l := s.listeners[uint16(v.Port)]
		s.mu.Unlock()
		if l == nil || v.Port > 65535 || !l.hand(ch) {
			_ = ch.Reject(ssh.Prohibited, "")
		}
	}
}

// visit is what the relay says of a visitor (RFC 4254 section 7.2).
type visit struct {
	Address string
	Port    uint32
	Origin  string
	From    uint32
}

func (l *listener) hand(ch ssh.NewChannel) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	select {
	case l.visitors <- ch:
		return true
	default:
		return false
	}
}

// Accept implements [net.Listener]. The remote address is the visitor's, as the relay says.
func (l *listener) Accept() (net.Conn, error) {
	for {
		select {
		case <-l.end:
			return nil, net.ErrClosed
		case <-l.s.done:
			return nil, l.s.ended()
		case ch := <-l.visitors:
			var v visit
			_ = ssh.Unmarshal(ch.ExtraData(), &v) // as before
			c, requests, err := ch.Accept()
			if err != nil {
				continue // with the link, or the visitor has left
			}
			return newConn(l.s, c, requests, l.Addr(), visitor(v)), nil
		}
	}
}

func visitor(v visit) net.Addr {
	ip, err := netip.ParseAddr(v.Origin)
	if err != nil || v.From > 65535 {
		return addr("visitor")
	}
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip.Unmap(), uint16(v.From)))
}

// Close implements [net.Listener]: the port is given back, and visitors who wait are turned away.
func (l *listener) Close() error {
	l.mu.Lock()
	already := l.closed
	l.closed = true
	l.mu.Unlock()
	if already {
		return nil
	}
	close(l.end)
	go func() {
		_, _, _ = l.s.conn.SendRequest("cancel-tcpip-forward", false, ssh.Marshal(wish{"", uint32(l.port)}))
		for {
			select {
			case ch := <-l.visitors:
				_ = ch.Reject(ssh.Prohibited, "")
				continue
			default:
			}
			break
		}
		l.s.mu.Lock()
		defer l.s.mu.Unlock()
		delete(l.s.listeners, l.port)
	}()
	return nil
}

// Addr implements [net.Listener].
func (l *listener) Addr() net.Addr { return addr(fmt.Sprintf("relay:%d", l.port)) }
