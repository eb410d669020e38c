// Package retention lets what others sent leave again, so that the database stays of one size however long the node runs
// and whatever strangers do.
//
// # What leaves, and when
//
//   - Posts of others, with their polls, reactions and places in the timeline, after Config.Posts, unless the owner has
//     touched them. What touching is stands in one place, above touched in storage/retention.go.
//   - Notifications after Config.Notifications. They hold the posts that they are about until then.
//   - Rows of the ledger after Config.Ledger.
//   - That an activity was seen, after two weeks: its replay is refused for its date much sooner, but servers send again
//     for days what could not be delivered, under the same id, and an Undo may have overtaken it.
//   - Actors to whom nothing here refers, with their keys, a week after they were fetched: by then they would be fetched
//     again anyway. With them goes that they block the owner, and what the queue knows of their server.
//   - Answers to Follows, with the note of who was told them, a week after they were superseded or the follow ended.
//   - Deliveries that were given up, after Config.Posts.
//
// All else is the owner's own and stays: posts, their reactions and votes, follows, acts, and who was told of them.
//
// # What it does not do
//
// It sends nothing and causes no request: what is gone is not asked for again until something else needs it. It goes by what
// is stored and by the clock alone, not by what the owner reads: an observer who sees when a post is fetched anew must not
// learn what the owner looked at. It keeps no state beyond how far it has come.
//
// The file does not become smaller: SQLite overwrites the pages that it no longer needs with zeros (secure_delete) and uses
// them again. Giving them back would take an index of all pages (auto_vacuum), which makes every write dearer and damage
// harder to trace; a backup that is restored is as small as what is in it.
package retention

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/dunnock-server/dunnock/hardening/exposure"
	"github.com/dunnock-server/dunnock/storage"
)

const (
	day = 24 * time.Hour
	// seenFor is how long it is remembered that an activity was seen.
	seenFor = 14 * day
	// strangers is how long what is kept of a stranger for the sake of a single request outlives it.
	strangers = 7 * day

	every = time.Hour
	// pace lies between two batches, which are small, so that others have the writer nearly always.
	pace   = 20 * time.Millisecond
	looked = 256 // rows that one batch looks at, without the writer
	forgot = 32  // rows that one write removes
)

// Config is what a keeper is made from. DB, Ledger and Owner must be set.
type Config struct {
	DB     *storage.DB
	Ledger *exposure.Ledger
	Owner  string // URI of the owner's actor
	Keep   Keep
	// Trusted says whether the clock is to be believed: one that is ahead makes everything look old. While it is not, Run
	// removes nothing. Nil: it is.
	Trusted func() bool
	Log     *slog.Logger // nil: discarded
}

// Keep says how long things are kept. What is zero is the default.
type Keep struct {
	Posts         time.Duration // 0: 30 days
	Notifications time.Duration // 0: 90 days
	Ledger        time.Duration // 0: 30 days
}

// Keeper removes what is old. Its methods may not be called side by side.
type Keeper struct {
	Config
	stage int
	place storage.Place // among posts
	row   int64         // among actors or acts
	host  string
}

// New makes a keeper. It removes nothing until [Keeper.Run] or [Keeper.ProcessBatch].
func New(c Config) *Keeper {
	c.Keep.Posts = cmp.Or(c.Keep.Posts, 30*day)
	c.Keep.Notifications = cmp.Or(c.Keep.Notifications, 90*day)
	c.Keep.Ledger = cmp.Or(c.Keep.Ledger, 30*day)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Keeper{Config: c}
}

// Run removes what is old, once an hour, until ctx ends, and returns nil then.
func (k *Keeper) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		pause := time.Minute
		if k.Trusted == nil || k.Trusted() {
			n, err := k.ProcessBatch(ctx)
			if err != nil && ctx.Err() == nil {
				k.Log.Error("old records could not be removed", "err", err)
			}
			if pause = pace; n == 0 || err != nil {
				pause = every
			}
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
	return nil
}
