package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"
)

// Check is one thing that was found out about a relay, in words for its owner.
type Check struct {
	What  string `json:"check"`
	OK    bool   `json:"ok"`
	Found string `json:"found"`
}

// forbidden are addresses that nothing remote may make a relay dial: its own, those of its network and of the machine that it is a
// guest of.
var forbidden = []string{"127.0.0.1", "0.0.0.0", "10.0.0.1", "100.64.0.1", "169.254.169.254", "172.16.0.1", "192.168.0.1", "224.0.0.1",
	"::1", "::", "fd00::1", "fe80::1", "ff02::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"}

// Trial finds out what can be seen of a relay without a target: whether its link comes up, how far away it is, that private
// addresses are refused, and that nothing goes another way in its place. It tells nobody but the relay anything. The error is
// ErrNoRelay where there is none of that name.
func (c *Client) Trial(ctx context.Context, name string) ([]Check, error) {
	for _, r := range c.relays {
		if r.Name() == name {
			return []Check{link(ctx, r), refusals(ctx, r), c.alone(ctx, r)}, nil
		}
	}
	return nil, ErrNoRelay
}

// here is an address that only a dial from this machine finds anything at.
var here = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 9)

// rounds is how often the distance is measured: the least counts.
const rounds = 3

// link makes the link, or sees that it is there.
func link(ctx context.Context, r Relay) Check {
	linked, ok := r.(Linked)
	if !ok {
		return Check{"link", r.Kind() == KindDirect, "none: it is this machine itself"}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, defaultDeadline, errors.New("no answer in time"))
	defer cancel()
	begun := time.Now()
	if err := linked.Connect(ctx); err != nil {
		return Check{"link", false, linked.State().Reason}
	}
	first, best := time.Since(begun), time.Duration(0)
	for range rounds {
		begun := time.Now()
		if err := linked.Connect(ctx); err != nil {
			return Check{"link", false, linked.State().Reason}
		}
		if d := time.Since(begun); best == 0 || d < best {
			best = d
		}
	}
	return Check{"link", true, fmt.Sprintf("up in %v, then %v there and back", first.Round(time.Microsecond), best.Round(time.Microsecond))}
}

// refusals asks for what must not be asked for.
func refusals(ctx context.Context, r Relay) Check {
	refused := 0
	for _, addr := range forbidden {
		dial, cancel := context.WithTimeout(ctx, time.Second)
		conn, err := r.DialContext(dial, "tcp", net.JoinHostPort(addr, "443"))
		cancel()
		if conn != nil {
			conn.Close()
		}
		if errors.Is(err, ErrRefused) {
			refused++
		}
	}
	return Check{"private addresses", refused == len(forbidden), fmt.Sprintf("%d of %d refused before the relay was asked", refused, len(forbidden))}
}

// alone sees that a request whose relay is down does not go another way: to this machine's own loopback address, by rules that
// permit it, where a dial from here would be answered or refused by the machine.
func (c *Client) alone(ctx context.Context, r Relay) Check {
	const what = "direct dial"
	if r.Kind() == KindDirect {
		return Check{what, false, "this relay is one: every server sees the address of this machine"}
	}
	rules := c.rules
	rules.Exact = append(rules.Exact[:len(rules.Exact):len(rules.Exact)], here)
	without, err := New(Config{Relays: []Relay{gone{r}}, Rules: rules})
	if err != nil {
		return Check{what, false, err.Error()}
	}
	defer without.circuits.close() // and not the relay
	_, err = without.Do(ctx, Request{Method: http.MethodGet, URL: &url.URL{Scheme: "https", Host: here.String()}, Purpose: Trial})
	if !errors.Is(err, ErrRelayDown) {
		return Check{what, false, "with the relay down, something was dialled from here"}
	}
	return Check{what, true, "impossible: with the relay down, nothing was dialled"}
}

// gone is a relay that is down.
type gone struct{ Relay }

func (gone) State() State                  { return State{Down: true, Since: time.Now()} }
func (gone) Connect(context.Context) error { return ErrRelayDown }
func (gone) DialContext(context.Context, string, string) (net.Conn, error) {
	return nil, ErrRelayDown
}
