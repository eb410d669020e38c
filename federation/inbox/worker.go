package inbox

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/dunnock-server/dunnock/federation/resolve"
	"github.com/dunnock-server/dunnock/federation/wire"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/storage"
)

const (
	batch        = 1024 // activities looked at together
	crowd        = 8    // more than so many at once, and the next are let gather
	moment       = 20 * time.Millisecond
	fetches      = 5                // requests that one activity may cause
	patience     = 20 * time.Second // that they may take together, for somebody whom the owner follows
	impatience   = 3 * time.Second  // the same for others: many of them could hold up everybody
	firstBackoff = time.Minute
	maxBackoff   = 6 * time.Hour
	maxDoublings = 9 // firstBackoff doubled this often is beyond maxBackoff
	giveUp       = 3 * 24 * time.Hour
	giveUpBoost  = time.Hour // what a boost needs is elsewhere than its actor, whose other activities wait meanwhile
	look         = time.Hour // how often to look at the queue that is empty
	tries        = 3         // at least, whatever the clock says: it may have been wrong
)

// Wake makes [Inbox.Run] look for what is due.
func (in *Inbox) Wake() {
	select {
	case in.wake <- struct{}{}:
	default:
	}
}

// Run lets activities take effect until ctx ends, and returns nil then. What is under way stays in the queue.
func (in *Inbox) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		now := storage.Now()
		n, err := in.ProcessBatch(ctx)
		if n > crowd {
			in.gather(ctx)
		}
		if err != nil && ctx.Err() == nil {
			in.Log.Error("the inbox stumbled", "err", err)
		}
		if n == 0 || err != nil {
			in.wait(ctx, now, err != nil)
		}
	}
	return nil
}

// gather waits a moment for more: what takes effect together is written to the disk together. Nobody waits for it; the
// senders have their answers.
func (in *Inbox) gather(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(moment):
	}
}

// wait returns when something came or is due, after a while if the queue cannot be read, or when ctx ends.
func (in *Inbox) wait(ctx context.Context, since storage.Time, troubled bool) {
	const trouble = 5 * time.Second
	pause := look
	if due, err := in.DB.NextInboundDue(ctx, since); err != nil || troubled {
		pause = trouble
	} else if !due.IsZero() {
		pause = min(pause, max(0, time.Until(due.Time)))
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-in.wake:
	case <-timer.C:
	}
}

// ProcessBatch makes one attempt at activities that are due, a bounded number of them, and at those whose senders are in
// doubt, and returns how many it was. Those of one actor are done in order, those of different actors side by side. Call it
// again until it returns 0.
func (in *Inbox) ProcessBatch(ctx context.Context) (int, error) {
	held := in.doubts.take()
	rows, err := in.DB.DueInbound(ctx, storage.Now(), batch)
	if err != nil {
		return 0, fmt.Errorf("read the inbox: %w", err)
	}
	var actors []string
	queues := map[string][]storage.Inbound{}
	for _, row := range rows {
		if queues[row.Actor] == nil {
			actors = append(actors, row.Actor)
		}
		queues[row.Actor] = append(queues[row.Actor], row)
	}
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		total = len(held)
		fault error
		slots = make(chan struct{}, in.Parallel)
	)
	wg.Go(func() { in.verify(ctx, held) }) // beside the others, so that a flood of forgeries does not keep these waiting
	for _, actor := range actors {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			n, err := in.drain(ctx, queues[actor])
			mu.Lock()
			defer mu.Unlock()
			total, fault = total+n, errors.Join(fault, err)
		})
	}
	wg.Wait()
	return total, fault
}

// settle makes one attempt at an activity. false says that it has to wait, and with it what its actor sent later.
func (in *Inbox) settle(ctx context.Context, row *storage.Inbound) (settled bool, err error) {
	a, err := in.load(ctx, row)
	if a == nil {
		return err == nil, err
	}
	a.arrived(row)
	last := a.at.Add(a.patience())
	do, err := in.prepare(ctx, a)
	if err == nil {
		err = in.finish(ctx, row, a, do)
	}
	switch {
	case err == nil:
		return true, nil
	case ctx.Err() != nil:
		return false, nil
	case errors.Is(err, errPanic):
		in.Log.Error("an activity makes the node stumble and is dropped", "type", a.kind)
		fallthrough
	case permanent(err), !time.Now().Before(last) && row.Attempts >= tries:
		return true, in.finish(ctx, row, a, nil)
	case !errors.Is(err, resolve.ErrUnreachable):
		in.Log.Error("an activity could not take effect and waits", "type", a.kind, "err", err)
	}
	due := storage.At(time.Now().Add(backoff(row.Attempts)))
	if due.After(last) && row.Attempts >= tries {
		due = storage.At(last)
	}
	return false, in.DB.Write(ctx, func(ctx context.Context, tx storage.Tx) error {
		return tx.PostponeInbound(ctx, row.ID, due)
	})
}

// load gets what an activity says. One that cannot be read any more is dropped: then it is nil.
func (in *Inbox) load(ctx context.Context, row *storage.Inbound) (*activity, error) {
	if a := in.fresh.take(row.Actor, row.Activity); a != nil {
		return a, nil
	}
	body, err := in.DB.InboundBody(ctx, row.ID)
	if err != nil {
		return nil, unless(err)
	}
	a, err := parse(body)
	if err != nil { // it could be read when it came: the rules have become stricter since
		return nil, in.finish(ctx, row, nil, nil)
	}
	return a, nil
}

// finish lets an activity take effect, if it has one, and takes it out of the queue.
func (in *Inbox) finish(ctx context.Context, row *storage.Inbound, a *activity, do effect) error {
	err := in.DB.WriteAgain(ctx, func(ctx context.Context, tx storage.Tx) error { return in.conclude(ctx, tx, row, a, do) })
	if err == nil && do != nil && a.answers() {
		in.Queue.Wake()
	}
	return err
}

// permanent says that an activity will have no effect, however often it is tried.
func permanent(err error) bool {
	for _, final := range []error{resolve.ErrGone, resolve.ErrRefused, wire.ErrInvalid, storage.ErrNotFound, hardening.ErrBudget, errPanic} {
		if errors.Is(err, final) {
			return true
		}
	}
	return false
}

// backoff is how long to wait after n failures and one more: doubling from a minute to six hours, each drawn from the
// upper half, so that what failed together is not tried again together.
func backoff(n int) time.Duration {
	full := min(maxBackoff, firstBackoff<<min(n, maxDoublings))
	return full/2 + rand.N(full/2)
}
