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

// Standing is how the owner and an actor stand to each other.
type Standing struct {
	Follows  bool // the owner follows the actor, who has accepted
	Follower bool // the actor follows the owner, who has accepted
	Blocked  bool // by the owner
	Muted    bool // likewise
	Gone     bool // the actor deleted itself
	// Audience is the URI of the collection of the actor's followers; empty: none, or the actor is not known.
	Audience string
}

// Standing returns how the owner and an actor stand to each other, in one query.
func (q Queries) Standing(ctx context.Context, owner, actor string) (s Standing, err error) {
	const follows = "EXISTS (SELECT 1 FROM follows WHERE follower = ? AND followee = ? AND state = ?)"
	const related = "EXISTS (SELECT 1 FROM relations WHERE actor = ? AND kind = ?)"
	err = q.db.NewRaw("SELECT "+follows+", "+follows+", "+related+", "+related+
		", a.gone_at IS NOT NULL, COALESCE(a.followers, '') FROM (SELECT 1) AS x LEFT JOIN actors AS a ON a.uri = ?",
		owner, actor, Accepted, actor, owner, Accepted, actor, Block, actor, Mute, actor).
		Scan(ctx, &s.Follows, &s.Follower, &s.Blocked, &s.Muted, &s.Gone, &s.Audience)
	return s, err
}

// PutRelation adds a relation; one that is there already is left as it is.
func (tx Tx) PutRelation(ctx context.Context, r *Relation) (bool, error) {
	return tx.insert(ctx, r, true)
}

// DeleteRelation removes a relation; false says that there was none.
func (tx Tx) DeleteRelation(ctx context.Context, actor, kind string) (bool, error) {
	return changed(tx.db.NewDelete().Model((*Relation)(nil)).Where("actor = ? AND kind = ?", actor, kind).Exec(ctx))
}
