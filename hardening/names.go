package hardening

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/dunnock-server/dunnock/hardening/dns"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/exposure"
	"github.com/dunnock-server/dunnock/hardening/hostname"
)

const (
	dnsType   = "application/dns-message" // RFC 8484 section 6
	dnsBlock  = 128                       // bytes: questions are padded to a multiple of it (RFC 8467 section 4.1)
	maxAnswer = 64 << 10                  // bytes
)

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
	for _, kind := range []dnsmessage.Type{dnsmessage.TypeA, dnsmessage.TypeAAAA} {
		answer, err := g.ask(ctx, &circuit, name, kind)
		if err != nil {
			return nil, 0, err
		}
		addrs, ttl, err := dns.Answer(answer, 0, name, kind)
		switch {
		case errors.Is(err, dns.ErrOther), errors.Is(err, dns.ErrCut):
			return nil, 0, egress.ErrNames
		case err != nil || len(addrs) > 0:
			return addrs, ttl, err
		}
	}
	return nil, 0, dns.ErrMissing
}

// ask asks the resolver for the records of a name, for a circuit or, with none, for the node itself.
func (g *Gate) ask(ctx context.Context, circuit *egress.Circuit, name string, kind dnsmessage.Type) ([]byte, error) {
	if !slices.Contains(g.Policy().For(g.resolver.domain).Asks, egress.Names) {
		return nil, egress.ErrNames
	}
	query, err := dns.Question(name, kind, 0, dnsBlock) // 0: equal questions are equal bytes (RFC 8484 section 4.1)
	if err != nil {
		return nil, err
	}
	res, err := g.exchange(ctx, egress.Request{
		Method: http.MethodPost, URL: g.resolver.url, Body: query, Purpose: egress.Names, Serves: circuit, MaxBody: maxAnswer,
		Header: http.Header{"Accept": {dnsType}, "Content-Type": {dnsType}},
	}, exposure.Row{Domain: g.resolver.domain, Direction: exposure.Fetched, Object: "dns:" + name}, nil) // RFC 4501
	switch {
	case errors.Is(err, egress.ErrNoRelay):
		return nil, err
	case err != nil: // whatever it is, it is not the target's: a refusal must not pass for one
		g.log.Debug("a name could not be looked up", "err", err)
		return nil, egress.ErrNames
	case res.Status != http.StatusOK || res.Header.Get("Content-Type") != dnsType:
		return nil, egress.ErrNames
	}
	return res.Body, nil
}

// CAA asks the resolver who may issue certificates for a name: the records there, or else those of the nearest name above it
// (RFC 8659 section 3). None and no error: anybody may.
func (g *Gate) CAA(ctx context.Context, name string) ([]dns.CAA, error) {
	if g.resolver == nil {
		return nil, egress.ErrNames
	}
	for {
		answer, err := g.ask(ctx, nil, name, dns.TypeCAA)
		if err != nil {
			return nil, err
		}
		records, err := dns.AnswerCAA(answer, 0, name)
		if err != nil && !errors.Is(err, dns.ErrMissing) || len(records) > 0 {
			return records, err
		}
		_, above, ok := strings.Cut(name, ".")
		if !ok {
			return nil, nil
		}
		name = above
	}
}
