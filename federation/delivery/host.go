package delivery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/dunnock-server/dunnock/federation/httpsig"
	"github.com/dunnock-server/dunnock/storage"
)

const (
	rowsPerTurn = 256 // inboxes of one server that a turn reads
	patience    = 5   // attempts that a refused act gets before the one after it is tried
)

// host sends to one server until nothing is due there or it fails. first is what it gets next, if that is known. next is when
// something is due there; zero: nothing waits.
func (q *Queue) host(ctx context.Context, h storage.Host, first []storage.Delivery) (attempts int, next storage.Time, err error) {
	for more := true; more; first = nil {
		q.slots <- struct{}{}
		if ctx.Err() != nil {
			<-q.slots
			break
		}
		among := ctx
		if len(q.slots) >= crowd {
			among = storage.Patient(ctx)
		}
		results, fault := q.next(among, h, first)
		<-q.slots // another one may be sent to before what became of it is written
		for _, r := range results {
			if r.verdict != untried {
				attempts++
			}
		}
		more, err = q.settle(among, &h, results)
		if err = errors.Join(fault, err); err != nil {
			return attempts, h.DueAt, err
		}
	}
	return attempts, h.DueAt, nil
}

// next gives the act that a server is to get next its turn. If the server has refused that one again and again, the act
// after it is tried too: if that is taken, the trouble is not the server's, and the first is given up, since it must not
// arrive after the second.
func (q *Queue) next(ctx context.Context, h storage.Host, rows []storage.Delivery) ([]outcome, error) {
	first, err := q.turn(ctx, h, rows)
	if err != nil || !stuck(first) {
		return first, err
	}
	second, err := q.turn(ctx, h, nil, first[0].act.ID)
	if slices.ContainsFunc(second, func(o outcome) bool { return o.verdict == arrived }) {
		for i := range first {
			if first[i].verdict == refused {
				first[i].verdict = hopeless
			}
		}
	}
	return append(first, second...), err
}

// stuck says that an act waits for nothing but inboxes that have refused it often enough, and the last two times alike: a
// server that comes back from a long silence is not held to that.
func stuck(results []outcome) bool {
	refusals := 0
	for _, o := range results {
		switch {
		case o.verdict == refused && o.row.Attempts >= patience && o.row.Error == o.reason:
			refusals++
		case o.verdict >= refused:
			return false
		}
	}
	return refusals > 0
}

// turn makes one attempt at each delivery of the next act but for those to pass over; rows are these deliveries, if they are
// known. The first goes alone, so that a server that fails costs one attempt however many of its inboxes wait; when one shows
// that the server fails, the rest is left for later.
func (q *Queue) turn(ctx context.Context, h storage.Host, rows []storage.Delivery, pass ...int64) (results []outcome, err error) {
	if rows == nil {
		if rows, err = q.DB.NextDeliveries(ctx, h.Host, storage.Now(), rowsPerTurn, pass...); err != nil {
			return nil, fmt.Errorf("read the outgoing queue: %w", err)
		}
	}
	if len(rows) == 0 {
		return nil, nil
	}
	l, err := q.letter(ctx, rows[0].ActID)
	if err != nil {
		return nil, err
	}
	results = make([]outcome, len(rows))
	// Whoever had fewer attempts goes first: an inbox at which the server seems to fail does not always stand in front.
	slices.SortStableFunc(rows, func(a, b storage.Delivery) int { return cmp.Compare(a.Attempts, b.Attempts) })
	scheme := httpsig.Scheme(h.Scheme)
	var failed atomic.Bool
	try := func(i int) (err error) {
		if failed.Load() {
			return nil
		}
		results[i], err = q.attempt(ctx, scheme, l, rows[i])
		if err != nil || results[i].verdict > refused {
			failed.Store(true)
		}
		return err
	}
	err = try(0)
	if len(rows) == 1 {
		return results, err
	}
	if results[0].scheme != 0 {
		scheme = results[0].scheme
	}
	var rest errgroup.Group
	rest.SetLimit(q.PerHost)
	for i := 1; i < len(rows); i++ {
		rest.Go(func() error { return try(i) })
	}
	return results, errors.Join(err, rest.Wait())
}
