package node

import (
	"context"
	"runtime/metrics"
	"time"

	figures "github.com/dunnock-server/dunnock/federation/metrics"
	"github.com/dunnock-server/dunnock/storage"
)

// countEvery is the grid on which what moves when the owner acts is counted. Who gets the counts over weeks learns the hours in
// which the owner acts, as from a coarse diary; asked each minute and counted anew they would tell the minute.
const countEvery = time.Hour

// metrics is how the node is.
func (n *Node) metrics(ctx context.Context) (s figures.Snapshot, err error) {
	s.Started = n.opened
	for _, w := range n.egress.Ways() {
		s.Relays = append(s.Relays, figures.Relay{Name: w.Name, Kind: w.Kind, Up: !w.Down, Since: w.Since, Reconnects: w.Reconnects})
	}
	for _, w := range n.Ingress() {
		s.Ingress = append(s.Ingress, figures.WayIn{Name: w.Name, Up: w.Up, Since: w.Since, Seen: w.Seen})
	}
	if c, ok := n.Certificate(); ok {
		s.Certificate = c.Until
	}
	n.counting.Lock()
	defer n.counting.Unlock()
	now := time.Now()
	if !now.Truncate(countEvery).Equal(n.counts.At.Truncate(countEvery)) {
		if n.counts, err = n.count(ctx, now); err != nil {
			n.counts = figures.Counts{}
		}
	}
	s.Counts = n.counts
	return s, err
}

// count counts. It reads whole indexes of the database.
func (n *Node) count(ctx context.Context, now time.Time) (figures.Counts, error) {
	there, err := n.db.Counts(ctx, storage.At(now))
	if err != nil {
		return figures.Counts{}, err
	}
	size, err := n.db.Size()
	process := []metrics.Sample{{Name: "/sched/goroutines:goroutines"}, {Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(process)
	return figures.Counts{At: now, Waiting: there.Waiting, Due: there.Due, GivenUp: there.GivenUp, Oldest: there.Oldest.Truncate(countEvery),
		Attempts: figures.Attempts(n.queue.Outcomes()), Inbound: there.Inbound, Calls: there.Calls, Ledger: there.Ledger,
		Database: size, Goroutines: process[0].Value.Uint64(), Heap: process[1].Value.Uint64()}, err
}
