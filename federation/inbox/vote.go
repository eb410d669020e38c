package inbox

import (
	"context"
	"slices"

	"github.com/dunnock-server/dunnock/storage"
)

// vote counts a vote in a poll of the owner's: once for each voter and choice, and once for each voter where the poll takes
// one choice. What counts is when the vote came, not when its turn came. Nothing is told to others here.
func (in *Inbox) vote(a *activity, question, choice string) effect {
	return func(ctx context.Context, tx storage.Tx) error {
		p, err := tx.Post(ctx, question)
		if err != nil {
			return unless(err)
		}
		if !a.sees(p) {
			return nil
		}
		poll, err := tx.Poll(ctx, question)
		if err != nil {
			return unless(err)
		}
		at := slices.IndexFunc(poll.Options, func(o storage.PollOption) bool { return o.Name == choice })
		if at < 0 || !poll.ClosesAt.IsZero() && !poll.ClosesAt.After(a.at.Time) {
			return nil
		}
		before, err := tx.Votes(ctx, question, a.actor)
		if err != nil || len(before) > 0 && !poll.Multiple {
			return err
		}
		fresh, err := tx.InsertVote(ctx, &storage.Vote{Poll: question, Voter: a.actor, Choice: at})
		if err != nil || !fresh {
			return err
		}
		poll.Options[at].Votes++
		if len(before) == 0 {
			poll.Voters++
		}
		if err := tx.PutPoll(ctx, poll); err != nil {
			return err
		}
		return a.notify(ctx, tx, "vote", question, "")
	}
}
