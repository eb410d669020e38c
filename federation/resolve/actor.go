package resolve

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/storage"
)

// Actor returns the actor with that URI: as known, if that is not older than a week, else as fetched. An old one is
// better than none when its server does not answer. Errors: those of [Resolver.Refresh].
func (r *Resolver) Actor(ctx context.Context, uri string) (*storage.Actor, error) {
	known, err := r.db.Actor(ctx, uri)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return r.Refresh(ctx, uri)
	case err != nil:
		return nil, err
	case !known.GoneAt.IsZero():
		return nil, ErrGone
	case within(known.FetchedAt, fresh):
		return known, nil
	}
	now, err := r.Refresh(ctx, uri)
	if err != nil && !errors.Is(err, ErrGone) {
		return known, nil
	}
	return now, err
}

// Refresh fetches an actor now, and confirms its handle if that is not known or may have changed. Errors: [ErrGone],
// [ErrUnreachable], [ErrRefused], [hardening.ErrBudget]; whichever it is, what is known of the actor stays as it is.
func (r *Resolver) Refresh(ctx context.Context, uri string) (*storage.Actor, error) {
	_, err := r.actors.do(ctx, uri, func(ctx context.Context) (none struct{}, err error) {
		doc, err := r.Fetch(ctx, uri)
		if err != nil {
			return none, err
		}
		if doc.ID() != uri {
			return none, fmt.Errorf("%w: the actor has another id", ErrRefused)
		}
		return none, r.keep(ctx, doc)
	})
	if err != nil {
		return nil, err
	}
	return r.db.Actor(ctx, uri)
}

// keep stores an actor from a document that was fetched from its own origin.
func (r *Resolver) keep(ctx context.Context, doc vocab.Object) error {
	a, keys, err := r.reader.Actor(doc, time.Now())
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	known, err := r.db.Actor(ctx, a.URI)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return fmt.Errorf("read an actor: %w", err)
	}
	a.Handle = r.handleOf(ctx, a, known)
	// What was found is kept even when the time for the look-up went by over the handle.
	ctx = context.WithoutCancel(ctx)
	err = r.db.Write(ctx, func(ctx context.Context, tx storage.Tx) error { return tx.PutActor(ctx, a, keys) })
	if err != nil {
		return fmt.Errorf("keep an actor: %w", err)
	}
	return nil
}
