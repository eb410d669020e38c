// Package delivery is the outgoing queue: acts of the node's own actors, each with one row per inbox, on their way to
// other servers.
//
// A row is written in the transaction of the act ([Queue.Enqueue]), so an act that was committed is delivered or given up,
// whatever crashes in between. Servers get acts in the order of their release: a later one waits until the earlier one has
// arrived there or was given up. Different servers do not wait for each other, and one that does not answer costs one
// attempt per backoff, however much waits for it. An inbox may be told of an act twice (a crash between the answer and its
// note); the act's id is the same, and by it receivers know.
//
// What may be told, and what of it, is decided by the gate at each attempt. The package reads and writes storage and sends
// through the gate. It does not choose recipients, draw releases or sign.
package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/dunnock-server/dunnock/federation/httpsig"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/hostname"
	"github.com/dunnock-server/dunnock/storage"
)

// Config is what a queue is made from. DB, Gate and Sign must be set.
type Config struct {
	DB   *storage.DB
	Gate *hardening.Gate
	// Sign returns what signs for one of the node's own actors.
	Sign func(ctx context.Context, actor string, scheme httpsig.Scheme) (hardening.Signer, error)
	// GaveUp is called in the transaction that gives a delivery up. Nil: nothing is done.
	GaveUp func(ctx context.Context, tx storage.Tx, act *storage.Act, d storage.Delivery) error
	// Log gets what went wrong, without names. Nil: discarded.
	Log *slog.Logger
	// Parallel is how many servers are sent to at once. 0: 128.
	Parallel int
	// PerHost is how many inboxes of one server are sent one act at once. 0: 4.
	PerHost int
	// GiveUp is how long a server may fail before what waits for it is given up. 0: 7 days.
	GiveUp time.Duration
}

// Queue is the outgoing queue.
type Queue struct {
	Config
	wake chan struct{} // one signal is enough: the batch looks at everything due
}

// New makes a queue. It sends nothing until [Queue.Run] or [Queue.ProcessBatch].
func New(c Config) *Queue {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Parallel == 0 {
		c.Parallel = 128
	}
	if c.PerHost == 0 {
		c.PerHost = 4
	}
	if c.GiveUp == 0 {
		c.GiveUp = 7 * 24 * time.Hour
	}
	return &Queue{Config: c, wake: make(chan struct{}, 1)}
}

// Enqueue writes an act and a row for each of the inboxes; the same one twice is one. An inbox that is no URL of a server
// is left out: one bad follower must not keep an act from the others. Call [Queue.Wake] after the commit.
func (q *Queue) Enqueue(ctx context.Context, tx storage.Tx, act *storage.Act, inboxes []string) error {
	if err := tx.InsertAct(ctx, act); err != nil {
		return fmt.Errorf("queue an act: %w", err)
	}
	if act.ReleaseAt.IsZero() {
		return nil // never released: nobody is told
	}
	var rows []storage.Delivery
	hosts := map[string]bool{}
	for _, inbox := range inboxes {
		host, err := hostname.HostOf(inbox)
		if err != nil {
			q.Log.Warn("an inbox is not a URL of a server and gets nothing")
			continue
		}
		rows = append(rows, storage.Delivery{ActID: act.ID, Host: host, Inbox: inbox, DueAt: act.ReleaseAt})
		hosts[host] = true
	}
	if err := tx.InsertDeliveries(ctx, rows); err != nil {
		return fmt.Errorf("queue deliveries: %w", err)
	}
	for host := range hosts {
		if err := tx.WakeHost(ctx, host, act.ReleaseAt); err != nil {
			return fmt.Errorf("queue deliveries: %w", err)
		}
	}
	return nil
}

// Withdraw stops an act on its way, and returns the inboxes that were told of it, or may have been: only they need to be
// told what takes it back (an Undo, a Delete).
func (q *Queue) Withdraw(ctx context.Context, tx storage.Tx, act *storage.Act) (told []string, err error) {
	if err := tx.WithdrawDeliveries(ctx, act.ID); err != nil {
		return nil, fmt.Errorf("withdraw an act: %w", err)
	}
	if told, err = tx.ToldOf(ctx, act.URI); err != nil {
		return nil, fmt.Errorf("withdraw an act: %w", err)
	}
	return told, nil
}

// Wake makes [Queue.Run] look for what is due.
func (q *Queue) Wake() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Run sends what is due until ctx ends, and returns nil then. Attempts under way are ended with it; what they were for is
// tried again by the next Run.
func (q *Queue) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		n, err := q.ProcessBatch(ctx)
		if err != nil && ctx.Err() == nil {
			q.Log.Error("the outgoing queue stumbled", "err", err)
		}
		if n > 0 && err == nil {
			continue
		}
		if err := q.wait(ctx, err != nil); err != nil {
			return nil
		}
	}
	return nil
}

// wait returns when something is due, after a while if the queue cannot be read, or with an error when ctx ends.
func (q *Queue) wait(ctx context.Context, troubled bool) error {
	const never, trouble, soon = time.Hour, 5 * time.Second, 100 * time.Millisecond
	pause := never
	if troubled {
		pause = trouble
	} else if due, err := q.DB.NextHostDue(ctx); err != nil {
		pause = trouble
	} else if !due.IsZero() {
		pause = min(never, max(soon, time.Until(due.Time)))
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-q.wake:
	case <-timer.C:
	}
	return nil
}

// permanent says that an inbox will never take an act, as far as can be known.
func permanent(status int) bool {
	return status >= 300 && status < 500 && status != 401 && status != 408 && status != 425 && status != 429
}

// errNoAct says that a row has lost its act. It cannot happen short of damage to the database.
var errNoAct = errors.New("a delivery without its act")
