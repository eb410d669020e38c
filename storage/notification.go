package storage

import (
	"context"

	"github.com/uptrace/bun"
)

// Notification is something that the owner is told of.
type Notification struct {
	bun.BaseModel `bun:"table:notifications"`

	ID        int64  `bun:",pk,autoincrement"`
	Kind      string // follow, follow_request, mention, like, boost, react, poll, update, quote, flag, move, given_up …
	Actor     string // empty: the node itself
	Object    string // URI of what it is about
	Detail    string // an emoji, a flag's text, the target of a move
	CreatedAt Time
}

// Notifications returns notifications, newest first, below the row number before (0: from the newest).
func (q Queries) Notifications(ctx context.Context, before int64, limit int) ([]Notification, error) {
	sel := q.db.NewSelect()
	if before > 0 {
		sel = sel.Where("id < ?", before)
	}
	return all[Notification](ctx, sel.Order("id DESC").Limit(int64(limit)))
}

// Notify adds a notification; the same one twice is one.
func (tx Tx) Notify(ctx context.Context, n *Notification) error {
	_, err := tx.insert(ctx, n, true)
	return err
}

// DeleteNotification takes back what an actor caused about an object.
func (tx Tx) DeleteNotification(ctx context.Context, kind, actor, object string) error {
	_, err := tx.db.NewDelete().Model((*Notification)(nil)).
		Where("kind = ? AND actor = ? AND object = ?", kind, actor, object).Exec(ctx)
	return err
}
