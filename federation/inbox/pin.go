package inbox

import (
	"context"
	"errors"

	"github.com/dunnock-server/dunnock/storage"
)

// maxPins bounds how many posts of one actor are kept as pinned.
const maxPins = 50

// pin keeps a post of the actor's on top. One that is not kept is fetched if the owner follows the actor.
func (in *Inbox) pin(ctx context.Context, a *activity) (effect, error) {
	uri := single(a.doc, "object")
	if featured, err := in.featured(ctx, a); err != nil || !featured {
		return nil, err
	}
	if _, err := in.DB.Post(ctx, uri); errors.Is(err, storage.ErrNotFound) {
		if !a.from.Follows {
			return nil, nil
		}
		if _, err := in.Resolver.Post(ctx, uri); err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	return func(ctx context.Context, tx storage.Tx) error {
		p, err := tx.Post(ctx, uri)
		if err != nil || p.Author != a.actor || !p.DeletedAt.IsZero() {
			return unless(err)
		}
		if pins, err := tx.Pins(ctx, a.actor); err != nil || len(pins) >= maxPins {
			return err
		}
		_, err = tx.InsertPin(ctx, &storage.Pin{Actor: a.actor, Post: uri, CreatedAt: a.at})
		return err
	}, nil
}

// unpin takes a post of the actor's off the top.
func (in *Inbox) unpin(ctx context.Context, a *activity) (effect, error) {
	if featured, err := in.featured(ctx, a); err != nil || !featured {
		return nil, err
	}
	return func(ctx context.Context, tx storage.Tx) error {
		_, err := tx.DeletePin(ctx, a.actor, single(a.doc, "object"))
		return err
	}, nil
}

// featured says whether an activity is about the actor's own list of pinned posts.
func (in *Inbox) featured(ctx context.Context, a *activity) (bool, error) {
	sender, err := in.DB.Actor(ctx, a.actor)
	return err == nil && sender.Featured != "" && sender.Featured == single(a.doc, "target"), err
}
