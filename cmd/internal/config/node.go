package config

import (
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"

	"github.com/dunnock-server/dunnock/federation/node"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/timing"
)

// Node is the configuration as federation/node takes it. The relays in it are closed by the node that is opened with it.
// What this version has no keys for is fixed here: what is told is told at once.
func (c *Config) Node(log *slog.Logger) (node.Config, error) {
	n := node.Config{Domain: c.Domain, Host: c.Host, Username: c.Username, DataDir: c.Data,
		Timing: timing.Mode{Kind: timing.Now}, Log: log}
	var err error
	if n.Policy, err = c.policy(); err != nil {
		return node.Config{}, err
	}
	if n.Keep, err = c.Retention.keep(); err != nil {
		return node.Config{}, err
	}
	n.UnsafeHTTP = c.Unsafe != nil && c.Unsafe.HTTP
	if n.Rules, err = c.rules(); err != nil {
		return node.Config{}, err
	}
	if c.Egress == nil {
		return n, c.waysIn(&n)
	}
	if n.Resolver, err = hardening.ParseResolver(c.Egress.Resolver); err != nil {
		return node.Config{}, fmt.Errorf("egress.resolver: %w", err)
	}
	if n.Echo, err = hardening.ParseEcho(c.Egress.Echo); err != nil {
		return node.Config{}, fmt.Errorf("egress.echo: %w", err)
	}
	n.Pool = c.Egress.Relays
	for _, match := range slices.Sorted(maps.Keys(c.Egress.Route)) {
		n.Routes = append(n.Routes, egress.Route{Match: match, Relays: c.Egress.Route[match]})
	}
	var at string
	if n.Relays, at, err = c.ways(n.Rules, log); err != nil {
		return node.Config{}, fmt.Errorf("%s: %w", plain(at), err)
	}
	if err := c.waysIn(&n); err != nil {
		for _, r := range n.Relays {
			_ = r.Close() // nothing was sent by it
		}
		return node.Config{}, err
	}
	return n, nil
}

// rules are what may be dialled.
func (c *Config) rules() (r egress.Rules, err error) {
	if c.Unsafe == nil {
		return r, nil
	}
	r.HTTP = c.Unsafe.HTTP
	for _, text := range c.Unsafe.Addresses {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return r, fmt.Errorf("unsafe.addresses: %w", err)
		}
		r.Addresses = append(r.Addresses, prefix)
	}
	return r, nil
}
