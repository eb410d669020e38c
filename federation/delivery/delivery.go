// Package delivery is the outgoing queue: acts of the node's own actors, each with one row per inbox, on their way to
// other servers.
//
// A row is written in the transaction of the act ([Queue.Enqueue]), so an act that was committed is delivered or given up,
// whatever crashes in between. An inbox may be told of an act twice (a crash between the answer and its note); the act's
// id is the same, and by it receivers know.
//
// # Order
//
// A server gets acts in the order of their release, whichever of its inboxes they go to: a later one waits until the
// earlier one has arrived or was given up. Nothing arrives after what was released later. Different servers do not wait
// for each other, nor does the queue for any of them: each is served by a goroutine of its own, Config.Parallel at once.
//
// # Failure
//
// A server that does not answer, or says that it takes nothing now, costs one attempt per backoff, however much waits for
// it: half a minute at first, six hours at most, or what Retry-After asks for. What has waited for Config.GiveUp while its
// server failed for as long is given up; so is at once what the server says it will never take. An act that a server
// refuses again and again, while it takes the one after it, is given up too, so that one bad inbox or one act that a
// server trips over does not keep the others from it.
//
// What could not leave for a reason of our own (no relay, no key, a ledger that cannot be written) is nobody's failure: it
// is looked at again later and never given up.
//
// What may be told, and what of it, is decided by the gate at each attempt. The package reads and writes storage and sends
// through the gate. It does not choose recipients, draw releases or sign.
package delivery

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
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
	// SignFormer returns what signs an act with the key that its actor had before the one that Sign signs with; nil if it
	// is not to be. A nil SignFormer never does.
	SignFormer func(ctx context.Context, act *storage.Act, scheme httpsig.Scheme) (hardening.Signer, error)
	// GaveUp is called in the transaction that gives a delivery up, which an error undoes. Nil: nothing is done.
	GaveUp func(ctx context.Context, tx storage.Tx, act *storage.Act, d storage.Delivery) error
	// Log gets what went wrong, without names. Nil: discarded.
	Log *slog.Logger
	// Parallel is how many servers are sent to at once. 0: 128.
	Parallel int
	// PerHost is how many inboxes of one server are sent one act at once. 0: 4.
	PerHost int
	// GiveUp is how long an act waits for a server that fails before it is given up. 0: 7 days.
	GiveUp time.Duration
}

// Queue is the outgoing queue. Its methods may be called from any goroutine.
type Queue struct {
	Config
	wake  chan struct{} // one signal is enough: a look finds everything that is due
	slots chan struct{} // one for each server that is being sent to

	mu      sync.Mutex
	served  map[string]bool   // servers that a goroutine has taken on; true: to be looked at again when it has left
	beyond  bool              // more servers are due than the last look returned
	letters map[int64]*letter // by act

	outcomes Outcomes
}

// Outcomes are attempts to deliver, by what became of them.
type Outcomes struct {
	Arrived, Withheld, Hopeless, Failed, Held uint64
}

// Outcomes returns those of all attempts that this queue has made.
func (q *Queue) Outcomes() Outcomes {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.outcomes
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
	return &Queue{Config: c, wake: make(chan struct{}, 1), slots: make(chan struct{}, c.Parallel), served: map[string]bool{}}
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
