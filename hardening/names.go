package hardening

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
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
	if !slices.Contains(g.policy.For(g.resolver.domain).Asks, egress.Names) {
		return nil, 0, egress.ErrNames
	}
	for _, kind := range []dnsmessage.Type{dnsmessage.TypeA, dnsmessage.TypeAAAA} {
		query, err := dns.Question(name, kind, 0, dnsBlock) // 0: equal questions are equal bytes (RFC 8484 section 4.1)
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
		addrs, ttl, err := dns.Answer(res.Body, 0, name, kind)
		switch {
		case errors.Is(err, dns.ErrOther), errors.Is(err, dns.ErrCut):
			return nil, 0, egress.ErrNames
		case err != nil || len(addrs) > 0:
			return addrs, ttl, err
		}
	}
	return nil, 0, dns.ErrMissing
}
