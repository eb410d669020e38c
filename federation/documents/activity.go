package documents

import (
	"context"
	"fmt"
	"net/http"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/federation/wire"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/storage"
)

// activity is an act of the owner's that is for everybody, if the viewer's domain is told of it.
func (h handler) activity(ctx context.Context, v viewer, r *http.Request) (hardening.Document, error) {
	act, doc, err := h.public(ctx, v, r.PathValue("token"))
	if err != nil {
		return hardening.Document{}, err
	}
	return hardening.Document{Object: act.URI, Release: act.ReleaseAt.Time, Body: doc}, nil
}

// public returns the act with a name, and its document, if it is for everybody and the viewer's domain is told of it.
func (h handler) public(ctx context.Context, v viewer, name string) (*storage.Act, vocab.Object, error) {
	act, err := h.DB.ActByURI(ctx, h.IDs.Activity(token(name)))
	if err != nil {
		return nil, nil, err
	}
	doc, err := h.act(ctx, v, act)
	return act, doc, err
}

// act is the document of an act that is for everybody, that the viewer's domain is told of and that still stands; else
// [storage.ErrNotFound]. What it carries is as
// that is now: what was edited or deleted must not live on in the act that first told it. Only kinds whose standing can be
// read from storage are shown, since an act that was withdrawn before it left is still in its table.
func (h handler) act(ctx context.Context, v viewer, a *storage.Act) (vocab.Object, error) {
	told := func(kind string) bool { return h.Gate.Tells(hardening.Viewer{Domain: v.domain}, kind, a.Object) }
	if !told(a.Type) || h.IDs.Own(a.Object) && !told(vocab.TypeCreate) { // an own post is known by its Create
		return nil, storage.ErrNotFound
	}
	if a.Actor != h.IDs.Owner() || a.ReleaseAt.IsZero() || a.ReleaseAt.After(storage.Now().Time) {
		return nil, storage.ErrNotFound
	}
	var doc vocab.Object
	var err error
	switch a.Type {
	case vocab.TypeCreate, vocab.TypeUpdate:
		doc, err = h.telling(ctx, a)
	case vocab.TypeAnnounce:
		doc, err = h.boost(ctx, a)
	default:
		err = storage.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	switch wire.Visibility(doc.IRIs("to"), doc.IRIs("cc"), "") {
	case storage.Public, storage.Unlisted:
		return doc, nil
	}
	return nil, storage.ErrNotFound
}

// telling is a Create or Update of a post.
func (h handler) telling(ctx context.Context, a *storage.Act) (vocab.Object, error) {
	p, err := h.living(ctx, viewer{}, a.Object)
	if err != nil {
		return nil, err
	}
	object, err := h.object(ctx, p)
	if err != nil {
		return nil, err
	}
	return wire.Activity{ID: a.URI, Type: a.Type, Actor: a.Actor, Object: object, To: p.Recipients.To, CC: p.Recipients.CC,
		Published: a.ReleaseAt.Time}.Document(), nil
}

// boost is an Announce that was not undone.
func (h handler) boost(ctx context.Context, a *storage.Act) (vocab.Object, error) {
	if _, err := h.DB.ReactionByActivity(ctx, a.URI); err != nil {
		return nil, err
	}
	if h.IDs.Own(a.Object) {
		if _, err := h.living(ctx, viewer{}, a.Object); err != nil {
			return nil, err
		}
	}
	doc, err := vocab.Parse([]byte(a.Document))
	if err != nil {
		return nil, fmt.Errorf("read an act: %w", err)
	}
	return doc, nil
}
