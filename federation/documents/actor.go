package documents

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/federation/wire"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/storage"
)

// actor is the way of the two actors. Whoever proves who they are gets what their domain is shown; everybody else gets the
// stub, a signature that cannot be verified notwithstanding: it may be made to ask for our key. So do the blocked, who have
// to verify that they are.
func (h handler) actor(document func(context.Context) (hardening.Document, error), who func(*http.Request) (viewer, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !negotiate(w, r) {
			return
		}
		v, err := who(r)
		var d hardening.Document
		if err == nil {
			d, err = document(r.Context())
		}
		h.answer(w, r, v, d, err)
	}
}

// keep makes an actor's document once, and its views, until the profile or the keys change: reading the keys and taking their
// public halves costs more than all the rest of an answer.
func (h handler) keep(build func(context.Context) (vocab.Object, error)) func(context.Context) (hardening.Document, error) {
	type made struct {
		at       int64
		document hardening.Document
	}
	var last atomic.Pointer[made]
	return func(ctx context.Context) (hardening.Document, error) {
		at := h.DB.Self()
		if m := last.Load(); m != nil && m.at == at {
			return m.document, nil
		}
		doc, err := build(ctx)
		if err != nil {
			return hardening.Document{}, err
		}
		m := &made{at, hardening.Document{Object: doc.ID(), Release: always, Body: doc, Views: new(hardening.Views)}}
		last.Store(m)
		return m.document, nil
	}
}

func (h handler) owner(ctx context.Context) (vocab.Object, error) {
	return Owner(ctx, h.DB.Queries, h.IDs)
}

// Owner is the owner's whole actor, as stored. One who has said nothing about themself yet has an actor all the same: a 404
// would do lasting damage elsewhere.
func Owner(ctx context.Context, q storage.Queries, ids wire.IDs) (vocab.Object, error) {
	profile, err := q.Profile(ctx)
	if errors.Is(err, storage.ErrNotFound) {
		profile, err = &storage.Profile{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the profile: %w", err)
	}
	keys, err := q.Keys(ctx, ids.Owner())
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	return ids.Person(profile, keys, func(name string) *storage.Blob {
		blob, err := q.Blob(ctx, name)
		if err != nil {
			return nil
		}
		return blob
	})
}

// server is the whole document of the actor that signs what is not the owner's act.
func (h handler) server(ctx context.Context) (vocab.Object, error) {
	keys, err := h.DB.Keys(ctx, h.IDs.Server())
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	return h.IDs.Application(keys)
}
