package storage

import (
	"context"

	"github.com/uptrace/bun"
)

// Kinds of reaction, named as their activities.
const (
	Like       = "Like"
	Announce   = "Announce"
	EmojiReact = "EmojiReact"
)

// Reaction is a like, a boost or an emoji that an actor gave a post.
type Reaction struct {
	bun.BaseModel `bun:"table:reactions"`

	ID        int64 `bun:",pk,autoincrement"`
	Kind      string
	Actor     string
	Object    string
	Content   string // the emoji
	Activity  string // URI of the activity
	CreatedAt Time
}

// Reaction returns an actor's reaction of a kind to a post, or [ErrNotFound].
func (q Queries) Reaction(ctx context.Context, kind, actor, object string) (*Reaction, error) {
	return one(ctx, q.db.NewSelect().Where("kind = ? AND actor = ? AND object = ?", kind, actor, object), new(Reaction))
}

// ReactionOf returns an actor's reaction of a kind with that content to a post, or [ErrNotFound].
func (q Queries) ReactionOf(ctx context.Context, kind, actor, object, content string) (*Reaction, error) {
	return one(ctx, q.db.NewSelect().Where("kind = ? AND actor = ? AND object = ? AND content = ?", kind, actor, object, content), new(Reaction))
}

// ReactionByActivity returns the reaction that an activity made, or [ErrNotFound].
func (q Queries) ReactionByActivity(ctx context.Context, activity string) (*Reaction, error) {
	return one(ctx, q.db.NewSelect().Where("activity = ?", activity), new(Reaction))
}

// Reactions returns all reactions to a post, oldest first.
func (q Queries) Reactions(ctx context.Context, object string) ([]Reaction, error) {
	return all[Reaction](ctx, q.db.NewSelect().Where("object = ?", object).Order("id"))
}

// CountReactionsBy returns how many reactions an actor gave a post.
func (q Queries) CountReactionsBy(ctx context.Context, actor, object string) (int64, error) {
	return q.db.NewSelect().Model((*Reaction)(nil)).Where("object = ? AND actor = ?", object, actor).Count(ctx)
}

// InsertReaction adds a reaction; false says that it is there already.
func (tx Tx) InsertReaction(ctx context.Context, r *Reaction) (bool, error) {
	return tx.insert(ctx, r, true)
}

// DeleteReaction removes a reaction by the URI of its activity; false says that there was none. The actor must be the
// one who made it.
func (tx Tx) DeleteReaction(ctx context.Context, actor, activity string) (bool, error) {
	return changed(tx.db.NewDelete().Model((*Reaction)(nil)).
		Where("activity = ? AND actor = ?", activity, actor).Exec(ctx))
}
