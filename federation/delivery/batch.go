package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/dunnock-server/dunnock/federation/httpsig"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/redact"
	"github.com/dunnock-server/dunnock/storage"
)

// rowsPerTurn bounds how many inboxes of one server a turn reads.
const rowsPerTurn = 256

// ProcessBatch makes one attempt at everything that is due, and goes on with a server until nothing of it is due or an
// attempt failed. It returns the number of attempts.
func (q *Queue) ProcessBatch(ctx context.Context) (int, error) {
	hosts, err := q.DB.DueHosts(ctx, storage.Now(), 16*q.Parallel)
	if err != nil {
		return 0, fmt.Errorf("read the outgoing queue: %w", err)
	}
	// The order is random: who is told first says nothing.
	rand.Shuffle(len(hosts), func(i, j int) { hosts[i], hosts[j] = hosts[j], hosts[i] })
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		total int
		fault error
		slots = make(chan struct{}, q.Parallel)
	)
	for _, h := range hosts {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			n, err := q.host(ctx, h)
			mu.Lock()
			defer mu.Unlock()
			total, fault = total+n, errors.Join(fault, err)
		})
	}
	wg.Wait()
	return total, fault
}

// host sends to one server until nothing is due there or an attempt failed.
func (q *Queue) host(ctx context.Context, h storage.Host) (attempts int, err error) {
	for ctx.Err() == nil {
		rows, err := q.DB.NextDeliveries(ctx, h.Host, storage.Now(), rowsPerTurn)
		if err != nil {
			return attempts, fmt.Errorf("read the outgoing queue: %w", err)
		}
		if len(rows) == 0 {
			return attempts, q.rest(ctx, h)
		}
		act, err := q.DB.Act(ctx, rows[0].ActID)
		if err != nil {
			return attempts, errors.Join(errNoAct, err)
		}
		results := q.turn(ctx, h, act, rows)
		for _, r := range results {
			if !r.spared {
				attempts++
			}
		}
		failed, err := q.settle(ctx, &h, act, results)
		if err != nil || failed {
			return attempts, err
		}
	}
	return attempts, nil
}

// rest notes when a server is to be looked at again, if ever.
func (q *Queue) rest(ctx context.Context, h storage.Host) error {
	return q.DB.Write(ctx, func(ctx context.Context, tx storage.Tx) (err error) {
		now, err := tx.Host(ctx, h.Host) // what was queued meanwhile counts
		if err != nil {
			return err
		}
		if now.DueAt, err = tx.NextDue(ctx, h.Host); err != nil {
			return err
		}
		return tx.PutHost(ctx, now)
	})
}

// outcome is what became of one attempt.
type outcome struct {
	row    storage.Delivery
	done   bool // arrived, or never to be tried again
	reason string
	wait   time.Duration  // as the server asked
	scheme httpsig.Scheme // that it took
	kept   bool           // the policy kept it here: nothing was sent
	spared bool           // nothing was sent: withdrawn, or the node is stopping, or its database fails
}

// turn makes one attempt at each row of one act.
func (q *Queue) turn(ctx context.Context, h storage.Host, act *storage.Act, rows []storage.Delivery) []outcome {
	results := make([]outcome, len(rows))
	var document map[string]any
	if err := json.Unmarshal([]byte(act.Document), &document); err != nil {
		for i, row := range rows {
			results[i] = outcome{row: row, done: true, reason: "the stored act cannot be read"}
		}
		return results
	}
	var wg sync.WaitGroup
	slots := make(chan struct{}, q.PerHost)
	for i, row := range rows {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			results[i] = q.attempt(ctx, h, act, document, row)
		})
	}
	wg.Wait()
	return results
}

// attempt tells one inbox of an act, in the scheme that its server took last; and in the other one if it refuses and its
// preference is not known.
func (q *Queue) attempt(ctx context.Context, h storage.Host, act *storage.Act, document map[string]any, row storage.Delivery) outcome {
	out := outcome{row: row}
	// Written first: after a crash it counts as told, so that it can be taken back.
	err := q.DB.Write(ctx, func(ctx context.Context, tx storage.Tx) error {
		row.Attempts++
		out.row = row
		if there, err := tx.UpdateDelivery(ctx, &row); err != nil || !there {
			out.spared = true // withdrawn in this moment
			return err
		}
		return tx.PutTold(ctx, &storage.Told{Object: act.Object, Inbox: row.Inbox, Act: act.URI, ToldAt: storage.Now()})
	})
	if err != nil || out.spared {
		out.spared = true
		return out
	}
	schemes := []httpsig.Scheme{httpsig.Cavage, httpsig.RFC9421}
	if h.Scheme != 0 {
		schemes = []httpsig.Scheme{httpsig.Scheme(h.Scheme)}
	}
	for _, scheme := range schemes {
		sign, err := q.Sign(ctx, act.Actor, scheme)
		if err != nil {
			out.reason = "no key to sign with"
			return out
		}
		receipt, err := q.Gate.Deliver(ctx, hardening.Delivery{Document: document, Object: act.Object,
			Release: act.ReleaseAt.Time, Inbox: row.Inbox, Sign: sign})
		switch {
		case errors.Is(err, hardening.ErrWithheld):
			out.done, out.kept = true, true
			return out
		case errors.Is(err, redact.ErrBelowFloor), errors.Is(err, redact.ErrUnknownKind):
			out.done, out.kept, out.reason = true, true, "the policy leaves nothing that the server could read"
			return out
		case err != nil && ctx.Err() != nil:
			out.spared = true
			return out
		case err != nil && !hardening.Temporary(err):
			out.done, out.kept, out.reason = true, true, "the address may not be dialled"
			return out
		case err != nil:
			out.reason = "no answer"
			return out
		}
		out.wait = receipt.RetryAfter
		switch {
		case receipt.Status >= 200 && receipt.Status < 300:
			out.done, out.reason, out.scheme = true, "", scheme
			return out
		case receipt.Status == 400 || receipt.Status == 401 || receipt.Status == 403:
			out.reason = fmt.Sprintf("refused with status %d", receipt.Status)
			out.done = permanent(receipt.Status)
		default:
			out.reason = fmt.Sprintf("answered with status %d", receipt.Status)
			out.done = permanent(receipt.Status)
			return out
		}
	}
	return out
}
