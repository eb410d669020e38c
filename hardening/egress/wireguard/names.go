package wireguard

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"

	"github.com/dunnock-server/dunnock/hardening/egress"
)

const (
	rounds    = 2               // of all servers
	wait      = 3 * time.Second // for one server
	maxAddrs  = 16              // of one answer
	maxAnswer = 4096            // bytes; over UDP 512 without EDNS, of which there is none
)

var (
	errAnswer = errors.New("wireguard: the tunnel's resolver does not answer as it should")
	errFailed = errors.New("wireguard: the tunnel's resolver cannot say")
	errCut    = errors.New("wireguard: an answer that was cut")
)

// ask gives what asks the tunnel's resolvers for names, or nil if it has none.
func (t *tunnel) ask() egress.NameAsk {
	if len(t.conf.DNS) == 0 {
		return nil
	}
	return func(ctx context.Context, name string) (addrs []netip.Addr, ttl time.Duration, err error) {
		for range rounds {
			for _, server := range t.conf.DNS {
				addrs, ttl, err = t.both(ctx, server, name)
				var missing *net.DNSError
				if err == nil || errors.As(err, &missing) || ctx.Err() != nil {
					return addrs, ttl, err
				}
			}
		}
		return nil, 0, err
	}
}

// both asks one server for the addresses of the families that the tunnel has, IPv6 first in the answer.
func (t *tunnel) both(ctx context.Context, server netip.Addr, name string) (addrs []netip.Addr, ttl time.Duration, err error) {
	type result struct {
		addrs []netip.Addr
		ttl   time.Duration
		err   error
	}
	kinds := []dnsmessage.Type{dnsmessage.TypeAAAA, dnsmessage.TypeA}
	results := make([]chan result, len(kinds))
	for i, kind := range kinds {
		results[i] = make(chan result, 1)
		if !t.conf.has(kind == dnsmessage.TypeA) {
			results[i] <- result{}
			continue
		}
		go func() {
			addrs, ttl, err := t.query(ctx, server, name, kind)
			results[i] <- result{addrs, ttl, err}
		}()
	}
	for i := range kinds {
		r := <-results[i]
		if r.err != nil {
			err = r.err
			continue
		}
		for _, a := range r.addrs {
			if t.conf.covers(a) {
				addrs = append(addrs, a)
			}
		}
		if ttl == 0 || len(r.addrs) > 0 && r.ttl < ttl {
			ttl = r.ttl
		}
	}
	if len(addrs) > 0 {
		return addrs, ttl, nil // half an answer is one
	}
	if err == nil {
		err = &net.DNSError{Err: "no address of the tunnel's families", IsNotFound: true}
	}
	return nil, 0, err
}

func (t *tunnel) query(ctx context.Context, server netip.Addr, name string, kind dnsmessage.Type) ([]netip.Addr, time.Duration, error) {
	asked, id, err := question(name, kind)
	if err != nil {
		return nil, 0, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, wait, errSilent)
	defer cancel()
	resolver := netip.AddrPortFrom(server, 53)
	remote := full(resolver)
	c, err := gonet.DialUDP(t.stack, nil, &remote, protocol(server))
	if err != nil {
		return nil, 0, err
	}
	addrs, ttl, err := within(ctx, c, func() ([]netip.Addr, time.Duration, error) {
		if _, err := c.Write(asked); err != nil {
			return nil, 0, err
		}
		for b := make([]byte, maxAnswer); ; {
			n, err := c.Read(b)
			if err != nil {
				return nil, 0, err
			}
			// What does not belong to the question is passed over: somebody else may have sent it.
			if addrs, ttl, err := answer(b[:n], id, name, kind); !errors.Is(err, errAnswer) {
				return addrs, ttl, err
			}
		}
	})
	if !errors.Is(err, errCut) {
		return addrs, ttl, err
	}
	stream, err := t.dial(ctx, resolver)
	if err != nil {
		return nil, 0, err
	}
	return within(ctx, stream, func() ([]netip.Addr, time.Duration, error) {
		b := binary.BigEndian.AppendUint16(nil, uint16(len(asked)))
		if _, err := stream.Write(append(b, asked...)); err != nil {
			return nil, 0, err
		}
		if _, err := io.ReadFull(stream, b[:2]); err != nil {
			return nil, 0, err
		}
		b = make([]byte, binary.BigEndian.Uint16(b))
		if _, err := io.ReadFull(stream, b); err != nil {
			return nil, 0, err
		}
		return answer(b, id, name, kind)
	})
}

// within runs f, which ends when ctx does, and closes c.
func within(ctx context.Context, c net.Conn, f func() ([]netip.Addr, time.Duration, error)) ([]netip.Addr, time.Duration, error) {
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Now()) })
	defer c.Close()
	addrs, ttl, err := f()
	if !stop() {
		return nil, 0, context.Cause(ctx)
	}
	return addrs, ttl, err
}

// question makes the message that asks for a name.
func question(name string, kind dnsmessage.Type) (message []byte, id uint16, err error) {
	rooted, err := dnsmessage.NewName(name + ".")
	if err != nil {
		return nil, 0, errors.New("wireguard: a name that is too long")
	}
	var random [2]byte
	rand.Read(random[:])
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: binary.BigEndian.Uint16(random[:]), RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: rooted, Type: kind, Class: dnsmessage.ClassINET}},
	}
	message, err = m.Pack()
	return message, m.ID, err
}

// answer reads what a resolver has sent. errAnswer: it answers something else. errCut: it has to be asked over TCP.
func answer(message []byte, id uint16, name string, kind dnsmessage.Type) (addrs []netip.Addr, ttl time.Duration, err error) {
	var p dnsmessage.Parser
	h, err := p.Start(message)
	if err != nil || !h.Response || h.ID != id {
		return nil, 0, errAnswer
	}
	q, err := p.Question()
	if err != nil || q.Type != kind || q.Class != dnsmessage.ClassINET || !strings.EqualFold(q.Name.String(), name+".") {
		return nil, 0, errAnswer
	}
	switch {
	case h.Truncated:
		return nil, 0, errCut
	case h.RCode == dnsmessage.RCodeNameError:
		return nil, 0, &net.DNSError{Err: "no such name", IsNotFound: true}
	case h.RCode != dnsmessage.RCodeSuccess || p.SkipAllQuestions() != nil:
		return nil, 0, errFailed
	}
	least := uint32(1<<32 - 1)
	for len(addrs) < maxAddrs {
		h, err := p.AnswerHeader()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			break
		} else if err != nil {
			return nil, 0, fmt.Errorf("%w: form", errFailed)
		}
		least = min(least, h.TTL) // of what leads to the addresses as well
		var addr netip.Addr
		switch {
		case h.Type == dnsmessage.TypeA && kind == h.Type:
			var r dnsmessage.AResource
			r, err = p.AResource()
			addr = netip.AddrFrom4(r.A)
		case h.Type == dnsmessage.TypeAAAA && kind == h.Type:
			var r dnsmessage.AAAAResource
			r, err = p.AAAAResource()
			addr = netip.AddrFrom16(r.AAAA)
		default:
			if err = p.SkipAnswer(); err == nil {
				continue
			}
		}
		if err != nil {
			return nil, 0, fmt.Errorf("%w: form", errFailed)
		}
		addrs = append(addrs, addr)
	}
	return addrs, time.Duration(least) * time.Second, nil
}
