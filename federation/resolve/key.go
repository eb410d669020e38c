package resolve

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/hostname"
	"github.com/dunnock-server/dunnock/storage"
)

// key returns a key by its id: as known, or by fetching the actor that it is said to belong to. It is there in the end
// only if that actor's document lists it.
func (r *Resolver) key(ctx context.Context, id, claimed string) (*storage.Signer, error) {
	key, err := r.db.Signer(ctx, id)
	if !errors.Is(err, storage.ErrNotFound) {
		return key, err
	}
	if claimed != "" {
		err = r.discoverActor(ctx, claimed)
	} else {
		err = r.discoverOwner(ctx, id)
	}
	// Whatever became of it: somebody else's look-up, for another key of the same actor, may have found this one.
	if key, missing := r.db.Signer(ctx, id); !errors.Is(missing, storage.ErrNotFound) {
		return key, missing
	}
	switch {
	case err == nil:
		err = errUnlisted
	case errors.Is(err, hardening.ErrBudget): // which was whole: the signer is too long a way off, and stays so
		err = errTooFar
		if claimed != "" {
			r.actors.fail(claimed, err)
		} else {
			r.owners.fail(documentOf(id), err)
		}
	}
	return nil, err
}

var errTooFar = fmt.Errorf("%w: finding the signer costs too many requests", ErrRefused)

// documentOf is where the document is that a key is part of.
func documentOf(id string) string {
	at, _, _ := strings.Cut(id, "#")
	return at
}

var errUnlisted = fmt.Errorf("%w: the actor does not list the key", ErrUnverified)

// discoverActor fetches an actor for a key of it that is not known, unless that was just done.
func (r *Resolver) discoverActor(ctx context.Context, uri string) error {
	if r.justFetched(ctx, uri) {
		return nil
	}
	if r.actors.asks(uri) {
		if err := r.strangers.admit(uri); err != nil {
			return err
		}
	}
	_, err := r.Refresh(ctx, uri)
	return err
}

func (r *Resolver) justFetched(ctx context.Context, actor string) bool {
	known, err := r.db.Actor(ctx, actor)
	return err == nil && within(known.FetchedAt, rekey)
}

// discoverOwner finds the actor of a key when only the key's id is known. Most keys are part of their actor's document.
// Some have a document of their own, which names the actor: as its id (a stub of the actor) or as its owner.
func (r *Resolver) discoverOwner(ctx context.Context, id string) error {
	at := documentOf(id)
	if r.justFetched(ctx, at) {
		return nil
	}
	if r.owners.asks(at) {
		if err := r.strangers.admit(at); err != nil {
			return err
		}
	}
	_, err := r.owners.do(ctx, at, func(ctx context.Context) (none struct{}, err error) {
		if err := r.fetchOwner(ctx, at); err != nil {
			return none, err
		}
		if _, err := r.db.Signer(ctx, id); errors.Is(err, storage.ErrNotFound) {
			return none, errUnlisted // and not asked again for every signature that names it
		}
		return none, nil
	})
	return err
}

// fetchOwner keeps the actor that the document of a key is, or names.
func (r *Resolver) fetchOwner(ctx context.Context, at string) error {
	doc, found, err := r.document(ctx, at)
	if err != nil {
		return err
	}
	owner := doc.ID()
	if !isActor(doc) {
		if owner = doc.IRI("owner"); owner == "" {
			owner = doc.IRI("controller")
		}
	}
	switch {
	case !hostname.SameOrigin(owner, at):
		return fmt.Errorf("%w: the key names an owner of another origin", ErrUnverified)
	case isActor(doc) && owner == found:
		return r.keep(ctx, doc)
	case owner == at:
		return fmt.Errorf("%w: the key names itself as owner", ErrUnverified)
	}
	if r.justFetched(ctx, owner) {
		return nil
	}
	_, err = r.Refresh(ctx, owner)
	return err
}

// rekeyed fetches the actor of a key that did not verify, in case it has a new one under the same id; at most once in ten
// minutes.
func (r *Resolver) rekeyed(ctx context.Context, key *storage.Signer) (*storage.Signer, error) {
	if within(key.FetchedAt, rekey) {
		return nil, errUnfit
	}
	if _, err := r.Refresh(ctx, key.Actor); err != nil {
		return nil, err
	}
	now, err := r.db.Signer(ctx, key.KeyID)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, errUnlisted
	}
	return now, err
}

func isActor(doc vocab.Object) bool { return slices.ContainsFunc(doc.Types(), vocab.IsActor) }
