package federation

import (
	"context"
	"time"

	"github.com/dunnock-server/dunnock/federation/wire"
	"github.com/dunnock-server/dunnock/storage"
)

// MaxPins is how many posts can be pinned: Mastodon shows five.
const MaxPins = 5

// Pin puts an own post on top of the profile, and tells the followers.
func (s *Service) Pin(ctx context.Context, id string) error { return s.pin(ctx, id, "Add") }

// Unpin takes an own post from the top of the profile, and tells the followers.
func (s *Service) Unpin(ctx context.Context, id string) error { return s.pin(ctx, id, "Remove") }

func (s *Service) pin(ctx context.Context, id, kind string) error {
	p, err := s.ownPost(ctx, id)
	if err != nil {
		return err
	}
	if !open(p) {
		return invalid("only public and unlisted posts can be pinned")
	}
	now := time.Now()
	return s.write(ctx, func(ctx context.Context, tx storage.Tx) error {
		changed, err := s.setPin(ctx, tx, p.URI, kind == "Add")
		if err != nil || !changed {
			return err
		}
		to, err := inboxes(ctx, tx.Queries, s.IDs.Owner(), storage.Public, nil)
		if err != nil {
			return err
		}
		_, err = s.tell(ctx, tx, now, time.Time{}, act{about: p.URI, inboxes: to, Activity: wire.Activity{
			Type: kind, Object: p.URI, Target: s.IDs.Featured(), To: s.IDs.Addresses(storage.Public, nil).To,
		}})
		return err
	})
}

func (s *Service) setPin(ctx context.Context, tx storage.Tx, uri string, on bool) (changed bool, err error) {
	if !on {
		return tx.DeletePin(ctx, s.IDs.Owner(), uri)
	}
	pins, err := tx.Pins(ctx, s.IDs.Owner())
	if err != nil {
		return false, err
	}
	changed, err = tx.InsertPin(ctx, &storage.Pin{Actor: s.IDs.Owner(), Post: uri, CreatedAt: storage.Now()})
	if changed && len(pins) >= MaxPins {
		return false, conflict("five posts are pinned already: unpin one first")
	}
	return changed, err
}
