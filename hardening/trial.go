package hardening

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/exposure"
	"github.com/dunnock-server/dunnock/hardening/hostname"
)

// ParseEcho takes the URL of an echo. The error says what is wrong with it.
func ParseEcho(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.Fragment != "" {
		return nil, errors.New("an echo is an https URL")
	}
	if _, err := hostname.HostOf(raw); err != nil {
		return nil, err
	}
	return u, nil
}

// Try is [egress.Client.Trial], and a request to an echo by way of the relay, with its row in the ledger: what address servers
// see, and whether names are looked up on the way. The echo answers with that address alone, or with a line "ip=" and the
// address. Its operator learns that address, and that somebody asked for it.
func (g *Gate) Try(ctx context.Context, relay string, echo *url.URL) ([]egress.Check, error) {
	checks, err := g.egress.Trial(ctx, relay)
	if err != nil {
		return nil, err
	}
	domain, err := hostname.HostOf(echo.String())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", egress.ErrRefused, err)
	}
	seen, names := egress.Check{What: "address"}, egress.Check{What: "names"}
	begun := time.Now()
	addr, err := g.echo(ctx, relay, echo, domain)
	switch direct := g.direct(relay); {
	case err != nil:
		seen.Found = "no answer from " + echo.Host + ": " + err.Error()
		names.Found = "not seen, for want of an answer"
	case direct:
		seen.Found = fmt.Sprintf("servers see %v, this machine's", addr)
		names.Found = "looked up by this machine"
	default:
		seen.OK, seen.Found = true, fmt.Sprintf("servers see %v; %s answered in %v", addr, echo.Host, time.Since(begun).Round(time.Millisecond))
		if names.OK = !isAddress(echo.Hostname()); names.OK {
			names.Found = echo.Hostname() + " was looked up beyond the relay"
		} else {
			names.Found = "not seen: the echo is named by its address"
		}
	}
	return append(checks, seen, names), nil
}

func (g *Gate) direct(relay string) bool {
	return slices.ContainsFunc(g.egress.Ways(), func(w egress.Way) bool { return w.Name == relay && w.Kind == egress.KindDirect })
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// maxEcho is the size of an echo's answer, in bytes.
const maxEcho = 4 << 10

func (g *Gate) echo(ctx context.Context, relay string, echo *url.URL, domain string) (netip.Addr, error) {
	if !slices.Contains(g.Policy().For(domain).Asks, egress.Trial) {
		return netip.Addr{}, ErrWithheld
	}
	res, err := g.exchange(ctx, egress.Request{Method: http.MethodGet, URL: echo, Purpose: egress.Trial, Exit: relay, MaxBody: maxEcho},
		exposure.Row{Domain: domain, Direction: exposure.Fetched, Object: echo.Scheme + "://" + echo.Host + echo.Path}, nil)
	if err != nil {
		return netip.Addr{}, err
	}
	if res.Status != http.StatusOK {
		return netip.Addr{}, fmt.Errorf("it says %d", res.Status)
	}
	return echoed(string(res.Body))
}

// echoed reads the answer of an echo.
func echoed(body string) (netip.Addr, error) {
	text := body
	for line := range strings.Lines(body) {
		if value, ok := strings.CutPrefix(line, "ip="); ok {
			text = value
		}
	}
	addr, err := netip.ParseAddr(strings.TrimSpace(text))
	if err != nil || addr.Zone() != "" {
		return netip.Addr{}, errors.New("it tells no address")
	}
	return addr, nil
}
