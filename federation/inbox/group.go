package inbox

import (
	"context"
	"errors"

	"github.com/dunnock-server/dunnock/federation/resolve"
	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/storage"
)

// announceByGroup passes on what members of a group did (FEP-1b12): the group announces their activities whole. It speaks
// for nobody but itself, so of each activity only the id of its object counts: a post is what its own server says, its
// change too, and it is gone only if it is gone there. Likes and the like are counted where they belong.
func (in *Inbox) announceByGroup(ctx context.Context, a *activity, uri string) (effect, error) {
	inner, whole := embedded(a.doc, "object")
	if !whole {
		if _, err := in.DB.Post(ctx, uri); !errors.Is(err, storage.ErrNotFound) {
			return in.boostOf(ctx, a, uri, true)
		}
		var err error
		if inner, err = in.fetch(ctx, uri); err != nil {
			return nil, err
		}
		if vocab.IsPostable(inner.Type()) {
			return in.boostFetched(ctx, a, inner, true)
		}
	}
	object := single(inner, "object")
	switch inner.Type() {
	case vocab.TypeCreate:
		if in.IDs.Own(object) {
			return nil, nil
		}
		return in.boostOf(ctx, a, object, true)
	case vocab.TypeUpdate:
		return in.updateByGroup(ctx, a, object)
	case vocab.TypeDelete:
		return in.removeByGroup(ctx, a, object)
	}
	if vocab.IsPostable(inner.Type()) {
		return in.boostOf(ctx, a, uri, true)
	}
	return nil, nil
}

// updateByGroup looks for a new version of a post that is kept.
func (in *Inbox) updateByGroup(ctx context.Context, a *activity, uri string) (effect, error) {
	known, err := in.DB.Post(ctx, uri)
	if err != nil || known.Local || !known.DeletedAt.IsZero() {
		return nil, unless(err)
	}
	doc, err := in.fetch(ctx, uri)
	if err != nil {
		return nil, err
	}
	return in.revision(doc, known.Author, a.at)
}

// removeByGroup looks whether a post that is kept is gone.
func (in *Inbox) removeByGroup(ctx context.Context, a *activity, uri string) (effect, error) {
	known, err := in.DB.Post(ctx, uri)
	if err != nil || known.Local || !known.DeletedAt.IsZero() {
		return nil, unless(err)
	}
	doc, err := in.fetch(ctx, uri)
	if err == nil && !doc.Is(vocab.TypeTombstone) {
		return nil, nil
	}
	if err != nil && !errors.Is(err, resolve.ErrGone) {
		return nil, err
	}
	return func(ctx context.Context, tx storage.Tx) error { return tx.BuryPost(ctx, uri, a.at) }, nil
}
