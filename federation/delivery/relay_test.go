package delivery_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/dunnock-server/dunnock/federation/delivery"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/storage"
)

// outage is a relay that can be down, which is noticed at the dial.
type outage struct {
	*far
	down error // nil: it is up
}

func (o *outage) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if o.down != nil {
		return nil, fmt.Errorf("%w: cut", o.down)
	}
	return o.far.DialContext(ctx, network, address)
}

// TestRelayDown: a relay that is down, or a resolver behind it, is no server's failure, however long it lasts; nothing counts as
// told; and when it is back what waited does not leave in one burst.
func TestRelayDown(t *testing.T) {
	for _, down := range []error{egress.ErrRelayDown, egress.ErrNames} {
		relayDown(t, down)
	}
}

func relayDown(t *testing.T, down error) {
	synctest.Test(t, func(t *testing.T) {
		relay := &outage{down: down}
		w := newWorld(t, func(c *Config, e *egressConfig) {
			relay.far, _ = e.Relays[0].(*far)
			e.Relays, c.GiveUp = []egress.Relay{relay}, time.Hour
		})
		const servers = 40
		var acts []*storage.Act
		for i := range servers {
			acts = append(acts, w.post(fmt.Sprintf("http://h%d.example/inbox", i)))
		}
		w.runFor(5 * time.Hour)
		for _, row := range w.deliveries() {
			if row.GivenUp {
				t.Fatalf("given up: %+v", row)
			}
		}
		for i := range servers {
			if h := w.host(fmt.Sprintf("h%d.example", i)); h.Failures != 0 || !h.FailingSince.IsZero() {
				t.Fatalf("%+v", h)
			}
			if told := w.told(acts[i]); told != "" {
				t.Fatalf("told %q", told)
			}
		}
		relay.down = nil
		back := time.Now()
		w.runFor(11 * time.Minute)
		var after []time.Duration
		for _, a := range w.far.took {
			after = append(after, a.at.Sub(back))
		}
		slices.Sort(after)
		if len(after) != servers {
			t.Fatalf("%d of %d arrived", len(after), servers)
		}
		if spread := after[servers-3] - after[2]; spread < 2*time.Minute {
			t.Errorf("%d servers were told within %v of each other", servers-4, spread)
		}
	})
}
