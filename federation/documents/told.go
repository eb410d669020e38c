package documents

import (
	"context"
	"fmt"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/storage"
)

// told notes, before it is served, that a viewer's server will know the posts in a document: it may keep them, so that a
// later edit or deletion has to be told there too, as to those whom the post was delivered to.
func (h handler) told(ctx context.Context, v viewer, doc vocab.Object) error {
	posts := posts(doc)
	if v.inbox == "" || len(posts) == 0 {
		return nil
	}
	err := h.DB.Write(ctx, func(ctx context.Context, tx storage.Tx) error {
		for _, uri := range posts {
			if _, err := tx.PutTold(ctx, &storage.Told{Act: uri, Inbox: v.inbox, Object: uri, ToldAt: storage.Now()}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("note what is told: %w", err)
	}
	return nil
}

// posts are the URIs of the posts that a document holds: itself, the object of an act, those of a page of acts.
func posts(doc vocab.Object) []string {
	if doc.Is(vocab.TypeNote, vocab.TypeQuestion) {
		return []string{doc.ID()}
	}
	var uris []string
	for _, field := range []string{"object", "orderedItems"} {
		for _, part := range doc.Objects(field) {
			uris = append(uris, posts(part)...)
		}
	}
	return uris
}
