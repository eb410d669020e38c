package storage

import (
	"context"

	"github.com/uptrace/bun"
)

// Pin is a post that its author keeps on top.
type Pin struct {
	bun.BaseModel `bun:"table:pins"`

	Actor     string `bun:",pk"`
	Post      string `bun:",pk"`
	CreatedAt Time
}

// Pins returns an actor's pins, newest first.
func (q Queries) Pins(ctx context.Context, actor string) ([]Pin, error) {
	return all[Pin](ctx, q.db.NewSelect().Where("actor = ?", actor).Order("created_at DESC", "post"))
}

// Pinned says whether an actor keeps a post on top.
func (q Queries) Pinned(ctx context.Context, actor, post string) (bool, error) {
	return q.db.NewSelect().Model((*Pin)(nil)).Where("actor = ? AND post = ?", actor, post).Exists(ctx)
}

// InsertPin adds a pin; false says that it is there already.
func (tx Tx) InsertPin(ctx context.Context, p *Pin) (bool, error) { return tx.insert(ctx, p, true) }

// DeletePin removes a pin; false says that there was none.
func (tx Tx) DeletePin(ctx context.Context, actor, post string) (bool, error) {
	return changed(tx.db.NewDelete().Model((*Pin)(nil)).Where("actor = ? AND post = ?", actor, post).Exec(ctx))
}
