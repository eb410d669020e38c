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
	case time.Since(known.FetchedAt.Time) < fresh:
		return known, nil
	}
	now, err := r.Refresh(ctx, uri)
	if err != nil && !errors.Is(err, ErrGone) {
		return known, nil
	}
	return now, err
}

// Refresh fetches an actor now, and its handle if that is not known. Errors: [ErrGone], [ErrUnreachable], [ErrRefused],
// [hardening.ErrBudget].
func (r *Resolver) Refresh(ctx context.Context, uri string) (*storage.Actor, error) {
	a, err, _ := r.flight.Do(uri, func() (any, error) {
		doc, err := r.Fetch(ctx, uri)
		if err != nil {
			return nil, err
		}
		if doc.ID() != uri {
			return nil, fmt.Errorf("%w: the actor has another id", ErrRefused)
		}
		return r.keep(ctx, doc)
	})
	if err != nil {
		return nil, err
	}
	return a.(*storage.Actor), nil
}

// keep stores an actor from a document that was fetched from its own origin.
func (r *Resolver) keep(ctx context.Context, doc vocab.Object) (*storage.Actor, error) {
	a, keys, err := r.reader.Actor(doc, time.Now())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	known, err := r.db.Actor(ctx, a.URI)
	switch {
	case err == nil && known.Handle != "" && known.Username == a.Username:
		a.Handle = known.Handle
	case err == nil || errors.Is(err, storage.ErrNotFound):
		a.Handle = r.confirm(ctx, a)
	default:
		return nil, err
	}
	err = r.db.Write(ctx, func(ctx context.Context, tx storage.Tx) error { return tx.PutActor(ctx, a, keys) })
	if err != nil {
		return nil, fmt.Errorf("keep an actor: %w", err)
	}
	return r.db.Actor(ctx, a.URI)
}
