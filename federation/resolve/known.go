package resolve

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/dunnock-server/dunnock/federation/httpsig"
	"github.com/dunnock-server/dunnock/storage"
)

// Known says who signed a request without a body, as far as that can be said without asking anybody: the key has to be
// known. It is for documents that a server fetches to find out who we are. If answering those waited for that server's
// key, two servers that do not know each other yet would ask each other for ever (Threads does).
//
// The error is [ErrUnverified] unless storage fails.
func (r *Resolver) Known(ctx context.Context, req *http.Request) (*Signed, error) {
	sig, err := httpsig.Parse(req, nil, httpsig.Options{Hosts: []string{r.ids.Host}, Scheme: r.ids.Scheme, Now: time.Now()})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnverified, err)
	}
	key, err := r.db.ActorKey(ctx, sig.KeyID)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, fmt.Errorf("%w: the key is not known", ErrUnverified)
	}
	if err != nil {
		return nil, err
	}
	if r.ids.Own(key.ID) || !verifies(sig, key) {
		return nil, fmt.Errorf("%w: the signature does not fit the key", ErrUnverified)
	}
	actor, err := r.db.Actor(ctx, key.Actor)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return nil, fmt.Errorf("%w: the actor is not known", ErrUnverified)
	case err != nil:
		return nil, err
	case !actor.GoneAt.IsZero():
		return nil, fmt.Errorf("%w: the actor is gone", ErrUnverified)
	}
	return &Signed{Actor: actor, KeyID: key.ID}, nil
}
