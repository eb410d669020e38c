package inbox

import (
	"context"
	"errors"
	"net/http"

	"github.com/dunnock-server/dunnock/federation/resolve"
	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/storage"
)

// MaxBody bounds an activity as it is sent, in bytes.
const MaxBody = 1 << 20

// retryAfter is how many seconds to wait before sending again what could not be verified: longer than the resolver
// remembers that a server did not answer.
const retryAfter = "180"

// ServeHTTP takes an activity: a POST to the owner's inbox or to the shared one.
//
// 202 says that it was taken, came before, or has no effect; 400, 413 and 415 that it is not an activity; 401 that it is not
// signed by its actor. 503 asks to send it again: the signer's key cannot be had for now, or the activity not be stored.
// No answer has a body: what there is to say is in the status.
func (in *Inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status := in.receive(w, r)
	switch status {
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", retryAfter)
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodPost)
	}
	w.WriteHeader(status)
}

func (in *Inbox) receive(w http.ResponseWriter, r *http.Request) (status int) {
	if r.Method != http.MethodPost {
		return http.StatusMethodNotAllowed
	}
	if !vocab.AcceptsActivity(r.Header.Get("Content-Type")) {
		return http.StatusUnsupportedMediaType
	}
	arrived := func() {}
	if isLarge(r) {
		if r.ContentLength > 0 && resolve.Unsigned(r) {
			return http.StatusUnauthorized
		}
		if !in.large.hold(r.Context()) {
			return http.StatusServiceUnavailable
		}
		defer func() { <-in.large.held }()
		arrived = in.large.arrives(w)
	}
	body, status := read(w, r)
	arrived()
	if status != 0 {
		return status
	}
	a, err := in.parse(r, body)
	switch {
	case errors.Is(err, resolve.ErrUnverified):
		return http.StatusUnauthorized
	case errors.Is(err, errBusy):
		return http.StatusServiceUnavailable
	case err != nil:
		return http.StatusBadRequest
	case in.IDs.Own(a.actor):
		return http.StatusUnauthorized
	case handlers[a.kind] == nil:
		return http.StatusAccepted // it means nothing here, from whomever
	}
	signed, status := in.authenticate(r.Context(), r, body, a)
	if signed == nil {
		return status
	}
	fresh, err := in.enqueue(r.Context(), a, body, signed)
	if err != nil {
		in.Log.Error("an activity could not be stored", "err", err)
		return http.StatusServiceUnavailable
	}
	if fresh {
		in.Wake()
	}
	return http.StatusAccepted
}

// errBusy says that too much is being read already.
var errBusy = errors.New("too much is being read")

// parse reads the activity in a body. A large one has to be signed as far as that can be said without the key, and is read
// when no other is. It is not kept as it was read while it waits to be verified.
func (in *Inbox) parse(r *http.Request, body []byte) (*activity, error) {
	if len(body) <= largeBody {
		return parse(body)
	}
	if err := in.Resolver.Signed(r, body); err != nil {
		return nil, err
	}
	if !turn(r.Context(), in.large.parsed) {
		return nil, errBusy
	}
	defer func() { <-in.large.parsed }()
	a, err := parse(body)
	if err == nil {
		a.doc = nil
	}
	return a, err
}

// authenticate proves that the actor sent the request; if it did not, signed is nil and status is the answer.
func (in *Inbox) authenticate(ctx context.Context, r *http.Request, body []byte, a *activity) (signed *resolve.Signed, status int) {
	if a.kind == vocab.TypeDelete || a.kind == vocab.TypeUpdate {
		return in.recognise(ctx, r, body, a)
	}
	signed, err := in.Resolver.Authenticate(ctx, r, body, a.actor)
	switch {
	case err == nil:
		return signed, 0
	case errors.Is(err, resolve.ErrUnverified), errors.Is(err, resolve.ErrRefused), errors.Is(err, resolve.ErrGone):
		return nil, http.StatusUnauthorized
	case errors.Is(err, resolve.ErrUnreachable), errors.Is(err, hardening.ErrBudget), ctx.Err() != nil:
	default:
		in.Log.Error("a sender could not be verified", "err", err)
	}
	return nil, http.StatusServiceUnavailable
}

// recognise is authenticate for what servers tell everyone they ever heard of: that an account changed or ended. That must
// not make us ask for accounts that nobody here knows, some of which are gone; and neither the answer nor its time must tell
// which ones those are.
func (in *Inbox) recognise(ctx context.Context, r *http.Request, body []byte, a *activity) (signed *resolve.Signed, status int) {
	signed, may, err := in.Resolver.Stored(ctx, r, body, a.actor)
	if !may {
		return nil, http.StatusUnauthorized
	}
	if err == nil {
		return signed, 0
	}
	if !unproven(err) {
		in.Log.Error("a sender could not be verified", "err", err)
		return nil, http.StatusServiceUnavailable
	}
	switch _, err := in.DB.Actor(ctx, a.actor); {
	case err == nil:
		in.doubts.hold(r, body, a.actor)
		in.Wake()
	case !errors.Is(err, storage.ErrNotFound):
		in.Log.Error("an actor could not be read", "err", err)
		return nil, http.StatusServiceUnavailable
	}
	return nil, http.StatusAccepted
}
