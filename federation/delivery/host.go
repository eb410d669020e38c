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
	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/storage"
)

const (
	rowsPerTurn = 256 // inboxes of one server that a turn reads
	patience    = 5   // attempts that a refused act gets before the one after it is tried
)

// host sends to one server until nothing is due there or it fails.
func (q *Queue) host(ctx context.Context, host string) (attempts int, err error) {
	for more := true; more && ctx.Err() == nil; {
		results, fault := q.next(ctx, host)
		for _, r := range results {
			if r.verdict != untried {
				attempts++
			}
		}
		more, err = q.settle(ctx, host, results)
		if err = errors.Join(fault, err); err != nil {
			return attempts, err
		}
	}
	return attempts, nil
}

// next gives the act that a server is to get next its turn. If the server has refused that one again and again, the act
// after it is tried too: if that is taken, the trouble is not the server's, and the first is given up, since it must not
// arrive after the second.
func (q *Queue) next(ctx context.Context, host string) ([]outcome, error) {
	h, err := q.DB.Host(ctx, host)
	if err != nil {
		return nil, fmt.Errorf("read the outgoing queue: %w", err)
	}
	first, err := q.turn(ctx, h)
	if err != nil || !stuck(first) {
		return first, err
	}
	second, err := q.turn(ctx, h, first[0].act.ID)
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

// turn makes one attempt at each delivery of the next act but for those to pass over. The first goes alone, so that a
// server that fails costs one attempt however many of its inboxes wait; when one shows that the server fails, the rest is
// left for later.
func (q *Queue) turn(ctx context.Context, h *storage.Host, pass ...int64) ([]outcome, error) {
	rows, err := q.DB.NextDeliveries(ctx, h.Host, storage.Now(), rowsPerTurn, pass...)
	if err != nil {
		return nil, fmt.Errorf("read the outgoing queue: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	act, err := actOf(ctx, q.DB.Queries, rows[0])
	if err != nil {
		return nil, err
	}
	results := make([]outcome, len(rows))
	document, err := vocab.Parse([]byte(act.Document))
	if err != nil {
		for i, row := range rows {
			results[i] = outcome{act: act, row: row, verdict: hopeless, reason: "the stored act cannot be read"}
		}
		return results, nil
	}
	// Whoever had fewer attempts goes first: an inbox at which the server seems to fail does not always stand in front.
	slices.SortStableFunc(rows, func(a, b storage.Delivery) int { return cmp.Compare(a.Attempts, b.Attempts) })
	scheme := httpsig.Scheme(h.Scheme)
	var failed atomic.Bool
	try := func(i int) (err error) {
		if failed.Load() {
			return nil
		}
		results[i], err = q.attempt(ctx, scheme, act, document, rows[i])
		if err != nil || results[i].verdict > refused {
			failed.Store(true)
		}
		return err
	}
	err = try(0)
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

// actOf returns the act that a delivery is of. Short of damage to the database there is one; if not, an empty one, which
// is given up like any that cannot be read, lest its server hang on it for ever.
func actOf(ctx context.Context, q storage.Queries, row storage.Delivery) (*storage.Act, error) {
	act, err := q.Act(ctx, row.ActID)
	if errors.Is(err, storage.ErrNotFound) {
		return &storage.Act{ID: row.ActID}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read an act: %w", err)
	}
	return act, nil
}
