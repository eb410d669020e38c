package storage

import (
	"context"

	"github.com/uptrace/bun"
)

// Inbound is an activity that was authenticated and waits to take effect.
type Inbound struct {
	bun.BaseModel `bun:"table:inbound"`

	ID         int64 `bun:",pk,autoincrement"`
	Actor      string
	Activity   string // its id
	Body       []byte
	ReceivedAt Time
	DueAt      Time
	Attempts   int
}

// Seen is an authenticated activity that came in, so that it takes effect once however often it is sent.
type Seen struct {
	bun.BaseModel `bun:"table:seen"`

	Actor    string `bun:",pk"`
	Activity string `bun:",pk"`
	SeenAt   Time
}

// Accept queues an authenticated activity; false says that it came before.
func (tx Tx) Accept(ctx context.Context, in *Inbound) (bool, error) {
	fresh, err := tx.insert(ctx, &Seen{Actor: in.Actor, Activity: in.Activity, SeenAt: in.ReceivedAt}, true)
	if err != nil || !fresh {
		return false, err
	}
	_, err = tx.insert(ctx, in, false)
	return true, err
}

// DueInbound returns, for every actor with something waiting, its oldest activity if that is due: an actor's activities
// take effect in the order they came.
func (q Queries) DueInbound(ctx context.Context, now Time, limit int) ([]Inbound, error) {
	earlier := q.db.NewSelect().TableExpr("inbound AS e").ColumnExpr("1").Where("e.actor = inbound.actor AND e.id < inbound.id")
	return all[Inbound](ctx, q.db.NewSelect().
		Where("due_at <= ? AND NOT EXISTS (?)", now, earlier).Order("id").Limit(int64(limit)))
}

// NextInboundDue returns when the next activity is due; zero when none waits.
func (q Queries) NextInboundDue(ctx context.Context) (Time, error) {
	rows, err := all[Inbound](ctx, q.db.NewSelect().Column("due_at").Order("due_at").Limit(1))
	if err != nil || len(rows) == 0 {
		return Time{}, err
	}
	return rows[0].DueAt, nil
}

// CountInbound returns how many activities wait.
func (q Queries) CountInbound(ctx context.Context) (int64, error) {
	return q.db.NewSelect().Model((*Inbound)(nil)).Count(ctx)
}

// DeleteInbound removes an activity that took effect, or never will.
func (tx Tx) DeleteInbound(ctx context.Context, id int64) error {
	_, err := tx.db.NewDelete().Model((*Inbound)(nil)).Where("id = ?", id).Exec(ctx)
	return err
}

// PostponeInbound lets an activity, and what its actor sent after it, wait until due.
func (tx Tx) PostponeInbound(ctx context.Context, id int64, due Time) error {
	_, err := tx.db.NewUpdate().Model((*Inbound)(nil)).
		Set("due_at = ?, attempts = attempts + 1", due).Where("id = ?", id).Exec(ctx)
	return err
}

// ForgetSeen removes what came before t: by then a replay is refused for its date.
func (tx Tx) ForgetSeen(ctx context.Context, t Time) error {
	_, err := tx.db.NewDelete().Model((*Seen)(nil)).Where("seen_at < ?", t).Exec(ctx)
	return err
}
