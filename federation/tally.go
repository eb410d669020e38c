package federation

import (
	"context"
	"time"

	"github.com/dunnock-server/dunnock/storage"
)

const (
	// tallyEvery is the grid on which the votes of an open poll are told. They come one by one, at the times of those who
	// vote; told at once, each would show everybody when somebody did, and when this node is up.
	tallyEvery = time.Hour
	// tallyFor is how long after its end a poll's result is told, if the node did not run then.
	tallyFor = 7 * 24 * time.Hour
)

// Tally tells how the owner's polls stand to those who know of them: once an hour at most while there are new votes, and
// the result at the end. It returns of how many. Nobody decides on it, so it leaves at once.
func (s *Service) Tally(ctx context.Context) (told int, err error) {
	now := time.Now()
	polls, err := s.DB.OwnPolls(ctx, storage.At(now.Add(-tallyFor)))
	if err != nil {
		return 0, err
	}
	for _, poll := range polls {
		err := s.DB.Write(ctx, func(ctx context.Context, tx storage.Tx) error {
			p, err := tx.Post(ctx, poll.Post)
			if err != nil {
				return err
			}
			due, err := s.tallyDue(ctx, tx, p, storage.At(now))
			if err != nil || !due {
				return err
			}
			told++
			return s.retell(ctx, tx, p, now, now, nil)
		})
		if err != nil {
			return told, err
		}
	}
	if told > 0 {
		s.Queue.Wake()
	}
	return told, nil
}

// tallyDue says whether a poll has changed since it was told last, and may be told again.
func (s *Service) tallyDue(ctx context.Context, tx storage.Tx, p *storage.Post, now storage.Time) (bool, error) {
	if !p.Released(now) || !p.DeletedAt.IsZero() {
		return false, nil
	}
	poll, err := pollOf(ctx, tx.Queries, p)
	if err != nil || poll == nil {
		return false, err
	}
	acts, err := tx.ActsAbout(ctx, p.URI)
	if err != nil {
		return false, err
	}
	for i := len(acts) - 1; i >= 0; i-- {
		last := acts[i]
		if last.Type != "Create" && last.Type != "Update" {
			continue
		}
		document, err := s.telling(last.URI, last.Type, p, poll, last.ReleaseAt.Time).Document().Marshal()
		if err != nil || string(document) == last.Document {
			return false, err
		}
		closed := !poll.ClosesAt.IsZero() && !poll.ClosesAt.After(now.Time)
		return closed || now.Truncate(tallyEvery).After(last.ReleaseAt.Time), nil
	}
	return false, nil
}
