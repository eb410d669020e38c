package node

import (
	"context"
	"time"

	"github.com/dunnock-server/dunnock/storage"
)

// A clock may be wrong: a board without a battery starts in 1970, a mistyped year lasts until somebody notices. What follows
// from it must not outlast it.
//
// Set back, it leaves waits behind that would last until it has caught up. They are ended. What was not released yet is
// not released early: it waits until the clock is there again.
//
// Ahead, it makes everything look old. What cannot be taken back (own posts whose time is over, the ledger and other records
// that are forgotten) is therefore left alone until the clock has run evenly for a while, counted by the processor's.
const (
	steadyAfter = time.Hour
	unexplained = 24 * time.Hour // without a word written down, at the start
	uneven      = time.Minute    // between the clock and the processor's, from one look to the next
	maxRetry    = 6 * time.Hour  // see packages inbox and control
	maxAsk      = 24 * time.Hour // see hardening.Receipt: the longest Retry-After
)

// clock remembers when the time was looked at last.
type clock struct {
	wall time.Time     // at the last look
	ran  time.Duration // the processor's clock, then
	// suspected says that it jumped at suspect, by the processor's clock, or was not to be believed at the start.
	suspected bool
	suspect   time.Duration
}

// look compares the clock with the processor's, which has run for so long, and says whether it has jumped.
func (c *clock) look(wall time.Time, ran time.Duration) (jumped bool) {
	if !c.wall.IsZero() {
		off := wall.Sub(c.wall) - (ran - c.ran)
		jumped = off.Abs() > uneven
	}
	c.wall, c.ran = wall, ran
	return jumped
}

// times looks at the clock: it ends waits that were begun by a wrong one, and says whether it can be trusted with what
// cannot be taken back.
func (n *Node) times(ctx context.Context) (trusted bool, err error) {
	now, ran := time.Now(), time.Since(n.opened)
	first := n.clock.wall.IsZero()
	jumped := n.clock.look(now.Round(0), ran) // without the processor's clock
	if first {
		latest, err := n.db.Latest(ctx)
		if err != nil {
			n.clock = clock{} // look again
			return false, err
		}
		gap := now.Sub(latest.Time)
		jumped = !latest.IsZero() && (gap > unexplained || gap < -uneven)
		if gap < -uneven {
			n.config.Log.Warn("the clock is behind what was written down last: if it is wrong, set it; what was not released waits until it has caught up")
		}
	} else if jumped {
		n.config.Log.Warn("the clock was set, or the machine slept")
	}
	if jumped {
		n.clock.suspected, n.clock.suspect = true, ran
	}
	trusted = !n.clock.suspected || ran-n.clock.suspect >= steadyAfter
	var ended int64
	err = n.db.Write(ctx, func(ctx context.Context, tx storage.Tx) (err error) {
		ended, err = tx.EndWaits(ctx, storage.At(now), storage.At(now.Add(maxRetry)), storage.At(now.Add(maxAsk)))
		return err
	})
	if jumped || ended > 0 { // what sleeps until a moment looks again
		n.inbox.Wake()
		n.queue.Wake()
	}
	return trusted, err
}
