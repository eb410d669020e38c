package egress

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/dunnock-server/dunnock/hardening/hostname"
)

// moveWithin is the time over which the domains of a relay that failed move to others, each at a moment of its own, and over
// which they move back. An observer of several domains would otherwise see in one second which of them are one node's.
const moveWithin = 10 * time.Minute

// Route gives some domains a pool of their own.
type Route struct {
	// Match is as [hostname.Match] has it.
	Match string
	// Relays are names of relays of the client, at least one.
	Relays []string
}

// pool is the relays that may carry what goes to a domain: those of the route that matches best, else the general ones.
func (c *Client) pool(domain string) []Relay {
	if relays, _, ok := hostname.Longest(c.routes, domain); ok {
		return relays
	}
	return c.general
}

// exit chooses the relay for a domain: the one of its pool with the highest keyed hash of (domain, relay name), so that the
// choice is stable, moves only the domains of a relay that fails or is taken out of the pool, and cannot be predicted by
// someone who owns another domain. What is not signed avoids the relays that the node is reached by, where the pool has
// others: from their addresses it would be known whose it is. Otherwise the purpose takes no part.
func (c *Client) exit(domain string, p Purpose) (Relay, error) {
	ranked := slices.DeleteFunc(slices.Clone(c.pool(domain)), func(r Relay) bool { return isOnion(domain) && r.Kind() != kindTor })
	if p != Federation {
		if others := slices.DeleteFunc(slices.Clone(ranked), func(r Relay) bool { return c.ingress[r.Name()] }); len(others) > 0 {
			ranked = others
		}
	}
	if len(ranked) == 0 {
		return nil, ErrNoRelay
	}
	slices.SortFunc(ranked, func(a, b Relay) int { return cmp.Compare(c.draw(domain, b.Name()), c.draw(domain, a.Name())) })
	now := time.Now()
	for _, r := range ranked {
		linked, ok := r.(Linked)
		if !ok {
			return r, nil
		}
		s := linked.State()
		if c.left(domain, r.Name(), s, now) && len(ranked) > 1 {
			continue
		}
		if s.Down {
			return nil, ErrRelayDown
		}
		return r, nil
	}
	return nil, ErrRelayDown
}

// left says whether a domain is elsewhere because of an outage: one under way that has lasted longer than the domain waits, or
// one that did so and ended so lately that the domain has not come back.
func (c *Client) left(domain, relay string, s State, now time.Time) bool {
	if s.Down {
		return now.Sub(s.Since) >= c.wait(domain, relay, s.Since)
	}
	return !s.Lost.IsZero() && s.Since.Sub(s.Lost) >= c.wait(domain, relay, s.Lost) && now.Sub(s.Since) < c.wait(domain, relay, s.Since)
}

// wait is how long after a moment a domain moves: up to moveWithin.
func (c *Client) wait(domain, relay string, at time.Time) time.Duration {
	return time.Duration(c.draw(domain, fmt.Sprint(relay, "\x00", at.UnixNano())) % uint64(moveWithin))
}

// draw is a number that only the holder of the key can tell.
func (c *Client) draw(domain, what string) uint64 {
	mac := hmac.New(sha256.New, c.key)
	mac.Write([]byte(domain + "\x00" + what))
	return binary.BigEndian.Uint64(mac.Sum(nil))
}
