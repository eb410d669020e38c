package federation

import (
	"context"
	"errors"
	"time"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/federation/wire"
	"github.com/dunnock-server/dunnock/storage"
)

// Like tells the author of a post that the owner likes it. The post, if not known, is asked for.
func (s *Service) Like(ctx context.Context, id string) (*Reaction, error) {
	return s.react(ctx, storage.Like, id)
}

// Boost shows a post to the owner's followers, and tells its author. Only what its author made public can be boosted, and
// the owner's own posts.
func (s *Service) Boost(ctx context.Context, id string) (*Reaction, error) {
	return s.react(ctx, storage.Announce, id)
}

func (s *Service) react(ctx context.Context, kind, id string) (*Reaction, error) {
	p, err := s.anyPost(ctx, id)
	if err != nil {
		return nil, err
	}
	if kind == storage.Announce && !open(p) && !(p.Local && p.Visibility == storage.Followers) {
		return nil, invalid("only public and unlisted posts can be boosted")
	}
	var named []storage.Actor
	if !p.Local {
		author, err := s.Resolver.Actor(ctx, p.Author)
		if err != nil {
			return nil, Explain(err, "the author of that post")
		}
		named = append(named, *author)
	}
	now := time.Now()
	release, _ := s.Timing.Release(now)
	a := wire.Activity{ID: s.IDs.Activity(wire.NewToken()), Type: kind, Actor: s.IDs.Owner(), Object: p.URI, To: []string{p.Author}}
	audience := storage.Direct
	if kind == storage.Announce {
		audience = p.Visibility
		r := s.IDs.Addresses(audience, uris(named))
		a.To, a.CC, a.Published = r.To, r.CC, release
	}
	err = s.write(ctx, func(ctx context.Context, tx storage.Tx) error {
		fresh, err := tx.InsertReaction(ctx, &storage.Reaction{Kind: kind, Actor: a.Actor, Object: p.URI, Activity: a.ID, CreatedAt: storage.At(now)})
		if err != nil {
			return err
		}
		if !fresh {
			return conflict("you have done that already")
		}
		if kind == storage.Announce {
			entry := &storage.TimelineEntry{Post: p.URI, Booster: a.Actor, CreatedAt: storage.At(now)}
			if err := tx.AddToTimeline(ctx, entry); err != nil {
				return err
			}
		}
		to, err := inboxes(ctx, tx.Queries, s.IDs.Owner(), audience, named)
		if err != nil {
			return err
		}
		_, err = s.tell(ctx, tx, now, release, act{Activity: a, about: p.URI, inboxes: to})
		return err
	})
	if err != nil {
		return nil, err
	}
	return &Reaction{Activity: a.ID, Object: p.URI, Kind: kind}, nil
}

// UndoReaction takes a like or boost (kind as in [storage.Like], [storage.Announce]) of a post back. Who was told is told.
func (s *Service) UndoReaction(ctx context.Context, kind, id string) (string, error) {
	p, err := s.post(ctx, id)
	if err != nil {
		return "", err
	}
	var undone string
	err = s.write(ctx, func(ctx context.Context, tx storage.Tx) error {
		r, err := tx.Reaction(ctx, kind, s.IDs.Owner(), p.URI)
		if errors.Is(err, storage.ErrNotFound) {
			return notFound("there is nothing to undo")
		}
		if err != nil {
			return err
		}
		if _, err := tx.DeleteReaction(ctx, r.Actor, r.Activity); err != nil {
			return err
		}
		if kind == storage.Announce {
			if err := tx.RemoveFromTimeline(ctx, p.URI, r.Actor); err != nil {
				return err
			}
		}
		undone = r.Activity
		return s.takeBack(ctx, tx, r.Activity)
	})
	return undone, err
}

// takeBack stops an act and, where it was told, tells its undoing.
func (s *Service) takeBack(ctx context.Context, tx storage.Tx, uri string) error {
	row, err := tx.ActByURI(ctx, uri)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	told, err := s.Queue.Withdraw(ctx, tx, row)
	if err != nil || len(told) == 0 {
		return err
	}
	undone, err := vocab.Parse([]byte(row.Document))
	if err != nil {
		return err
	}
	_, err = s.tell(ctx, tx, time.Now(), time.Time{}, act{about: row.Object, inboxes: told, Activity: wire.Activity{
		Type: "Undo", Object: undone, To: undone.IRIs("to"), CC: undone.IRIs("cc"),
	}})
	return err
}
