package documents

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/storage"
)

const (
	pageSize = 20
	// newest is the cursor of the first page; all others are tokens of acts.
	newest = "newest"
)

// collection is a list without what is in it, and without how many.
func collection(id, kind string) vocab.Object {
	return vocab.Object{"@context": vocab.ObjectContext(), "id": id, "type": kind}
}

// bare is a list that is there and shows nothing: other servers want followers and following to have an address.
func (h handler) bare(id string) finder {
	return func(context.Context, viewer, *http.Request) (hardening.Document, error) {
		return hardening.Document{Object: id, Release: always, Body: collection(id, vocab.TypeOrderedCollection)}, nil
	}
}

// featured lists the pinned posts by their addresses. They are the same for everybody who is told of pins.
func (h handler) featured(ctx context.Context, _ viewer, _ *http.Request) (hardening.Document, error) {
	pins, err := h.DB.Pins(ctx, h.IDs.Owner())
	if err != nil {
		return hardening.Document{}, fmt.Errorf("read pins: %w", err)
	}
	items := []any{}
	for _, pin := range pins {
		p, err := h.living(ctx, viewer{}, pin.Post)
		if errors.Is(err, storage.ErrNotFound) {
			continue
		}
		if err != nil {
			return hardening.Document{}, fmt.Errorf("read a pinned post: %w", err)
		}
		items = append(items, p.URI)
	}
	doc := collection(h.IDs.Featured(), vocab.TypeOrderedCollection)
	doc["orderedItems"] = items
	return hardening.Document{Object: doc.ID(), Release: always, Acts: []string{vocab.TypeAdd, vocab.TypeCreate}, Body: doc}, nil
}

// outbox lists what the owner posted and boosted for everybody, as far as the viewer's domain is told of it: the address of its
// first page, or a page.
func (h handler) outbox(ctx context.Context, v viewer, r *http.Request) (hardening.Document, error) {
	query := r.URL.Query()
	if query.Has("page") {
		return h.outboxPage(ctx, v, query.Get("page"))
	}
	doc := collection(h.IDs.Outbox(), vocab.TypeOrderedCollection)
	doc["first"] = h.page(newest)
	return hardening.Document{Object: doc.ID(), Release: always, Body: doc}, nil
}

// page is the address of the page of the outbox that begins after the act with a token.
func (h handler) page(cursor string) string { return h.IDs.Outbox() + "?page=" + cursor }

// outboxPage is full as long as there is more, so that it tells nothing of what it leaves out.
func (h handler) outboxPage(ctx context.Context, v viewer, cursor string) (hardening.Document, error) {
	var after *storage.Act
	if cursor != newest {
		// A token counts only if its act is listed: it must not be a way to ask what there is.
		act, _, err := h.public(ctx, v, cursor)
		if err != nil {
			return hardening.Document{}, err
		}
		after = act
	}
	listed, err := h.listed(ctx, v, after)
	if err != nil {
		return hardening.Document{}, err
	}
	doc := collection(h.page(cursor), vocab.TypeOrderedCollectionPage)
	doc["partOf"] = h.IDs.Outbox()
	if len(listed) > pageSize {
		listed = listed[:pageSize]
		doc["next"] = h.page(strings.TrimPrefix(listed[pageSize-1].ID(), h.IDs.Activity("")))
	}
	items := []any{}
	for _, item := range listed {
		delete(item, "@context")
		items = append(items, map[string]any(item))
	}
	doc["orderedItems"] = items
	return hardening.Document{Object: doc.ID(), Release: always, Body: doc}, nil
}

// listed are the acts after one that a viewer may see, the newest first: as many as a page has, and one more if there is one.
func (h handler) listed(ctx context.Context, v viewer, after *storage.Act) (docs []vocab.Object, err error) {
	for len(docs) <= pageSize {
		acts, err := h.DB.OutboxActs(ctx, h.IDs.Owner(), storage.Now(), after, pageSize+1)
		if err != nil {
			return nil, fmt.Errorf("read the outbox: %w", err)
		}
		for i := range acts {
			doc, err := h.act(ctx, v, &acts[i])
			if err == nil && len(docs) <= pageSize {
				docs = append(docs, doc)
			} else if err != nil && !errors.Is(err, storage.ErrNotFound) {
				return nil, err
			}
		}
		if len(acts) <= pageSize {
			break
		}
		after = &acts[pageSize]
	}
	return docs, nil
}
