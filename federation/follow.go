package federation

import (
	"context"
	"errors"
	"time"

	"github.com/dunnock-server/dunnock/federation/wire"
	"github.com/dunnock-server/dunnock/storage"
)

// Follow asks somebody (URL or @user@host) to let the owner follow them. Asking again for what was rejected asks anew.
func (s *Service) Follow(ctx context.Context, who string) (*Relationship, error) {
	a, err := s.actor(ctx, who)
	if err != nil {
		return nil, err
	}
	if blocked, err := s.DB.Related(ctx, a.URI, storage.Block); err != nil {
		return nil, err
	} else if blocked {
		return nil, conflict("you block this account: unblock it first")
	}
	now := time.Now()
	f := &storage.Follow{Follower: s.IDs.Owner(), Followee: a.URI, Activity: s.IDs.Activity(wire.NewToken()),
		State: storage.Pending, CreatedAt: storage.At(now)}
	err = s.write(ctx, func(ctx context.Context, tx storage.Tx) error {
		switch there, err := tx.Follow(ctx, f.Follower, f.Followee); {
		case err == nil && there.State != storage.Rejected:
			f = there
			return nil
		case err != nil && !errors.Is(err, storage.ErrNotFound):
			return err
		}
		if err := tx.PutFollow(ctx, f); err != nil {
			return err
		}
		_, err := s.tell(ctx, tx, now, time.Time{}, act{about: a.URI, inboxes: []string{a.Inbox}, Activity: wire.Activity{
			ID: f.Activity, Type: "Follow", Object: a.URI, To: []string{a.URI},
		}})
		return err
	})
	if err != nil {
		return nil, err
	}
	return relationship(f, a), nil
}

// Unfollow ends or withdraws a follow.
func (s *Service) Unfollow(ctx context.Context, who string) (*Relationship, error) {
	a, err := s.knownActor(ctx, who)
	if err != nil {
		return nil, err
	}
	var f *storage.Follow
	err = s.write(ctx, func(ctx context.Context, tx storage.Tx) error {
		if f, err = tx.Follow(ctx, s.IDs.Owner(), a.URI); err != nil {
			return Explain(err, "a follow of this account")
		}
		return s.unfollow(ctx, tx, f)
	})
	if err != nil {
		return nil, err
	}
	f.State = ""
	return relationship(f, a), nil
}

func (s *Service) unfollow(ctx context.Context, tx storage.Tx, f *storage.Follow) error {
	if _, err := tx.DeleteFollow(ctx, f.Follower, f.Followee); err != nil {
		return err
	}
	return s.takeBack(ctx, tx, f.Activity)
}

// Followers are the accounts that follow the owner, or ask to; an empty state means all.
func (s *Service) Followers(ctx context.Context, state storage.FollowState) ([]Relationship, error) {
	follows, err := s.DB.Followers(ctx, s.IDs.Owner(), state)
	if err != nil {
		return nil, err
	}
	return s.relationships(ctx, follows, func(f storage.Follow) string { return f.Follower })
}

// Following are the accounts that the owner follows, or asked to.
func (s *Service) Following(ctx context.Context) ([]Relationship, error) {
	follows, err := s.DB.Following(ctx, s.IDs.Owner(), "")
	if err != nil {
		return nil, err
	}
	return s.relationships(ctx, follows, func(f storage.Follow) string { return f.Followee })
}

func (s *Service) relationships(ctx context.Context, follows []storage.Follow, other func(storage.Follow) string) ([]Relationship, error) {
	list := make([]Relationship, 0, len(follows))
	for _, f := range follows {
		a, err := s.DB.Actor(ctx, other(f))
		if errors.Is(err, storage.ErrNotFound) {
			a, err = &storage.Actor{URI: other(f)}, nil
		}
		if err != nil {
			return nil, err
		}
		list = append(list, *relationship(&f, a))
	}
	return list, nil
}

func relationship(f *storage.Follow, a *storage.Actor) *Relationship {
	return &Relationship{Actor: a.URI, Handle: shownHandle(a), Name: a.Name, State: string(f.State), Since: f.CreatedAt.Time}
}

// Approve lets somebody who asked follow the owner.
func (s *Service) Approve(ctx context.Context, who string) error {
	return s.decide(ctx, who, storage.Accepted, "Accept")
}

// Reject turns down somebody who asked to follow the owner.
func (s *Service) Reject(ctx context.Context, who string) error {
	return s.decide(ctx, who, storage.Rejected, "Reject")
}

// RemoveFollower ends somebody's following the owner, and tells their server, so that it stops showing followers' posts.
func (s *Service) RemoveFollower(ctx context.Context, who string) error {
	return s.decide(ctx, who, storage.Rejected, "Reject")
}

func (s *Service) decide(ctx context.Context, who string, state storage.FollowState, answer string) error {
	a, err := s.knownActor(ctx, who)
	if err != nil {
		return err
	}
	return s.write(ctx, func(ctx context.Context, tx storage.Tx) error {
		f, err := tx.Follow(ctx, a.URI, s.IDs.Owner())
		if err != nil {
			return Explain(err, "a follow by this account")
		}
		if f.State == state {
			return nil
		}
		return s.settle(ctx, tx, a, f, state, answer)
	})
}

// settle decides on a follow of the owner, and says so.
func (s *Service) settle(ctx context.Context, tx storage.Tx, a *storage.Actor, f *storage.Follow, state storage.FollowState, answer string) error {
	if state == storage.Rejected {
		if _, err := tx.DeleteFollow(ctx, f.Follower, f.Followee); err != nil {
			return err
		}
		// Some servers ask again under the same id.
		if err := tx.MarkUndone(ctx, f.Follower, f.Activity, storage.Now()); err != nil {
			return err
		}
	} else {
		f.State = state
		if err := tx.PutFollow(ctx, f); err != nil {
			return err
		}
	}
	if err := tx.DeleteNotification(ctx, "follow_request", a.URI, s.IDs.Owner()); err != nil {
		return err
	}
	asked := wire.Activity{ID: f.Activity, Type: "Follow", Actor: a.URI, Object: s.IDs.Owner()}.Document()
	_, err := s.tell(ctx, tx, time.Now(), time.Time{}, act{about: a.URI, inboxes: []string{a.Inbox}, Activity: wire.Activity{
		Type: answer, Object: asked, To: []string{a.URI},
	}})
	return err
}
