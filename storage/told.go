package storage

import (
	"context"

	"github.com/uptrace/bun"
)

// Told says that an inbox was sent an act, or may have been: it is written before the first byte leaves. It is kept as long as
// the object lives, so that what was told can be taken back where it was told.
type Told struct {
	bun.BaseModel `bun:"table:told"`

	Act    string `bun:",pk"` // URI of the act
	Inbox  string `bun:",pk"`
	Object string
	ToldAt Time
}

// ToldInboxes returns the inboxes that know of an object, in the order of their names.
func (q Queries) ToldInboxes(ctx context.Context, object string) ([]string, error) {
	var inboxes []string
	err := q.db.NewSelect().Model((*Told)(nil)).Distinct().Column("inbox").
		Where("object = ?", object).Order("inbox").Scan(ctx, &inboxes)
	return inboxes, err
}

// ToldOf returns the inboxes that were sent an act, or may have been, in the order of their names.
func (q Queries) ToldOf(ctx context.Context, act string) ([]string, error) {
	var inboxes []string
	err := q.db.NewSelect().Model((*Told)(nil)).Column("inbox").Where("act = ?", act).Order("inbox").Scan(ctx, &inboxes)
	return inboxes, err
}

// IsTold says whether an inbox was sent an act about an object, or may have been, beside the act of that URI.
func (q Queries) IsTold(ctx context.Context, inbox, object, beside string) (bool, error) {
	return q.db.NewSelect().Model((*Told)(nil)).Where("object = ? AND inbox = ? AND act != ?", object, inbox, beside).Exists(ctx)
}

// IsToldOf says whether an inbox was sent an act, or may have been.
func (q Queries) IsToldOf(ctx context.Context, inbox, act string) (bool, error) {
	return q.db.NewSelect().Model((*Told)(nil)).Where("act = ? AND inbox = ?", act, inbox).Exists(ctx)
}

// PutTold writes that an inbox was sent an act; news says that it had not been before.
func (tx Tx) PutTold(ctx context.Context, t *Told) (news bool, err error) {
	if news, err = tx.insert(ctx, t, true); err != nil || news {
		return news, err
	}
	_, err = tx.db.NewUpdate().Model(t).Column("told_at").WherePK().Exec(ctx)
	return false, err
}

// DeleteTold takes back that an inbox was sent an act, when it turned out not to be.
func (tx Tx) DeleteTold(ctx context.Context, act, inbox string) error {
	_, err := tx.db.NewDelete().Model((*Told)(nil)).Where("act = ? AND inbox = ?", act, inbox).Exec(ctx)
	return err
}
