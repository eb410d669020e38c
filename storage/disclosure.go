package storage

import (
	"context"

	"github.com/uptrace/bun"
)

// Directions of a [Disclosure].
const (
	Pushed  = "pushed"  // delivered by us
	Pulled  = "pulled"  // asked for by them
	Fetched = "fetched" // asked for by us: it tells them that we asked
)

// Disclosure is one row of the ledger: what a domain was told.
type Disclosure struct {
	bun.BaseModel `bun:"table:disclosures"`

	ID        int64 `bun:",pk,autoincrement"`
	At        Time
	Domain    string // empty: a visitor without a key
	Direction string
	Purpose   string
	Act       string // type of the activity, or of the document
	Object    string
	Fields    string // what was shown, in order, with commas
	Exit      string // name of the relay it left by; empty for what was pulled
	Bytes     int64
	Status    int  // HTTP; 0: no answer
	SettledAt Time // zero: it may have been told, or not (a crash came between)
	Times     int  // how often, in the hour of At
	LastAt    Time // the last of these times
}

// Disclosures returns rows about a domain since t, newest first.
func (q Queries) Disclosures(ctx context.Context, domain string, since Time, limit int) ([]Disclosure, error) {
	return all[Disclosure](ctx, q.db.NewSelect().
		Where("domain = ? AND at >= ?", domain, since).Order("id DESC").Limit(int64(limit)))
}

// InsertDisclosure adds a row and sets its ID.
func (tx Tx) InsertDisclosure(ctx context.Context, d *Disclosure) error {
	return tx.direct().QueryRowContext(ctx, "INSERT INTO disclosures (at, domain, direction, purpose, act, object, fields, exit, bytes,"+
		" status, settled_at, times, last_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING id",
		d.At, d.Domain, d.Direction, d.Purpose, d.Act, d.Object, d.Fields, d.Exit, d.Bytes, d.Status, d.SettledAt, d.Times, d.LastAt).
		Scan(&d.ID)
}

// SettleDisclosure writes how it ended.
func (tx Tx) SettleDisclosure(ctx context.Context, d *Disclosure) error {
	_, err := tx.direct().ExecContext(ctx, "UPDATE disclosures SET bytes = $1, status = $2, settled_at = $3 WHERE id = $4",
		d.Bytes, d.Status, d.SettledAt, d.ID)
	return err
}

// CountDisclosure adds d's times and bytes to those of the row with its ID, and sets when it was last.
func (tx Tx) CountDisclosure(ctx context.Context, d *Disclosure) error {
	_, err := tx.db.NewUpdate().Model((*Disclosure)(nil)).Where("id = ?", d.ID).
		Set("times = times + ?, bytes = bytes + ?, last_at = ?", d.Times, d.Bytes, d.LastAt).Exec(ctx)
	return err
}
