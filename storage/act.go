package storage

import (
	"context"

	"github.com/uptrace/bun"
)

// Act is something one of the node's own actors did that other servers are told of.
type Act struct {
	bun.BaseModel `bun:"table:acts"`

	ID        int64 `bun:",pk,autoincrement"`
	URI       string
	Type      string // of the activity
	Actor     string // the owner or the server
	Object    string // URI of what it is about
	Document  string // the whole activity, before any view of it
	CreatedAt Time   // real, for the owner
	ReleaseAt Time   // the one moment from which on it may leave; zero: not drawn, so never
}

// Delivery is an act on its way to one inbox.
type Delivery struct {
	bun.BaseModel `bun:"table:deliveries"`

	ID       int64 `bun:",pk,autoincrement"`
	ActID    int64
	Host     string // canonical, of the inbox
	Inbox    string
	DueAt    Time // the release of its act, or later
	Attempts int
	Error    string // of the last attempt, for the owner
	GivenUp  bool
}

// Act returns an act by its row number, or [ErrNotFound].
func (q Queries) Act(ctx context.Context, id int64) (*Act, error) {
	return one(ctx, q.db.NewSelect().Where("id = ?", id), new(Act))
}

// ActByURI returns an act, or [ErrNotFound].
func (q Queries) ActByURI(ctx context.Context, uri string) (*Act, error) {
	return one(ctx, q.db.NewSelect().Where("uri = ?", uri), new(Act))
}

// ActsAbout returns the acts about an object, oldest first.
func (q Queries) ActsAbout(ctx context.Context, object string) ([]Act, error) {
	return all[Act](ctx, q.db.NewSelect().Where("object = ?", object).Order("id"))
}

// OutboxActs returns what an actor shows everybody, the latest release first: the Create of each own post that is public
// or unlisted, and the Announce of each post that is, as far as both exist for others at t. after is the act that they
// come after in that order; nil: from the newest.
func (q Queries) OutboxActs(ctx context.Context, actor string, t Time, after *Act, limit int) ([]Act, error) {
	sel := q.db.NewSelect().
		Join("JOIN posts AS p ON p.uri = act.object AND p.deleted_at IS NULL AND p.visibility IN (?, ?)", Public, Unlisted).
		Where("act.actor = ? AND act.release_at <= ?", actor, t).
		Where("(act.type = 'Create' AND p.local AND p.release_at <= ?) OR (act.type = 'Announce' AND"+
			" (NOT p.local OR p.release_at <= ?) AND EXISTS (SELECT 1 FROM reactions AS r WHERE r.activity = act.uri))", t, t)
	if after != nil {
		sel = sel.Where("act.release_at < ? OR (act.release_at = ? AND act.id < ?)", after.ReleaseAt, after.ReleaseAt, after.ID)
	}
	return all[Act](ctx, sel.Order("act.release_at DESC", "act.id DESC").Limit(int64(limit)))
}

// NextDeliveries returns what leaves next for a host: the deliveries of the act that was released first, limit at most,
// and none while that act is not due. Nothing overtakes: a later act waits until the earlier one has arrived or was given
// up. Acts to pass over are as if they were not there.
func (q Queries) NextDeliveries(ctx context.Context, host string, now Time, limit int, pass ...int64) ([]Delivery, error) {
	sel := q.db.NewSelect().Where("host = ? AND NOT given_up AND due_at <= ?", host, now)
	if len(pass) > 0 {
		sel = sel.Where("act_id NOT IN (?)", bun.List(pass))
	}
	rows, err := all[Delivery](ctx, sel.Order("due_at", "act_id", "id").Limit(int64(limit)))
	for i := range rows {
		if rows[i].ActID != rows[0].ActID {
			return rows[:i], err
		}
	}
	return rows, err
}

// NextDue returns when the next act is due at a host; zero when nothing waits.
func (q Queries) NextDue(ctx context.Context, host string) (Time, error) {
	rows, err := all[Delivery](ctx, q.db.NewSelect().Where("host = ? AND NOT given_up", host).Order("due_at").Limit(1))
	if err != nil || len(rows) == 0 {
		return Time{}, err
	}
	return rows[0].DueAt, nil
}

// Deliveries returns everything that waits or was given up, oldest act first.
func (q Queries) Deliveries(ctx context.Context, limit int) ([]Delivery, error) {
	return all[Delivery](ctx, q.db.NewSelect().Order("act_id", "id").Limit(int64(limit)))
}

// PendingInboxes returns the inboxes that something about an object is on its way to, in the order of their names.
func (q Queries) PendingInboxes(ctx context.Context, object string) ([]string, error) {
	var inboxes []string
	err := q.db.NewSelect().Model((*Delivery)(nil)).Distinct().Column("inbox").
		Join("JOIN acts AS a ON a.id = delivery.act_id").
		Where("a.object = ? AND NOT delivery.given_up", object).Order("inbox").Scan(ctx, &inboxes)
	return inboxes, err
}

// InsertAct adds an act and sets its ID.
func (tx Tx) InsertAct(ctx context.Context, a *Act) error {
	_, err := tx.db.NewInsert().Model(a).Returning("id").Exec(ctx)
	return err
}

// SetActDocument replaces what an act says.
func (tx Tx) SetActDocument(ctx context.Context, id int64, document string) error {
	tx.made.acts = true
	_, err := tx.db.NewUpdate().Model((*Act)(nil)).Set("document = ?", document).Where("id = ?", id).Exec(ctx)
	return err
}

// ForgetActsAbout removes the acts about an object. What of them still waits has to be withdrawn first.
func (tx Tx) ForgetActsAbout(ctx context.Context, object string) error {
	tx.made.acts = true
	_, err := tx.db.NewDelete().Model((*Act)(nil)).Where("object = ?", object).Exec(ctx)
	return err
}

// InsertDeliveries adds deliveries; one for the same act and inbox is one.
func (tx Tx) InsertDeliveries(ctx context.Context, ds []Delivery) error {
	if len(ds) == 0 {
		return nil
	}
	_, err := tx.db.NewInsert().Model(&ds).Returning("NULL").On("CONFLICT DO NOTHING").Exec(ctx)
	return err
}

// DeleteDelivery removes what has arrived or is no longer wanted.
func (tx Tx) DeleteDelivery(ctx context.Context, id int64) error {
	_, err := tx.direct().ExecContext(ctx, "DELETE FROM deliveries WHERE id = $1", id)
	return err
}

// UpdateDelivery writes attempts, error and whether it was given up; false says that it was withdrawn meanwhile.
func (tx Tx) UpdateDelivery(ctx context.Context, d *Delivery) (bool, error) {
	return changed(tx.db.NewUpdate().Model(d).Column("due_at", "attempts", "error", "given_up").WherePK().Exec(ctx))
}

// CountAttempt writes how often a delivery was attempted; false says that it was withdrawn meanwhile.
func (tx Tx) CountAttempt(ctx context.Context, d *Delivery) (bool, error) {
	return changed(tx.direct().ExecContext(ctx, "UPDATE deliveries SET attempts = $1 WHERE id = $2", d.Attempts, d.ID))
}

// WithdrawDeliveries removes what of an act still waits, or was given up.
func (tx Tx) WithdrawDeliveries(ctx context.Context, act int64) error {
	_, err := tx.db.NewDelete().Model((*Delivery)(nil)).Where("act_id = ?", act).Exec(ctx)
	return err
}
