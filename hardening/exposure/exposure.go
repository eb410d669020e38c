// Package exposure is the ledger: what each domain was told about the owner, when, and through which exit.
//
// A row is written before the first byte leaves and settled after the last one. A crash in between leaves the row
// unsettled: it may have been told, or not. There are never bytes without a row, because a row that cannot be written
// stops what it was for.
//
// The ledger is the best record of the owner there is, so it is short-lived: see [Ledger.Prune]. It decides nothing and
// sends nothing; whether something may be told is the policy's business, in package hardening.
package exposure

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/dunnock-server/dunnock/storage"
)

// Direction says who asked for a disclosure.
type Direction string

// The directions.
const (
	Pushed  Direction = storage.Pushed  // delivered by us
	Pulled  Direction = storage.Pulled  // asked for by them
	Fetched Direction = storage.Fetched // asked for by us, which tells them that we asked
)

// Row is one disclosure.
type Row struct {
	At        time.Time
	Domain    string // canonical host; empty: a visitor without a key
	Direction Direction
	Purpose   string
	Act       string   // type of the activity or document; of a fetch, empty
	Object    string   // URI of what it is about
	Fields    []string // what was shown
	Exit      string   // name of the relay; of a pull, empty
	Bytes     int64
	Status    int       // HTTP status; 0: no answer
	SettledAt time.Time // zero: unsettled
	Times     int       // how often, in the hour of At; 1 for what was pushed and fetched
	Last      time.Time // the last of these times
}

// Ledger writes and reads rows.
type Ledger struct {
	db      *storage.DB
	pending pending
}

// New returns the ledger kept in db. How it ended, and what is pulled again, waits in memory to be
// written: see [Ledger.Run].
func New(db *storage.DB) *Ledger { return &Ledger{db: db} }

// Entry is a row that waits to be settled.
type Entry struct {
	ledger *Ledger
	id     int64
}

// Also is something that is written with a row: both are, or neither.
type Also func(ctx context.Context, tx storage.Tx) error

// Begin writes a row, with what is to be written also unless that is nil. Nothing may be sent unless it returns without an
// error.
func (l *Ledger) Begin(ctx context.Context, r Row, also Also) (Entry, error) {
	if r.Times == 0 {
		r.Times, r.Last = 1, r.At
	}
	d := record(r)
	err := l.db.WriteAgain(ctx, func(ctx context.Context, tx storage.Tx) error {
		if also != nil {
			if err := also(ctx, tx); err != nil {
				return err
			}
		}
		return tx.InsertDisclosure(ctx, d)
	})
	if err != nil {
		return Entry{}, fmt.Errorf("write the ledger: %w", err)
	}
	return Entry{l, d.ID}, nil
}

// Settle notes how it ended: the HTTP status (0: no answer) and how many bytes left. It does so even when ctx has ended,
// since what left has left. It is written with others, within the time that a count may wait: see [Ledger.Run].
func (e Entry) Settle(ctx context.Context, status int, bytes int64) error {
	d := storage.Disclosure{ID: e.id, Status: status, Bytes: bytes, SettledAt: storage.Now()}
	if e.ledger.pending.settle(d) {
		return nil
	}
	return e.ledger.Flush(context.WithoutCancel(ctx))
}

// Domain returns what a domain was told since t, newest first, limit rows at most.
func (l *Ledger) Domain(ctx context.Context, domain string, since time.Time, limit int) ([]Row, error) {
	if err := l.Flush(ctx); err != nil {
		return nil, err
	}
	ds, err := l.db.Disclosures(ctx, domain, storage.At(since), limit)
	rows := make([]Row, len(ds))
	for i, d := range ds {
		rows[i] = Row{At: d.At.Time, Domain: d.Domain, Direction: Direction(d.Direction), Purpose: d.Purpose, Act: d.Act,
			Object: d.Object, Exit: d.Exit, Bytes: d.Bytes, Status: d.Status, SettledAt: d.SettledAt.Time,
			Times: d.Times, Last: d.LastAt.Time}
		if d.Fields != "" {
			rows[i].Fields = strings.Split(d.Fields, ",")
		}
	}
	return rows, err
}

// Prune forgets what was told before t, the oldest first and limit rows at most, and returns how many that were.
func (l *Ledger) Prune(ctx context.Context, t time.Time, limit int) (n int, err error) {
	l.pending.forget(t) // first: what is pulled from now on has a row of its own
	err = l.db.Write(ctx, func(ctx context.Context, tx storage.Tx) (err error) {
		n, err = tx.ForgetDisclosures(ctx, storage.At(t), limit)
		return err
	})
	return n, err
}

func record(r Row) *storage.Disclosure {
	return &storage.Disclosure{At: storage.At(r.At), Domain: r.Domain, Direction: string(r.Direction), Purpose: r.Purpose,
		Act: r.Act, Object: r.Object, Fields: strings.Join(r.Fields, ","), Exit: r.Exit, Bytes: r.Bytes, Status: r.Status,
		SettledAt: storage.At(r.SettledAt), Times: r.Times, LastAt: storage.At(r.Last)}
}
