package storage

import (
	"context"

	"github.com/uptrace/bun"
)

// Poll is the question part of a post.
type Poll struct {
	bun.BaseModel `bun:"table:polls"`

	Post     string `bun:",pk"`
	Multiple bool
	ClosesAt Time // zero: open end
	Voters   int
	Options  []PollOption
}

// PollOption is a choice, and the votes counted for it.
type PollOption struct {
	Name  string `json:"name"`
	Votes int    `json:"votes"`
}

// Vote is one choice of one voter.
type Vote struct {
	bun.BaseModel `bun:"table:votes"`

	Poll   string `bun:",pk"`
	Voter  string `bun:",pk"`
	Choice int    `bun:",pk"` // index into the options
}

// Poll returns the poll of a post, or [ErrNotFound].
func (q Queries) Poll(ctx context.Context, post string) (*Poll, error) {
	return one(ctx, q.db.NewSelect().Where("post = ?", post), new(Poll))
}

// OwnPolls returns the polls of the owner's posts that are open, or closed after t.
func (q Queries) OwnPolls(ctx context.Context, t Time) ([]Poll, error) {
	return all[Poll](ctx, q.db.NewSelect().
		Join("JOIN posts AS p ON p.uri = poll.post AND p.local AND p.type = 'Question' AND p.deleted_at IS NULL").
		Where("poll.closes_at IS NULL OR poll.closes_at > ?", t).Order("poll.post"))
}

// Votes returns the choices of one voter.
func (q Queries) Votes(ctx context.Context, poll, voter string) ([]Vote, error) {
	return all[Vote](ctx, q.db.NewSelect().Where("poll = ? AND voter = ?", poll, voter).Order("choice"))
}

// PutPoll writes a poll, in place of the one before.
func (tx Tx) PutPoll(ctx context.Context, p *Poll) error {
	_, err := tx.db.NewInsert().Model(p).On("CONFLICT (post) DO UPDATE").
		Set("multiple = EXCLUDED.multiple, closes_at = EXCLUDED.closes_at, voters = EXCLUDED.voters, options = EXCLUDED.options").
		Exec(ctx)
	return err
}

// InsertVote adds a choice; false says that this voter has made it already.
func (tx Tx) InsertVote(ctx context.Context, v *Vote) (bool, error) {
	return tx.insert(ctx, v, true)
}
