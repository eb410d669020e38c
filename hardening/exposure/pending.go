package exposure

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/dunnock-server/dunnock/storage"
)

const (
	// maxPulls bounds the rows that are counted in memory, maxSettled those of which it waits there how they ended.
	maxPulls   = 4096
	maxSettled = 256
	// flushEvery is how long either may wait. After a crash the counts of that time are missing, and rows are unsettled;
	// none is missing itself.
	flushEvery = 2 * time.Second
)

// pending is what is known of rows that are there and is not written yet.
type pending struct {
	mu      sync.Mutex
	pulls   map[pull]*tally // of the present hour
	settled []storage.Disclosure
}

// pull is what makes two disclosures one row. What a domain asks for again, and sees the same of, in the same hour, is one row
// with a count: a server that reads a document a thousand times learns it once, and whoever could add a row with every
// request could fill the disk.
type pull struct {
	hour                                       int64 // since 1970
	domain, purpose, act, object, fields, exit string
	status                                     int
}

// tally is what is not written yet of a row that is there.
type tally struct {
	id    int64
	at    time.Time // of the row
	times int
	bytes int64
	last  time.Time
}

func of(r *Row) pull {
	return pull{r.At.Unix() / 3600, r.Domain, r.Purpose, r.Act, r.Object, strings.Join(r.Fields, ","), r.Exit, r.Status}
}

// Pulled writes down what is about to be served. Nothing may be served unless it returns without an error.
func (l *Ledger) Pulled(ctx context.Context, r Row) error {
	r.Direction, r.SettledAt, r.Times, r.Last = Pulled, r.At, 1, r.At
	key := of(&r)
	if l.pending.again(key, r) {
		return nil
	}
	e, err := l.Begin(ctx, r, nil)
	if err != nil {
		return err
	}
	if !l.pending.add(key, e.id, r.At) {
		return l.Flush(ctx)
	}
	return nil
}

// again counts a pull of which there is a row.
func (p *pending) again(key pull, r Row) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.pulls[key]
	if t == nil {
		return false
	}
	t.times++
	t.bytes += r.Bytes
	t.last = r.At
	return true
}

// settle notes how a row ended; false says that it is time to write.
func (p *pending) settle(d storage.Disclosure) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settled = append(p.settled, d)
	return len(p.settled) < maxSettled
}

// add lets pulls be counted with a row that was written. Of two that were written at once both stay, and one counts on.
// false says that there is no more room.
func (p *pending) add(key pull, id int64, at time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pulls == nil {
		p.pulls = map[pull]*tally{}
	}
	if p.pulls[key] == nil {
		p.pulls[key] = &tally{id: id, at: at}
	}
	return len(p.pulls) < maxPulls
}

// take returns what is to be written. Rows of hours that are over are forgotten; so are all, if there are too many.
func (p *pending) take(now time.Time) (due map[pull]tally, settled []storage.Disclosure) {
	p.mu.Lock()
	defer p.mu.Unlock()
	settled, p.settled = p.settled, nil
	due = map[pull]tally{}
	full := len(p.pulls) >= maxPulls
	for key, t := range p.pulls {
		if t.times > 0 {
			due[key] = *t
			*t = tally{id: t.id, at: t.at}
		}
		if full || key.hour != now.Unix()/3600 {
			delete(p.pulls, key)
		}
	}
	return due, settled
}

// put takes back what could not be written.
func (p *pending) put(due map[pull]tally, settled []storage.Disclosure) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settled = append(settled, p.settled...)
	for key, t := range due {
		now := p.pulls[key]
		if now == nil { // its hour is over, or there was no room
			p.pulls[key] = &t
			continue
		}
		now.times, now.bytes = now.times+t.times, now.bytes+t.bytes
		if t.last.After(now.last) {
			now.last = t.last
		}
	}
}

// forget lets the rows go that were written before t.
func (p *pending) forget(t time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, tally := range p.pulls {
		if tally.at.Before(t) {
			delete(p.pulls, key)
		}
	}
}

// Flush writes what waits in memory. What cannot be written stays for the next time.
func (l *Ledger) Flush(ctx context.Context) error {
	due, settled := l.pending.take(time.Now())
	if len(due)+len(settled) == 0 {
		return nil
	}
	err := l.db.Write(ctx, func(ctx context.Context, tx storage.Tx) (err error) {
		for i := range settled {
			err = errors.Join(err, tx.SettleDisclosure(ctx, &settled[i]))
		}
		for _, t := range due {
			d := &storage.Disclosure{ID: t.id, Times: t.times, Bytes: t.bytes, LastAt: storage.At(t.last)}
			err = errors.Join(err, tx.CountDisclosure(ctx, d))
		}
		return err
	})
	if err != nil {
		l.pending.put(due, settled)
		return fmt.Errorf("write what became of the ledger's rows: %w", err)
	}
	return nil
}

// Run writes what waits in memory every few seconds until ctx ends, and returns nil then. What cannot be written is tried
// again. Whoever stops using the ledger calls [Ledger.Flush] once more.
func (l *Ledger) Run(ctx context.Context) error {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			_ = l.Flush(ctx)
		}
	}
}
