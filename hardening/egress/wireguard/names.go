package wireguard

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"

	"github.com/dunnock-server/dunnock/hardening/dns"
	"github.com/dunnock-server/dunnock/hardening/egress"
)

const (
	rounds    = 2               // of all servers
	wait      = 3 * time.Second // for one server
	maxAnswer = 4096            // bytes; over UDP 512 without EDNS, of which there is none
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
				if err == nil || errors.Is(err, dns.ErrMissing) || ctx.Err() != nil {
					return addrs, ttl, err
				}
			}
		}
		if !errors.Is(err, dns.ErrFailed) { // nobody answers, which is no fault of the name's
			err = egress.ErrNames
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
		err = dns.ErrMissing
	}
	return nil, 0, err
}

func (t *tunnel) query(ctx context.Context, server netip.Addr, name string, kind dnsmessage.Type) ([]netip.Addr, time.Duration, error) {
	var random [2]byte
	rand.Read(random[:])
	id := binary.BigEndian.Uint16(random[:])
	asked, err := dns.Question(name, kind, id, 0)
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
			if addrs, ttl, err := dns.Answer(b[:n], id, name, kind); !errors.Is(err, dns.ErrOther) {
				return addrs, ttl, err
			}
		}
	})
	if !errors.Is(err, dns.ErrCut) {
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
		return dns.Answer(b, id, name, kind)
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
