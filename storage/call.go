package storage

import (
	"context"

	"github.com/uptrace/bun"
)

// Call is something the owner asked for that needs other servers, kept until it could be done.
type Call struct {
	bun.BaseModel `bun:"table:calls"`

	ID        int64 `bun:",pk,autoincrement"`
	Name      string
	Args      string // JSON
	CreatedAt Time
	DueAt     Time
	Attempts  int
	Error     string
}

// Calls returns what waits, oldest first.
func (q Queries) Calls(ctx context.Context) ([]Call, error) {
	return all[Call](ctx, q.db.NewSelect().Order("id"))
}

// InsertCall adds a call and sets its ID.
func (tx Tx) InsertCall(ctx context.Context, c *Call) error {
	_, err := tx.db.NewInsert().Model(c).Returning("id").Exec(ctx)
	return err
}

// UpdateCall writes attempts, error and when to try next.
func (tx Tx) UpdateCall(ctx context.Context, c *Call) error {
	_, err := tx.db.NewUpdate().Model(c).Column("due_at", "attempts", "error").WherePK().Exec(ctx)
	return err
}

// DeleteCall removes a call that was done or withdrawn.
func (tx Tx) DeleteCall(ctx context.Context, id int64) error {
	_, err := tx.db.NewDelete().Model((*Call)(nil)).Where("id = ?", id).Exec(ctx)
	return err
}
