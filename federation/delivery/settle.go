package delivery

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/dunnock-server/dunnock/storage"
)

const (
	firstBackoff = 30 * time.Second
	maxBackoff   = 6 * time.Hour
	maxDoublings = 10 // firstBackoff doubled this often is beyond maxBackoff
)

// settle writes what became of a turn: rows that are done go, a failure puts the whole server off, and one that has
// failed for too long is given up. failed says that the server is to be left alone for now.
func (q *Queue) settle(ctx context.Context, h *storage.Host, act *storage.Act, results []outcome) (failed bool, err error) {
	now := storage.Now()
	next := *h
	var pause time.Duration
	answered := false
	for _, r := range results {
		switch {
		case r.spared:
			failed = true
		case r.done:
			answered = true
			if r.scheme != 0 {
				next.Scheme = int(r.scheme)
			}
		default:
			failed = true
			pause = max(pause, r.wait)
		}
	}
	if ctx.Err() != nil {
		failed = true
	}
	if spared := allSpared(results); spared {
		return true, nil
	}
	if failed {
		if answered || next.FailingSince.IsZero() {
			next.FailingSince, next.Failures = now, 0
		}
		next.Failures++
		next.DueAt = storage.At(now.Add(max(pause, backoff(next.Failures))))
	} else {
		next.Failures, next.FailingSince = 0, storage.Time{}
	}
	giveUp := failed && now.Sub(next.FailingSince.Time) >= q.GiveUp
	err = q.DB.Write(context.WithoutCancel(ctx), func(ctx context.Context, tx storage.Tx) error {
		for _, r := range results {
			if err := q.settleOne(ctx, tx, act, r, giveUp); err != nil {
				return err
			}
		}
		if giveUp { // the next act gets its own chance, at the same pace
			next.FailingSince = now
		}
		return tx.PutHost(ctx, &next)
	})
	*h = next
	return failed, err
}

func allSpared(results []outcome) bool {
	for _, r := range results {
		if !r.spared {
			return false
		}
	}
	return true
}

func (q *Queue) settleOne(ctx context.Context, tx storage.Tx, act *storage.Act, r outcome, giveUp bool) error {
	if r.kept {
		if err := tx.DeleteTold(ctx, act.URI, r.row.Inbox); err != nil {
			return err
		}
	}
	switch {
	case r.spared:
		return nil
	case r.done && r.reason == "":
		return tx.DeleteDelivery(ctx, r.row.ID)
	}
	r.row.Error = r.reason
	r.row.GivenUp = r.done || giveUp
	if there, err := tx.UpdateDelivery(ctx, &r.row); err != nil || !there {
		return err
	}
	if r.row.GivenUp && q.GaveUp != nil {
		return q.GaveUp(ctx, tx, act, r.row)
	}
	return nil
}

// backoff is how long to leave a server alone after n failures in a row: doubling from half a minute to six hours, each
// drawn from the upper half, so that servers that failed together are not asked again together.
func backoff(n int) time.Duration {
	full := min(maxBackoff, firstBackoff<<min(n-1, maxDoublings))
	return full/2 + rand.N(full/2)
}
