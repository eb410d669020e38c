package hardening

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/exposure"
	"github.com/dunnock-server/dunnock/hardening/hostname"
)

// Look dials addresses of the node's own by one relay, so that it sees itself from outside (see [egress.Client.Look], of which own
// is). Each connection has a row in the ledger under the name that it is to: who stands at either end of the way sees somebody
// visit it.
func (g *Gate) Look(relay, own string) egress.Dial {
	return g.egress.Look(relay, own, func(ctx context.Context, address string) (func(sent int64), error) {
		object := "https://" + strings.TrimSuffix(address, ":443") + "/"
		if host, ok := strings.CutSuffix(address, ":80"); ok {
			object = "http://" + host + "/"
		}
		domain, err := hostname.HostOf(object)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", egress.ErrRefused, err)
		}
		if !slices.Contains(g.Policy().For(domain).Asks, egress.Look) {
			return nil, ErrWithheld
		}
		entry, err := g.ledger.Begin(ctx, exposure.Row{At: time.Now(), Domain: domain, Direction: exposure.Fetched, Purpose: egress.Look.String(),
			Object: object, Exit: relay}, nil)
		if err != nil {
			return nil, err
		}
		return func(sent int64) {
			if err := entry.Settle(context.WithoutCancel(ctx), 0, sent); err != nil {
				g.log.Error("a disclosure could not be settled", "err", err)
			}
		}, nil
	})
}
