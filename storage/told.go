package storage

import (
	"context"

	"github.com/uptrace/bun"
)

// Told says that an inbox was sent an act about an object, or may have been: it is written before the first byte leaves.
// It is kept as long as the object lives, so that what was told can be taken back where it was told.
type Told struct {
	bun.BaseModel `bun:"table:told"`

	Object string `bun:",pk"`
	Inbox  string `bun:",pk"`
	Act    string // URI of the last act about the object
	ToldAt Time
}

// ToldInboxes returns the inboxes that know of an object, in the order of their names.
func (q Queries) ToldInboxes(ctx context.Context, object string) ([]string, error) {
	rows, err := all[Told](ctx, q.db.NewSelect().Where("object = ?", object).Order("inbox"))
	inboxes := make([]string, len(rows))
	for i, t := range rows {
		inboxes[i] = t.Inbox
	}
	return inboxes, err
}

// PutTold writes that an inbox knows of an object.
func (tx Tx) PutTold(ctx context.Context, t *Told) error {
	_, err := tx.db.NewInsert().Model(t).On("CONFLICT (object, inbox) DO UPDATE").
		Set("act = EXCLUDED.act, told_at = EXCLUDED.told_at").Exec(ctx)
	return err
}

// ForgetTold removes what was written of an object, once nothing can be taken back any more.
func (tx Tx) ForgetTold(ctx context.Context, object string) error {
	_, err := tx.db.NewDelete().Model((*Told)(nil)).Where("object = ?", object).Exec(ctx)
	return err
}
