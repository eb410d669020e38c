package resolve

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/federation/wire"
	"github.com/dunnock-server/dunnock/storage"
)

// Post returns the post with that URI, as known or as fetched, with its author known. Errors: [ErrGone],
// [ErrUnreachable], [ErrRefused], [hardening.ErrBudget]; [storage.ErrNotFound] for an own one that is not there.
func (r *Resolver) Post(ctx context.Context, uri string) (*storage.Post, error) {
	known, err := present(r.db.Post(ctx, uri))
	if !errors.Is(err, storage.ErrNotFound) || r.ids.Own(uri) {
		return known, err
	}
	doc, err := r.Fetch(ctx, uri)
	if err != nil {
		return nil, err
	}
	if doc.ID() != uri {
		return nil, fmt.Errorf("%w: the post has another id", ErrRefused)
	}
	return r.keepPost(ctx, doc)
}

// keepPost stores a post from a document that was fetched from its own origin, with its author, and returns what is kept
// under its id then: what was known stays as it is.
func (r *Resolver) keepPost(ctx context.Context, doc vocab.Object) (*storage.Post, error) {
	p, poll, err := r.reader.Post(doc, time.Now())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	author, err := r.Actor(ctx, p.Author) // of the same origin: the reader sees to that
	if err != nil {
		return nil, err
	}
	p.Visibility = wire.Visibility(p.Recipients.To, p.Recipients.CC, author.Followers)
	if p.Conversation, err = r.db.ConversationOf(ctx, p); err != nil {
		return nil, err
	}
	err = r.db.Write(ctx, func(ctx context.Context, tx storage.Tx) error {
		if added, err := tx.InsertPost(ctx, p); err != nil || !added || poll == nil {
			return err
		}
		return tx.PutPoll(ctx, poll)
	})
	if err != nil {
		return nil, fmt.Errorf("keep a post: %w", err)
	}
	return present(r.db.Post(ctx, p.URI))
}

// present is a post from storage, unless that is a tombstone.
func present(p *storage.Post, err error) (*storage.Post, error) {
	if err == nil && !p.DeletedAt.IsZero() {
		return nil, ErrGone
	}
	return p, err
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
	} else if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, nil, err
	}
	for _, find := range []func(context.Context, string) (*storage.Post, error){r.db.Post, r.db.PostByURL} {
		if p, err := present(find(ctx, what)); !errors.Is(err, storage.ErrNotFound) {
			return nil, p, err
		}
	}
	if r.ids.Own(what) {
		return nil, nil, storage.ErrNotFound
	}
	doc, err := r.Fetch(ctx, what)
	if err != nil {
		return nil, nil, err
	}
	if !isActor(doc) {
		p, err := r.keepPost(ctx, doc)
		return nil, p, err
	}
	if err := r.keep(ctx, doc); err != nil {
		return nil, nil, err
	}
	a, err := r.db.Actor(ctx, doc.ID())
	return a, nil, err
}
