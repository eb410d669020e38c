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
	// maxPulls bounds the rows that wait in memory for their counts to be written.
	maxPulls = 4096
	// flushEvery is how long a count may wait: after a crash, pulls of that time are missing from it, never the row.
	flushEvery = 10 * time.Second
)

// pulls are the rows of the present hour that say what was asked for and served. What a domain asks for again, and sees the
// same of, in the same hour, is one row with a count: a server that reads a document a thousand times learns it once, and
// whoever could add a row with every request could fill the disk.
type pulls struct {
	mu   sync.Mutex
	rows map[pull]*tally
}

// pull is what makes two disclosures one row.
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
	if l.pulls.again(key, r) {
		return nil
	}
	e, err := l.Begin(ctx, r)
	if err != nil {
		return err
	}
	if !l.pulls.add(key, e.id, r.At) {
		return l.Flush(ctx)
	}
	return nil
}

// again counts a pull of which there is a row.
func (p *pulls) again(key pull, r Row) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.rows[key]
	if t == nil {
		return false
	}
	t.times++
	t.bytes += r.Bytes
	t.last = r.At
	return true
}

// add lets pulls be counted with a row that was written. Of two that were written at once both stay, and one counts on.
// false says that there is no more room.
func (p *pulls) add(key pull, id int64, at time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rows == nil {
		p.rows = map[pull]*tally{}
	}
	if p.rows[key] == nil {
		p.rows[key] = &tally{id: id, at: at}
	}
	return len(p.rows) < maxPulls
}

// take returns what is to be written. Rows of hours that are over are forgotten; so are all, if there are too many.
func (p *pulls) take(now time.Time) map[pull]tally {
	p.mu.Lock()
	defer p.mu.Unlock()
	due := map[pull]tally{}
	full := len(p.rows) >= maxPulls
	for key, t := range p.rows {
		if t.times > 0 {
			due[key] = *t
			*t = tally{id: t.id, at: t.at}
		}
		if full || key.hour != now.Unix()/3600 {
			delete(p.rows, key)
		}
	}
	return due
}

// put takes back what could not be written.
func (p *pulls) put(due map[pull]tally) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, t := range due {
		if now := p.rows[key]; now != nil && now.id == t.id {
			t.times, t.bytes = t.times+now.times, t.bytes+now.bytes
			if now.times > 0 {
				t.last = now.last
			}
		}
		p.rows[key] = &t
	}
}

// forget lets the rows go that were written before t.
func (p *pulls) forget(t time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, tally := range p.rows {
		if tally.at.Before(t) {
			delete(p.rows, key)
		}
	}
}

// Flush writes the counts of what was pulled. What cannot be written stays for the next time.
func (l *Ledger) Flush(ctx context.Context) error {
	due := l.pulls.take(time.Now())
	if len(due) == 0 {
		return nil
	}
	err := l.db.Write(ctx, func(ctx context.Context, tx storage.Tx) (err error) {
		for _, t := range due {
			d := &storage.Disclosure{ID: t.id, Times: t.times, Bytes: t.bytes, LastAt: storage.At(t.last)}
			err = errors.Join(err, tx.CountDisclosure(ctx, d))
		}
		return err
	})
	if err != nil {
		l.pulls.put(due)
		return fmt.Errorf("write counts of the ledger: %w", err)
	}
	return nil
}

// Run writes the counts of what was pulled every few seconds until ctx ends, and then once more. It returns the error of
// that last time; those before are tried again.
func (l *Ledger) Run(ctx context.Context) error {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return l.Flush(context.WithoutCancel(ctx))
		case <-tick.C:
			_ = l.Flush(ctx)
		}
	}
}
