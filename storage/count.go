package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/uptrace/bun"
)

// Counts is how much there is of what a node works through.
type Counts struct {
	// Waiting are deliveries that are not due yet, Due those that are, GivenUp those that never will be.
	Waiting, Due, GivenUp int64
	// Oldest is when the first of Due was due; zero: there is none.
	Oldest Time
	// Inbound are activities that wait to be worked on, Calls kept calls, Ledger the rows of the ledger.
	Inbound, Calls, Ledger int64
}

// Counts counts. It reads whole indexes, so it is not for every moment.
func (q Queries) Counts(ctx context.Context, now Time) (c Counts, err error) {
	due := bun.SafeQuery("NOT given_up AND due_at <= ?", now)
	err = q.db.NewSelect().Model((*Delivery)(nil)).
		ColumnExpr("count(*) FILTER (WHERE NOT given_up AND due_at > ?)", now).
		ColumnExpr("count(*) FILTER (WHERE ?)", due).ColumnExpr("count(*) FILTER (WHERE given_up)").
		ColumnExpr("min(due_at) FILTER (WHERE ?)", due).Scan(ctx, &c.Waiting, &c.Due, &c.GivenUp, &c.Oldest)
	if err != nil {
		return c, fmt.Errorf("count deliveries: %w", err)
	}
	if c.Inbound, err = q.CountInbound(ctx); err != nil {
		return c, fmt.Errorf("count what came: %w", err)
	}
	if c.Calls, err = q.db.NewSelect().Model((*Call)(nil)).Count(ctx); err != nil {
		return c, fmt.Errorf("count kept calls: %w", err)
	}
	if c.Ledger, err = q.db.NewSelect().Model((*Disclosure)(nil)).Count(ctx); err != nil {
		return c, fmt.Errorf("count the ledger: %w", err)
	}
	return c, nil
}

// Size is how many bytes the database's files have.
func (db *DB) Size() (n int64, err error) {
	for _, suffix := range []string{"", "-wal"} {
		info, err := os.Stat(db.path + suffix)
		if errors.Is(err, fs.ErrNotExist) && suffix != "" {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("size of the database: %w", err)
		}
		n += info.Size()
	}
	return n, nil
}
