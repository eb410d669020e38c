package storage

import (
	"context"

	"github.com/uptrace/bun"
)

// FollowState is how far a follow has come.
type FollowState string

// The states of a follow. A rejected one is kept, so that a late Accept does not revive it.
const (
	Pending  FollowState = "pending"
	Accepted FollowState = "accepted"
	Rejected FollowState = "rejected"
)

// Follow is one actor following another; the owner is one of the two.
type Follow struct {
	bun.BaseModel `bun:"table:follows"`

	Follower  string `bun:",pk"`
	Followee  string `bun:",pk"`
	Activity  string // URI of the Follow
	State     FollowState
	CreatedAt Time
}

// Follow returns the follow between two actors, or [ErrNotFound].
func (q Queries) Follow(ctx context.Context, follower, followee string) (*Follow, error) {
	return one(ctx, q.db.NewSelect().Where("follower = ? AND followee = ?", follower, followee), new(Follow))
}

// Followers returns who follows followee, newest first; an empty state means any.
func (q Queries) Followers(ctx context.Context, followee string, state FollowState) ([]Follow, error) {
	return q.follows(ctx, "followee", followee, state)
}

// Following returns whom follower follows, newest first; an empty state means any.
func (q Queries) Following(ctx context.Context, follower string, state FollowState) ([]Follow, error) {
	return q.follows(ctx, "follower", follower, state)
}

func (q Queries) follows(ctx context.Context, side, actor string, state FollowState) ([]Follow, error) {
	sel := q.db.NewSelect().Where("? = ?", bun.Ident(side), actor)
	if state != "" {
		sel = sel.Where("state = ?", state)
	}
	return all[Follow](ctx, sel.Order("created_at DESC"))
}

// FollowerActors returns the accepted followers of an actor, as far as they are known and not gone.
func (q Queries) FollowerActors(ctx context.Context, followee string) ([]Actor, error) {
	return all[Actor](ctx, q.db.NewSelect().
		Join("JOIN follows AS f ON f.follower = actor.uri").
		Where("f.followee = ? AND f.state = ? AND actor.gone_at IS NULL", followee, Accepted).Order("actor.id"))
}

// FollowedActors returns those whom an actor follows with their consent, as far as they are known and not gone.
func (q Queries) FollowedActors(ctx context.Context, follower string) ([]Actor, error) {
	return all[Actor](ctx, q.db.NewSelect().
		Join("JOIN follows AS f ON f.followee = actor.uri").
		Where("f.follower = ? AND f.state = ? AND actor.gone_at IS NULL", follower, Accepted).Order("actor.id"))
}

// PutFollow writes a follow, in place of the one between the same two.
func (tx Tx) PutFollow(ctx context.Context, f *Follow) error {
	tx.made.people = true
	_, err := tx.db.NewInsert().Model(f).On("CONFLICT (follower, followee) DO UPDATE").
		Set("activity = EXCLUDED.activity, state = EXCLUDED.state, created_at = EXCLUDED.created_at").Exec(ctx)
	return err
}

// DeleteFollow removes a follow; false says that there was none.
func (tx Tx) DeleteFollow(ctx context.Context, follower, followee string) (bool, error) {
	tx.made.people = true
	return changed(tx.db.NewDelete().Model((*Follow)(nil)).
		Where("follower = ? AND followee = ?", follower, followee).Exec(ctx))
}

// DeleteFollowsOf removes every follow that an actor is part of.
func (tx Tx) DeleteFollowsOf(ctx context.Context, actor string) error {
	tx.made.people = true
	_, err := tx.db.NewDelete().Model((*Follow)(nil)).
		Where("follower = ? OR followee = ?", actor, actor).Exec(ctx)
	return err
}
