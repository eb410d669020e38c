package storage

import (
	"context"

	"github.com/uptrace/bun"
)

// Kinds of [Relation].
const (
	Block     = "block"      // the owner blocks the actor
	Mute      = "mute"       // the owner does not want to see the actor
	BlockedBy = "blocked_by" // the actor blocks the owner
)

// Relation is how the owner stands to an actor, beside follows.
type Relation struct {
	bun.BaseModel `bun:"table:relations"`

	Actor     string `bun:",pk"`
	Kind      string `bun:",pk"`
	Activity  string // URI of the Block, if one was sent or came
	CreatedAt Time
}

// Relation returns a relation, or [ErrNotFound].
func (q Queries) Relation(ctx context.Context, actor, kind string) (*Relation, error) {
	return one(ctx, q.db.NewSelect().Where("actor = ? AND kind = ?", actor, kind), new(Relation))
}

// Relations returns all relations of a kind, newest first.
func (q Queries) Relations(ctx context.Context, kind string) ([]Relation, error) {
	return all[Relation](ctx, q.db.NewSelect().Where("kind = ?", kind).Order("created_at DESC", "actor"))
}

// Related says whether a relation of that kind exists.
func (q Queries) Related(ctx context.Context, actor, kind string) (bool, error) {
	return q.db.NewSelect().Model((*Relation)(nil)).Where("actor = ? AND kind = ?", actor, kind).Exists(ctx)
}

// PutRelation adds a relation; one that is there already is left as it is.
func (tx Tx) PutRelation(ctx context.Context, r *Relation) (bool, error) {
	tx.made.people = true
	return tx.insert(ctx, r, true)
}

// DeleteRelation removes a relation; false says that there was none.
func (tx Tx) DeleteRelation(ctx context.Context, actor, kind string) (bool, error) {
	tx.made.people = true
	return changed(tx.db.NewDelete().Model((*Relation)(nil)).Where("actor = ? AND kind = ?", actor, kind).Exec(ctx))
}
