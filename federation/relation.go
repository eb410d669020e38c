package federation

import (
	"context"
	"errors"
	"time"

	"github.com/dunnock-server/dunnock/federation/wire"
	"github.com/dunnock-server/dunnock/storage"
)

// Block ends every tie to an account, drops what it sends from now on, and tells its server, if the policy lets it know, so that
// it hides the owner's posts from the account. An account that is not known is asked for first.
func (s *Service) Block(ctx context.Context, who string) error {
	a, err := s.actor(ctx, who)
	if err != nil {
		return err
	}
	now := time.Now()
	r := &storage.Relation{Actor: a.URI, Kind: storage.Block, Activity: s.IDs.Activity(wire.NewToken()), CreatedAt: storage.At(now)}
	return s.write(ctx, func(ctx context.Context, tx storage.Tx) error {
		if fresh, err := tx.PutRelation(ctx, r); err != nil || !fresh {
			return err
		}
		if err := s.part(ctx, tx, a); err != nil {
			return err
		}
		_, err := s.tell(ctx, tx, now, time.Time{}, act{about: a.URI, inboxes: []string{a.Inbox}, Activity: wire.Activity{
			ID: r.Activity, Type: "Block", Object: a.URI, To: []string{a.URI},
		}})
		return err
	})
}

// part ends the follows between the owner and an account, both ways.
func (s *Service) part(ctx context.Context, tx storage.Tx, a *storage.Actor) error {
	switch f, err := tx.Follow(ctx, s.IDs.Owner(), a.URI); {
	case err == nil:
		if err := s.unfollow(ctx, tx, f); err != nil {
			return err
		}
	case !errors.Is(err, storage.ErrNotFound):
		return err
	}
	f, err := tx.Follow(ctx, a.URI, s.IDs.Owner())
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.settle(ctx, tx, a, f, storage.Rejected, "Reject")
}

// Unblock lifts a block. The follows that it ended do not come back.
func (s *Service) Unblock(ctx context.Context, who string) error {
	a, err := s.knownActor(ctx, who)
	if err != nil {
		return err
	}
	return s.write(ctx, func(ctx context.Context, tx storage.Tx) error {
		r, err := tx.Relation(ctx, a.URI, storage.Block)
		if err != nil {
			return Explain(err, "a block of this account")
		}
		if _, err := tx.DeleteRelation(ctx, a.URI, storage.Block); err != nil {
			return err
		}
		return s.takeBack(ctx, tx, r.Activity)
	})
}

// Mute keeps an account out of the timeline and the notifications. Nobody is told.
func (s *Service) Mute(ctx context.Context, who string) error {
	a, err := s.knownActor(ctx, who)
	if err != nil {
		return err
	}
	return s.write(ctx, func(ctx context.Context, tx storage.Tx) error {
		_, err := tx.PutRelation(ctx, &storage.Relation{Actor: a.URI, Kind: storage.Mute, CreatedAt: storage.Now()})
		return err
	})
}

// Unmute lifts a mute. What came meanwhile does not come back.
func (s *Service) Unmute(ctx context.Context, who string) error {
	a, err := s.knownActor(ctx, who)
	if err != nil {
		return err
	}
	return s.write(ctx, func(ctx context.Context, tx storage.Tx) error {
		there, err := tx.DeleteRelation(ctx, a.URI, storage.Mute)
		if err == nil && !there {
			return notFound("the account is not muted")
		}
		return err
	})
}

// Blocks are the accounts that the owner blocks and mutes.
func (s *Service) Blocks(ctx context.Context) (*Blocks, error) {
	blocked, err := s.related(ctx, storage.Block)
	if err != nil {
		return nil, err
	}
	muted, err := s.related(ctx, storage.Mute)
	return &Blocks{Blocked: blocked, Muted: muted}, err
}

func (s *Service) related(ctx context.Context, kind string) ([]Relationship, error) {
	rows, err := s.DB.Relations(ctx, kind)
	if err != nil {
		return nil, err
	}
	list := make([]Relationship, 0, len(rows))
	for _, r := range rows {
		a, err := s.DB.Actor(ctx, r.Actor)
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return nil, err
		}
		if a == nil {
			a = &storage.Actor{URI: r.Actor}
		}
		list = append(list, Relationship{Actor: a.URI, Handle: shownHandle(a), Name: a.Name, Since: r.CreatedAt.Time})
	}
	return list, nil
}
