package storage

import (
	"context"

	"github.com/uptrace/bun"
)

// Inbound is an activity that came in and was authenticated. It has a body until it takes effect; the row stays for a while
// after that, so that it takes effect once however often it is sent.
type Inbound struct {
	bun.BaseModel `bun:"table:inbound"`

	ID         int64 `bun:",pk,autoincrement"`
	Actor      string
	Activity   string // its id; or the URI of what the actor deleted before it came
	SignedAt   Time   // by the sender's clock
	ReceivedAt Time
	DueAt      Time // zero: it does not wait
	Attempts   int
	UndoneAt   Time // when its undoing was signed; zero: it was not, or may not be done again
	Body       []byte
}

// Accept queues an authenticated activity; false says that it came before. One that was undone since ([Tx.MarkUndone])
// counts as new if it was signed after that.
func (tx Tx) Accept(ctx context.Context, in *Inbound) (bool, error) {
	fresh, err := tx.insert(ctx, in, true)
	if err != nil || fresh {
		return fresh, err
	}
	again, err := changed(tx.db.NewDelete().Model((*Inbound)(nil)).
		Where("actor = ? AND activity = ? AND undone_at < ?", in.Actor, in.Activity, in.SignedAt).Exec(ctx))
	if err != nil || !again {
		return false, err
	}
	return tx.insert(ctx, in, true)
}

// MarkSeen makes an activity count as seen, whether it came or not; false says that it did already.
func (tx Tx) MarkSeen(ctx context.Context, actor, activity string, at Time) (bool, error) {
	return tx.insert(ctx, &Inbound{Actor: actor, Activity: activity, ReceivedAt: at}, true)
}

// MarkUndone lets an activity that was seen be done again under the same id: PeerTube and the Misskey family name a
// follow by the two whom it joins, and snac a reaction by the post.
func (tx Tx) MarkUndone(ctx context.Context, actor, activity string, signed Time) error {
	_, err := tx.db.NewUpdate().Model((*Inbound)(nil)).Set("undone_at = ?", signed).
		Where("actor = ? AND activity = ?", actor, activity).Exec(ctx)
	return err
}

// Seen says whether an actor's activity counts as seen.
func (q Queries) Seen(ctx context.Context, actor, activity string) (bool, error) {
	var seen bool
	err := q.direct().QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM inbound WHERE actor = $1 AND activity = $2)", actor, activity).Scan(&seen)
	return seen, err
}

// DueInbound returns activities that are due, without their bodies, in the order they came, limit at most. Where an actor's
// oldest one was postponed, the later ones wait with it: an actor's activities take effect in order.
//
// The plus sign keeps SQLite from going through all there are in their order, those that wait no more included: it finds the
// ones that are due by their index, and sorts them.
func (q Queries) DueInbound(ctx context.Context, now Time, limit int) ([]Inbound, error) {
	waiting := q.db.NewSelect().TableExpr("inbound AS w").ColumnExpr("w.actor").Where("w.due_at > ?", now)
	return all[Inbound](ctx, q.db.NewSelect().Column("id", "actor", "activity", "signed_at", "received_at", "attempts").
		Where("due_at <= ? AND actor NOT IN (?)", now, waiting).OrderExpr("+id").Limit(int64(limit)))
}

// InboundBody returns what an activity that waits says, or [ErrNotFound].
func (q Queries) InboundBody(ctx context.Context, id int64) ([]byte, error) {
	row, err := one(ctx, q.db.NewSelect().Column("body").Where("id = ? AND due_at IS NOT NULL", id), new(Inbound))
	if err != nil {
		return nil, err
	}
	return row.Body, nil
}

// NextInboundDue returns when, after now, the next activity is due; zero when none is.
func (q Queries) NextInboundDue(ctx context.Context, now Time) (Time, error) {
	rows, err := all[Inbound](ctx, q.db.NewSelect().Column("due_at").Where("due_at > ?", now).Order("due_at").Limit(1))
	if err != nil || len(rows) == 0 {
		return Time{}, err
	}
	return rows[0].DueAt, nil
}

// CountInbound returns how many activities wait.
func (q Queries) CountInbound(ctx context.Context) (int64, error) {
	return q.db.NewSelect().Model((*Inbound)(nil)).Where("due_at IS NOT NULL").Count(ctx)
}

// FinishInbound takes an activity out of the queue that took effect, or never will. What it said is forgotten.
func (tx Tx) FinishInbound(ctx context.Context, id int64) error {
	_, err := tx.direct().ExecContext(ctx, "UPDATE inbound SET body = NULL, due_at = NULL WHERE id = $1", id)
	return err
}

// PostponeInbound lets an activity, and what its actor sent after it, wait until due.
func (tx Tx) PostponeInbound(ctx context.Context, id int64, due Time) error {
	_, err := tx.db.NewUpdate().Model((*Inbound)(nil)).
		Set("due_at = ?, attempts = attempts + 1", due).Where("id = ?", id).Exec(ctx)
	return err
}
