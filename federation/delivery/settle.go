package delivery

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/dunnock-server/dunnock/federation/httpsig"
	"github.com/dunnock-server/dunnock/storage"
)

const (
	firstBackoff = 30 * time.Second
	maxBackoff   = 6 * time.Hour
	maxDoublings = 10 // firstBackoff doubled this often is beyond maxBackoff
	// holdFor is for what could not leave for a reason of our own: each server's is drawn from its upper half, so that what
	// waited for a relay does not leave in one burst when it is back.
	holdFor = 10 * time.Minute
)

// settle writes what became of a turn, if there was any: rows that are done go, a failure puts the whole server off, and
// what has waited for too long is given up. h gets what is known of the server then. more says that something is due which it
// may get at once.
func (q *Queue) settle(ctx context.Context, h *storage.Host, results []outcome) (more bool, err error) {
	t := tally(results)
	err = q.DB.WriteAgain(context.WithoutCancel(ctx), func(ctx context.Context, tx storage.Tx) error {
		for _, o := range results {
			if err := q.settleRow(ctx, tx, o); err != nil {
				return err
			}
		}
		if slices.ContainsFunc(results, announced) {
			if err := tx.ForgetFormerKeys(ctx); err != nil {
				return err
			}
		}
		now := storage.Now()
		if t.scheme != 0 && !t.failed && !t.held {
			*h = storage.Host{Host: h.Host, Scheme: int(t.scheme)}
			if h.DueAt, err = tx.SettleHost(ctx, h.Host, h.Scheme); !errors.Is(err, storage.ErrNotFound) {
				more = !t.cut && !h.DueAt.IsZero() && !h.DueAt.After(now.Time)
				return err
			}
		}
		known, err := tx.Host(ctx, h.Host)
		if err != nil {
			return err
		}
		*h = *known
		if h.DueAt, err = tx.NextDue(ctx, h.Host); err != nil {
			return err
		}
		more = !t.failed && !t.held && !t.cut && !h.DueAt.IsZero() && !h.DueAt.After(now.Time)
		if len(results) == 0 && !more { // its wait is over, and what comes next need not wait for what is due later
			h.Failures, h.FailingSince = 0, storage.Time{}
		}
		t.note(h, now)
		if t.failed && h.Failures >= trials(q.GiveUp) && now.Sub(h.FailingSince.Time) >= q.GiveUp {
			if err := q.giveUpOld(ctx, tx, h.Host, storage.At(now.Add(-q.GiveUp))); err != nil {
				return err
			}
		}
		return tx.PutHost(ctx, h)
	})
	if err != nil {
		return false, fmt.Errorf("settle deliveries: %w", err)
	}
	q.count(results)
	return more, nil
}

func (q *Queue) count(results []outcome) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, o := range results {
		switch o.verdict {
		case arrived:
			q.outcomes.Arrived++
		case withheld:
			q.outcomes.Withheld++
		case hopeless:
			q.outcomes.Hopeless++
		case refused, failing:
			q.outcomes.Failed++
		case held:
			q.outcomes.Held++
		}
	}
}

// announced says that an actor's Update of itself, which may announce a key, need not be told there again.
func announced(o outcome) bool {
	return (o.verdict == arrived || o.verdict == withheld || o.verdict == hopeless) && o.act.Object == o.act.Actor
}

func (q *Queue) settleRow(ctx context.Context, tx storage.Tx, o outcome) error {
	if o.untold {
		if err := tx.DeleteTold(ctx, o.act.URI, o.row.Inbox); err != nil {
			return err
		}
	}
	o.row.Error = o.reason
	switch o.verdict {
	case arrived, withheld:
		return tx.DeleteDelivery(ctx, o.row.ID)
	case hopeless:
		return q.giveUp(ctx, tx, o.act, o.row)
	case held:
		o.row.Attempts-- // it was none
		fallthrough
	case refused, failing:
		_, err := tx.UpdateDelivery(ctx, &o.row)
		return err
	}
	return nil
}

// giveUpOld gives up all that a server should have had at t.
func (q *Queue) giveUpOld(ctx context.Context, tx storage.Tx, host string, t storage.Time) error {
	for {
		rows, err := tx.NextDeliveries(ctx, host, t, rowsPerTurn)
		if err != nil || len(rows) == 0 {
			return err
		}
		act, err := actOf(ctx, tx.Queries, rows[0].ActID)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if row.Attempts == 0 {
				row.Error = "its server has failed for too long"
			}
			if err := q.giveUp(ctx, tx, act, row); err != nil {
				return err
			}
		}
	}
}

func (q *Queue) giveUp(ctx context.Context, tx storage.Tx, act *storage.Act, row storage.Delivery) error {
	row.GivenUp = true
	if there, err := tx.UpdateDelivery(ctx, &row); err != nil || !there || q.GaveUp == nil {
		return err
	}
	return q.GaveUp(ctx, tx, act, row)
}

// summary is what the results of a turn say about the server.
type summary struct {
	answered, failed, held, cut bool
	wait                        time.Duration
	scheme                      httpsig.Scheme
}

func tally(results []outcome) (t summary) {
	for _, o := range results {
		switch o.verdict {
		case arrived:
			t.answered, t.scheme = true, o.scheme
		case hopeless:
			t.answered = t.answered || o.status != 0
		case refused, failing:
			t.failed, t.wait = true, max(t.wait, o.wait)
		case held:
			t.held = true
		case cut:
			t.cut = true
		}
	}
	return t
}

// note writes into h what a turn says about its server.
func (t summary) note(h *storage.Host, now storage.Time) {
	if t.scheme != 0 {
		h.Scheme = int(t.scheme)
	}
	if t.answered || t.failed && h.FailingSince.IsZero() {
		h.FailingSince, h.Failures = storage.Time{}, 0
		if t.failed {
			h.FailingSince = now
		}
	}
	switch {
	case t.failed:
		h.Failures++
		h.DueAt = storage.At(now.Add(max(t.wait, backoff(h.Failures))))
	case t.held:
		h.DueAt = storage.At(now.Add(holdFor/2 + rand.N(holdFor/2)))
	}
}

// trials is how many failures in a row it takes at least before anything is given up, whatever the clock says: it may have
// been set, or the node have been down. It is half of what fits into the time.
func trials(giveUp time.Duration) int {
	n := 0
	for spent := time.Duration(0); spent < giveUp; n++ {
		spent += min(maxBackoff, firstBackoff<<min(n, maxDoublings))
	}
	return n / 2
}

// backoff is how long to leave a server alone after n failures in a row: doubling from half a minute to six hours, each
// drawn from the upper half, so that servers that failed together are not asked again together.
func backoff(n int) time.Duration {
	full := min(maxBackoff, firstBackoff<<min(n-1, maxDoublings))
	return full/2 + rand.N(full/2)
}
