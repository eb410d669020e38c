package resolve

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/dunnock-server/dunnock/federation/httpsig"
	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/hostname"
	"github.com/dunnock-server/dunnock/storage"
)

// arrivalBudget bounds the requests that finding out who signed something may cost.
const arrivalBudget = 5

// Signed is who signed a request.
type Signed struct {
	Actor *storage.Actor
	KeyID string
	At    time.Time // by the signer's clock
}

// Domain is the signer's domain in canonical form, by which policy goes.
func (s *Signed) Domain() string { return s.Actor.Host }

// Authenticate says who signed a request. claimed is the actor that the body names, and then nobody else will do; it is
// empty for requests without a body. The key's owner is proven both ways: the key was fetched with the actor that lists
// it, from that actor's own origin.
//
// Errors: [ErrUnverified] when it is not signed by whom it claims, [ErrGone] when that actor is gone, [ErrUnreachable]
// when the key cannot be had for now (to be answered so that the sender tries again), [ErrRefused].
func (r *Resolver) Authenticate(ctx context.Context, req *http.Request, body []byte, claimed string) (*Signed, error) {
	sig, err := r.signature(req, body, claimed)
	if err != nil {
		return nil, err
	}
	ctx = hardening.WithBudget(ctx, arrivalBudget)
	key, err := r.key(ctx, sig.KeyID, claimed)
	if err != nil {
		return nil, err
	}
	if claimed != "" && key.Actor != claimed {
		return nil, fmt.Errorf("%w: the key is another actor's", ErrUnverified)
	}
	if !verifies(sig, key) {
		if key, err = r.rekeyed(ctx, key); err != nil {
			return nil, err
		}
		if !verifies(sig, key) {
			return nil, fmt.Errorf("%w: the signature does not fit the key", ErrUnverified)
		}
	}
	actor, err := r.db.Actor(ctx, key.Actor)
	if err != nil {
		return nil, err
	}
	if !actor.GoneAt.IsZero() {
		return nil, ErrGone
	}
	return &Signed{Actor: actor, KeyID: key.ID, At: sig.SignedAt}, nil
}

// Check says whether a request could be signed by whom it claims: everything that [Resolver.Authenticate] checks before it
// looks for the key. Its answer depends on the request alone, not on whom the node knows. The error is [ErrUnverified].
func (r *Resolver) Check(req *http.Request, body []byte, claimed string) error {
	_, err := r.signature(req, body, claimed)
	return err
}

// signature finds a request's signature, checks everything but the cryptography, and that its key can be the claimed
// actor's.
func (r *Resolver) signature(req *http.Request, body []byte, claimed string) (*httpsig.Signature, error) {
	sig, err := httpsig.Parse(req, body, httpsig.Options{
		Hosts: []string{r.ids.Host}, Scheme: r.ids.Scheme, Now: time.Now(),
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnverified, err)
	}
	if _, err := hostname.OriginOf(sig.KeyID); err != nil || r.ids.Own(sig.KeyID) {
		return nil, fmt.Errorf("%w: the key is nobody's", ErrUnverified)
	}
	if claimed != "" && !hostname.SameOrigin(sig.KeyID, claimed) {
		return nil, fmt.Errorf("%w: the key is of another origin than the actor", ErrUnverified)
	}
	return sig, nil
}

func verifies(sig *httpsig.Signature, key *storage.ActorKey) bool {
	public, err := x509.ParsePKIXPublicKey(key.Public)
	return err == nil && sig.Verify(public) == nil
}

// key returns a key by its id: as known, or by fetching the actor that it is said to belong to.
func (r *Resolver) key(ctx context.Context, id, claimed string) (*storage.ActorKey, error) {
	key, err := r.db.ActorKey(ctx, id)
	if err == nil || !errors.Is(err, storage.ErrNotFound) {
		return key, err
	}
	if claimed != "" {
		err = r.discoverActor(ctx, claimed)
	} else {
		err = r.discoverOwner(ctx, id)
	}
	if err != nil {
		return nil, err
	}
	if key, err = r.db.ActorKey(ctx, id); errors.Is(err, storage.ErrNotFound) {
		return nil, fmt.Errorf("%w: the actor does not list the key", ErrUnverified)
	}
	return key, err
}

// discoverActor fetches an actor for a key of it that is not known, unless that was just done.
func (r *Resolver) discoverActor(ctx context.Context, uri string) error {
	known, err := r.db.Actor(ctx, uri)
	if err == nil && time.Since(known.FetchedAt.Time) < rekey {
		return nil
	}
	_, err = r.Refresh(ctx, uri)
	return err
}

// discoverOwner finds the actor of a key when only the key's id is known. Most keys are part of their actor's document.
// Some have a document of their own, which names the actor: as its id (a stub of the actor) or as its owner.
func (r *Resolver) discoverOwner(ctx context.Context, id string) error {
	at := withoutFragment(id)
	if known, err := r.db.Actor(ctx, at); err == nil && time.Since(known.FetchedAt.Time) < rekey {
		return nil
	}
	if err := r.misses.get(id); err != nil {
		return err
	}
	_, err, _ := r.flight.Do(id, func() (any, error) {
		doc, found, err := r.document(ctx, at)
		if err != nil {
			return nil, err
		}
		if vocab.IsActor(doc.Type()) && doc.ID() == found {
			return r.keep(ctx, doc)
		}
		owner := doc.ID()
		if !vocab.IsActor(doc.Type()) {
			if owner = doc.IRI("owner"); owner == "" {
				owner = doc.IRI("controller")
			}
		}
		if !hostname.SameOrigin(owner, id) {
			return nil, fmt.Errorf("%w: the key names an owner of another origin", ErrUnverified)
		}
		return r.Refresh(ctx, owner)
	})
	if err != nil && !errors.Is(err, hardening.ErrBudget) && ctx.Err() == nil {
		r.misses.put(id, err)
	}
	return err
}

// rekeyed fetches the actor of a key that did not verify, in case it has a new one under the same id; at most once in ten
// minutes.
func (r *Resolver) rekeyed(ctx context.Context, key *storage.ActorKey) (*storage.ActorKey, error) {
	if time.Since(key.FetchedAt.Time) < rekey {
		return nil, fmt.Errorf("%w: the signature does not fit the key", ErrUnverified)
	}
	if _, err := r.Refresh(ctx, key.Actor); err != nil {
		return nil, err
	}
	now, err := r.db.ActorKey(ctx, key.ID)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, fmt.Errorf("%w: the actor no longer lists the key", ErrUnverified)
	}
	return now, err
}
