package resolve

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/federation/wire"
	"github.com/dunnock-server/dunnock/hardening/hostname"
	"github.com/dunnock-server/dunnock/storage"
)

// Post returns the post with that URI, as known or as fetched, with its author known. Errors: [ErrGone],
// [ErrUnreachable], [ErrRefused], [hardening.ErrBudget]; [storage.ErrNotFound] for an own one that is not there.
func (r *Resolver) Post(ctx context.Context, uri string) (*storage.Post, error) {
	known, err := r.db.Post(ctx, uri)
	switch {
	case err == nil && !known.DeletedAt.IsZero():
		return nil, ErrGone
	case err == nil || !errors.Is(err, storage.ErrNotFound):
		return known, err
	case r.ids.Own(uri):
		return nil, storage.ErrNotFound
	}
	doc, err := r.Fetch(ctx, uri)
	if err != nil {
		return nil, err
	}
	return r.keepPost(ctx, doc)
}

// keepPost stores a post from a document that was fetched from its own origin.
func (r *Resolver) keepPost(ctx context.Context, doc vocab.Object) (*storage.Post, error) {
	p, poll, err := r.reader.Post(doc, time.Now())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if !hostname.SameOrigin(p.URI, p.Author) {
		return nil, fmt.Errorf("%w: the author is of another origin", ErrRefused)
	}
	author, err := r.Actor(ctx, p.Author)
	if err != nil {
		return nil, err
	}
	p.Visibility = wire.Visibility(p.Recipients.To, p.Recipients.CC, author.Followers)
	if p.Conversation, err = r.db.ConversationOf(ctx, p); err != nil {
		return nil, err
	}
	err = r.db.Write(ctx, func(ctx context.Context, tx storage.Tx) error {
		fresh, err := tx.InsertPost(ctx, p)
		if err != nil || !fresh || poll == nil {
			return err
		}
		return tx.PutPoll(ctx, poll)
	})
	if err != nil {
		return nil, fmt.Errorf("keep a post: %w", err)
	}
	return r.db.Post(ctx, p.URI)
}

// Any returns what the owner named: an actor by handle or URL, or a post by URL; one of the two is nil. The URL may be a
// page for people. Errors: those of [Resolver.Actor] and [Resolver.Post].
func (r *Resolver) Any(ctx context.Context, what string) (*storage.Actor, *storage.Post, error) {
	if !strings.Contains(what, "://") {
		a, err := r.Handle(ctx, what)
		return a, nil, err
	}
	if a, err := r.db.Actor(ctx, what); err == nil && a.GoneAt.IsZero() {
		return a, nil, nil
	}
	for _, find := range []func(context.Context, string) (*storage.Post, error){r.db.Post, r.db.PostByURL} {
		if p, err := find(ctx, what); err == nil && p.DeletedAt.IsZero() {
			return nil, p, nil
		}
	}
	if r.ids.Own(what) {
		return nil, nil, storage.ErrNotFound
	}
	doc, err := r.Fetch(ctx, what)
	if err != nil {
		return nil, nil, err
	}
	if isActor(doc) {
		if err := r.keep(ctx, doc); err != nil {
			return nil, nil, err
		}
		a, err := r.db.Actor(ctx, doc.ID())
		return a, nil, err
	}
	p, err := r.keepPost(ctx, doc)
	return nil, p, err
}
