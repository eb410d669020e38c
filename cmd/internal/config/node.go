package config

import (
	"fmt"
	"log/slog"
	"net/netip"
	"slices"

	"github.com/dunnock-server/dunnock/federation/node"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/ingress"
	"github.com/dunnock-server/dunnock/hardening/timing"
)

// Node is the configuration as federation/node takes it. The relays in it are closed by the node that is opened with it.
// What this version has no keys for is fixed here: every domain that signs is told everything, at once.
func (c *Config) Node(log *slog.Logger) (node.Config, error) {
	n := node.Config{Domain: c.Domain, Host: c.Host, Username: c.Username, DataDir: c.Data,
		Listen: ingress.Config{Address: c.Listen.Address}, Timing: timing.Now, Policy: hardening.Open(), Log: log}
	var err error
	if n.Keep, err = c.Retention.keep(); err != nil {
		return node.Config{}, err
	}
	if c.Unsafe != nil {
		n.UnsafeHTTP, n.Rules.HTTP = c.Unsafe.HTTP, c.Unsafe.HTTP
		for _, text := range c.Unsafe.Addresses {
			prefix, err := netip.ParsePrefix(text)
			if err != nil {
				return node.Config{}, fmt.Errorf("unsafe.addresses: %w", err)
			}
			n.Rules.Addresses = append(n.Rules.Addresses, prefix)
		}
	}
	if c.Egress == nil {
		return n, nil
	}
	for _, name := range c.Egress.Relays {
		i := slices.IndexFunc(c.Relays, func(r Relay) bool { return r.Name == name })
		if i < 0 || c.Relays[i].Kind != KindDirect {
			return node.Config{}, fmt.Errorf("egress.relays: no relay %q of a known kind", name)
		}
		relay := egress.Direct(name, n.Rules)
		if onLoopback(c.Host) {
			relay = loopback{relay}
		}
		n.Relays = append(n.Relays, relay)
	}
	return n, nil
}
