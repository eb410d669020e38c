package documents

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/dunnock-server/dunnock/federation/resolve"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/storage"
)

// viewer is who asks. The zero viewer is nobody: a visitor without a key.
type viewer struct {
	actor   string // URI
	inbox   string // where its server is told more
	domain  string // canonical
	follows bool   // as an accepted follower of the owner
	blocked bool   // by the owner
}

var (
	errUnsigned = errors.New("no valid signature")
	errLater    = errors.New("the signature cannot be verified for now")
)

// viewer says who signed a request. Errors: errUnsigned, errLater, or a fault of the node. What is known of the viewer is
// read here, before what they ask for, so that the time of the answer does not depend on whether that is there.
func (h handler) viewer(r *http.Request) (viewer, error) {
	signed, err := h.Resolver.Authenticate(r.Context(), r, nil, "")
	switch {
	case err == nil:
	case errors.Is(err, resolve.ErrUnreachable):
		return viewer{}, errLater
	case errors.Is(err, resolve.ErrUnverified), errors.Is(err, resolve.ErrGone), errors.Is(err, resolve.ErrRefused),
		errors.Is(err, hardening.ErrBudget), errors.Is(err, storage.ErrNotFound):
		return viewer{}, errUnsigned
	default:
		return viewer{}, fmt.Errorf("authenticate: %w", err)
	}
	to, err := h.DB.Standing(r.Context(), h.IDs.Owner(), signed.Actor)
	if err != nil {
		return viewer{}, fmt.Errorf("read how a viewer stands to the owner: %w", err)
	}
	return viewer{actor: signed.Actor, inbox: signed.Inbox, domain: signed.Host, follows: to.Follower, blocked: to.Blocked}, nil
}

// patience is how long the owner's actor waits for the key of who asks for it. Some servers wait for ours meanwhile.
const patience = 5 * time.Second

// visitor is who asks for the owner's actor: somebody whose signature holds and whom the owner does not block, else nobody.
// A key that is not known is asked for, so that a server which looks the owner up sees the profile that its domain is
// shown. Its own server can read the key that we ask with: see acquaintance.
func (h handler) visitor(r *http.Request) (viewer, error) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	v, err := h.viewer(r.WithContext(ctx))
	if err != nil && ctx.Err() != nil || errors.Is(err, errUnsigned) || errors.Is(err, errLater) || v.blocked {
		return viewer{}, nil
	}
	return v, err
}

// acquaintance is who asks for the server's actor: somebody whose key is known already and whom the owner does not block,
// else nobody. No key is asked for: with the server's key we ask for theirs, and both would wait for each other.
func (h handler) acquaintance(r *http.Request) (viewer, error) {
	signed, err := h.Resolver.Known(r.Context(), r)
	if errors.Is(err, resolve.ErrUnverified) {
		return viewer{}, nil
	}
	if err != nil {
		return viewer{}, fmt.Errorf("authenticate: %w", err)
	}
	blocked, err := h.DB.Related(r.Context(), signed.Actor, storage.Block)
	if err != nil {
		return viewer{}, fmt.Errorf("read a relation: %w", err)
	}
	if blocked {
		return viewer{}, nil
	}
	return viewer{actor: signed.Actor, domain: signed.Host}, nil
}
