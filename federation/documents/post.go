package documents

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/federation/wire"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/storage"
)

// maxReplies bounds how many of the owner's answers to one post are listed.
const maxReplies = 100

// tokenForm is what tokens are made of. What has another form is looked up nowhere: a database might fail on it, and an
// error is not how the absent is answered.
var tokenForm = regexp.MustCompile(`^[a-z0-9]{1,64}$`)

// token passes a token from a URL; what is none becomes one that nothing has.
func token(text string) string {
	if !tokenForm.MatchString(text) {
		return ""
	}
	return text
}

// find returns an own post that exists for a viewer, or whose tombstone does; else [storage.ErrNotFound].
func (h handler) find(ctx context.Context, v viewer, uri string) (*storage.Post, error) {
	p, err := h.DB.Post(ctx, uri)
	if err != nil {
		return nil, err
	}
	if !p.Local || p.Author != h.IDs.Owner() || !p.Released(storage.Now()) || !wire.MaySee(p, v.actor, v.follows) {
		return nil, storage.ErrNotFound
	}
	return p, nil
}

// living is find without the tombstones.
func (h handler) living(ctx context.Context, v viewer, uri string) (*storage.Post, error) {
	p, err := h.find(ctx, v, uri)
	if err == nil && !p.DeletedAt.IsZero() {
		return nil, storage.ErrNotFound
	}
	return p, err
}

// object is the document of a post, as it stands in another.
func (h handler) object(ctx context.Context, p *storage.Post) (vocab.Object, error) {
	poll, err := h.DB.Poll(ctx, p.URI)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, fmt.Errorf("read a poll: %w", err)
	}
	if err != nil {
		poll = nil
	}
	return h.IDs.Object(p, poll), nil
}

// post is a post, or the tombstone of one that its viewer could have seen.
func (h handler) post(ctx context.Context, v viewer, r *http.Request) (hardening.Document, error) {
	p, err := h.find(ctx, v, h.IDs.Post(token(r.PathValue("token"))))
	if err != nil {
		return hardening.Document{}, err
	}
	doc := h.IDs.Tombstone(p.URI)
	if p.DeletedAt.IsZero() {
		if doc, err = h.object(ctx, p); err != nil {
			return hardening.Document{}, err
		}
	}
	return hardening.Document{Object: p.URI, Release: p.ReleaseAt.Time, Body: wire.Standalone(doc)}, nil
}

// replies lists how the owner went on: the owner's own answers that are for everybody. What others answered is theirs to
// show.
func (h handler) replies(ctx context.Context, v viewer, r *http.Request) (hardening.Document, error) {
	p, err := h.living(ctx, v, h.IDs.Post(token(r.PathValue("token"))))
	if err != nil {
		return hardening.Document{}, err
	}
	answers, err := h.DB.OwnReplies(ctx, p.URI, h.IDs.Owner(), storage.Now(), maxReplies)
	if err != nil {
		return hardening.Document{}, fmt.Errorf("read answers: %w", err)
	}
	items := []any{}
	for i := range answers {
		if wire.MaySee(&answers[i], "", false) {
			items = append(items, answers[i].URI)
		}
	}
	id := h.IDs.Replies(p.URI)
	doc := collection(id, vocab.TypeCollection)
	doc["first"] = map[string]any{"type": vocab.TypeCollectionPage, "partOf": id, "items": items}
	return hardening.Document{Object: id, Release: p.ReleaseAt.Time, Acts: []string{vocab.TypeCreate}, Body: doc}, nil
}
