package storage

import (
	"context"

	"github.com/uptrace/bun"
)

// TimelineEntry places a post in the owner's home timeline, once as itself and once for each who boosted it.
type TimelineEntry struct {
	bun.BaseModel `bun:"table:timeline"`

	ID        int64 `bun:",pk,autoincrement"`
	Post      string
	Booster   string // empty: there for its own sake
	CreatedAt Time
}

// Timeline returns entries, newest first, below the row number before (0: from the newest).
func (q Queries) Timeline(ctx context.Context, before int64, limit int) ([]TimelineEntry, error) {
	sel := q.db.NewSelect()
	if before > 0 {
		sel = sel.Where("id < ?", before)
	}
	return all[TimelineEntry](ctx, sel.Order("id DESC").Limit(int64(limit)))
}

// AddToTimeline adds an entry; the same one twice is one.
func (tx Tx) AddToTimeline(ctx context.Context, e *TimelineEntry) error {
	_, err := tx.insert(ctx, e, true)
	return err
}

// RemoveFromTimeline takes a booster's entry of a post out.
func (tx Tx) RemoveFromTimeline(ctx context.Context, post, booster string) error {
	_, err := tx.db.NewDelete().Model((*TimelineEntry)(nil)).Where("post = ? AND booster = ?", post, booster).Exec(ctx)
	return err
}
