package inbox

import (
	"context"
	"errors"

	"github.com/dunnock-server/dunnock/hardening/hostname"
	"github.com/dunnock-server/dunnock/storage"
)

// buried is how many posts of an actor that is gone are buried in one transaction.
const buried = 100

// remove deletes a post of the actor's, or the actor. The object may be an id, a Tombstone, or the whole: only its id
// counts. A Delete that overtakes what it deletes wins: its object then counts as seen.
func (in *Inbox) remove(ctx context.Context, a *activity) (effect, error) {
	uri := single(a.doc, "object")
	if uri == a.actor {
		return in.removeActor(ctx, a)
	}
	if !hostname.SameOrigin(uri, a.actor) {
		return nil, nil
	}
	return func(ctx context.Context, tx storage.Tx) error {
		p, err := tx.Post(ctx, uri)
		switch {
		case errors.Is(err, storage.ErrNotFound):
			_, err := tx.MarkSeen(ctx, a.actor, uri, a.at)
			return err
		case err != nil || p.Author != a.actor || p.Local:
			return err
		}
		return tx.BuryPost(ctx, uri, a.at)
	}, nil
}

// removeActor deletes all that is kept of an actor. Its posts may be many: they are buried first, some at a time, which
// may be interrupted and begun again.
func (in *Inbox) removeActor(ctx context.Context, a *activity) (effect, error) {
	for n := buried; n == buried; {
		err := in.DB.Write(ctx, func(ctx context.Context, tx storage.Tx) (err error) {
			n, err = tx.BuryPostsOf(ctx, a.actor, a.at, buried)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return func(ctx context.Context, tx storage.Tx) error { return tx.ForgetActor(ctx, a.actor, a.at.Time) }, nil
}
