package resolve

import (
	"context"
	"fmt"

	"github.com/dunnock-server/dunnock/federation/vocab"
)

// Fetch returns the document whose id is uri, or which uri leads to: a document that was found under another URL than its
// id is fetched once more from there, and then the two must be equal. So what is returned is what the origin of its id
// says. It may be shared with others who asked at the same time, and must not be changed.
//
// Errors: [ErrGone], of which a tombstone is another form; [ErrUnreachable], [ErrRefused], [hardening.ErrBudget].
func (r *Resolver) Fetch(ctx context.Context, uri string) (vocab.Object, error) {
	return r.documents.do(ctx, uri, func(ctx context.Context) (vocab.Object, error) { return r.fetch(ctx, uri) })
}

func (r *Resolver) fetch(ctx context.Context, uri string) (vocab.Object, error) {
	doc, at, err := r.document(ctx, uri)
	if err != nil {
		return nil, err
	}
	if id := doc.ID(); id != at {
		if doc, at, err = r.document(ctx, id); err != nil {
			return nil, err
		}
		if doc.ID() != id || at != id {
			return nil, fmt.Errorf("%w: a document is not found under its own id", ErrRefused)
		}
	}
	if doc.Is(vocab.TypeTombstone) {
		return nil, ErrGone
	}
	return doc, nil
}

// document asks for whatever is at uri, and says at which URL it was found in the end.
func (r *Resolver) document(ctx context.Context, uri string) (doc vocab.Object, at string, err error) {
	res, err := r.ask(ctx, uri)
	if err != nil {
		return nil, "", err
	}
	if err := denied(res.Status); err != nil {
		return nil, "", err
	}
	if !vocab.AcceptsActivity(res.ContentType) {
		return nil, "", fmt.Errorf("%w: the answer is not an ActivityPub document", ErrRefused)
	}
	if doc, err = vocab.Parse(res.Body); err != nil {
		return nil, "", fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return doc, res.URL, nil
}
