package hardening

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/exposure"
	"github.com/dunnock-server/dunnock/hardening/hostname"
)

const (
	dnsType     = "application/dns-message" // RFC 8484 section 6
	dnsPadding  = 128                       // queries are padded to a multiple of it (RFC 8467 section 4.1)
	optPadding  = 12                        // RFC 7830 section 3
	maxAnswer   = 64 << 10                  // bytes of an answer
	mostRecords = 64                        // of an answer
)

// errNoName says that a resolver knows no address for a name. It holds nothing of the name.
var errNoName = errors.New("the resolver has no address for the name")

// Resolver is a server that answers DNS over HTTPS (RFC 8484).
type Resolver struct {
	url    *url.URL
	domain string
}

// ParseResolver takes the resolver's https URL, whose host is an address. The error says what is wrong with it.
func ParseResolver(raw string) (*Resolver, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "https" || u.User != nil || u.Fragment != "" {
		return nil, errors.New("a resolver is an https URL")
	}
	if _, err := netip.ParseAddr(u.Hostname()); err != nil {
		return nil, errors.New("a resolver's host is an address: its name would have to be looked up by itself")
	}
	domain, err := hostname.HostOf(raw)
	if err != nil {
		return nil, err
	}
	return &Resolver{u, domain}, nil
}

// lookUp asks the resolver for the addresses of a name, IPv4 first and IPv6 where there is none: by DNS over HTTPS (RFC 8484),
// by way of the exit of the circuit whose dial it serves, with a row in the ledger under the resolver's domain. It is an
// [egress.NameLookup]: a resolver that cannot be asked is [egress.ErrNames], and a name that it cannot tell is the name's fault.
func (g *Gate) lookUp(ctx context.Context, circuit egress.Circuit, name string) ([]netip.Addr, time.Duration, error) {
	if !slices.Contains(g.policy.For(g.resolver.domain).Asks, egress.Names) {
		return nil, 0, egress.ErrNames
	}
	for _, kind := range []dnsmessage.Type{dnsmessage.TypeA, dnsmessage.TypeAAAA} {
		query, err := dnsQuery(name, kind)
		if err != nil {
			return nil, 0, err
		}
		res, err := g.exchange(ctx, egress.Request{
			Method: http.MethodPost, URL: g.resolver.url, Body: query, Purpose: egress.Names, Serves: &circuit, MaxBody: maxAnswer,
			Header: http.Header{"Accept": {dnsType}, "Content-Type": {dnsType}},
		}, exposure.Row{Domain: g.resolver.domain, Direction: exposure.Fetched, Object: "dns:" + name}, nil) // RFC 4501
		switch {
		case errors.Is(err, egress.ErrNoRelay):
			return nil, 0, err
		case err != nil: // whatever it is, it is not the target's: a refusal must not pass for one
			g.log.Debug("a name could not be looked up", "err", err)
			return nil, 0, egress.ErrNames
		case res.Status != http.StatusOK || res.Header.Get("Content-Type") != dnsType:
			return nil, 0, egress.ErrNames
		}
		addrs, ttl, err := dnsAnswer(res.Body, name, kind)
		if err != nil || len(addrs) > 0 {
			return addrs, ttl, err
		}
	}
	return nil, 0, errNoName
}

// dnsQuery is the message that asks for a name: with identifier 0, so that equal queries are equal bytes (RFC 8484 section
// 4.1), and padded, so that their length tells the path little.
func dnsQuery(name string, kind dnsmessage.Type) ([]byte, error) {
	n, err := dnsmessage.NewName(name + ".")
	if err != nil {
		return nil, fmt.Errorf("a name for a resolver: %w", err)
	}
	opt := dnsmessage.Resource{Body: &dnsmessage.OPTResource{Options: []dnsmessage.Option{{Code: optPadding}}}}
	if err := opt.Header.SetEDNS0(4096, dnsmessage.RCodeSuccess, false); err != nil {
		return nil, err
	}
	m := dnsmessage.Message{
		Header:      dnsmessage.Header{RecursionDesired: true},
		Questions:   []dnsmessage.Question{{Name: n, Type: kind, Class: dnsmessage.ClassINET}},
		Additionals: []dnsmessage.Resource{opt},
	}
	short, err := m.Pack()
	if err != nil {
		return nil, fmt.Errorf("a query for a resolver: %w", err)
	}
	pad := (dnsPadding - len(short)%dnsPadding) % dnsPadding
	m.Additionals[0].Body = &dnsmessage.OPTResource{Options: []dnsmessage.Option{{Code: optPadding, Data: make([]byte, pad)}}}
	return m.Pack()
}

// dnsAnswer gives the addresses in a resolver's answer to the question for name, and the shortest time to live on the way to
// them. No address and no error: there are none of that kind. An answer that cannot be read is [egress.ErrNames].
func dnsAnswer(body []byte, name string, kind dnsmessage.Type) (addrs []netip.Addr, ttl time.Duration, err error) {
	var p dnsmessage.Parser
	head, err := p.Start(body)
	if err != nil {
		return nil, 0, egress.ErrNames
	}
	switch {
	case !head.Response || head.Truncated:
		return nil, 0, egress.ErrNames
	case head.RCode != dnsmessage.RCodeSuccess: // there is none, or the domain's own servers do not answer
		return nil, 0, errNoName
	}
	q, err := p.AllQuestions()
	if err != nil || len(q) != 1 || q[0].Type != kind || !sameName(q[0].Name, name) {
		return nil, 0, egress.ErrNames
	}
	least := uint32(1<<32 - 1)
	for range mostRecords {
		h, err := p.AnswerHeader()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			break
		} else if err != nil {
			return nil, 0, egress.ErrNames
		}
		least = min(least, h.TTL)
		switch {
		case h.Type == dnsmessage.TypeA && kind == h.Type && h.Class == dnsmessage.ClassINET:
			var a dnsmessage.AResource
			if a, err = p.AResource(); err == nil {
				addrs = append(addrs, netip.AddrFrom4(a.A))
			}
		case h.Type == dnsmessage.TypeAAAA && kind == h.Type && h.Class == dnsmessage.ClassINET:
			var a dnsmessage.AAAAResource
			if a, err = p.AAAAResource(); err == nil {
				addrs = append(addrs, netip.AddrFrom16(a.AAAA))
			}
		default:
			err = p.SkipAnswer()
		}
		if err != nil {
			return nil, 0, egress.ErrNames
		}
	}
	return addrs, time.Duration(least) * time.Second, nil
}

// sameName compares names without regard to case.
func sameName(n dnsmessage.Name, name string) bool {
	got, err := hostname.Canonical(n.String(), false)
	return err == nil && got == name
}
