package resolve

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/hostname"
	"github.com/dunnock-server/dunnock/storage"
)

// maxUser bounds the user's part of a handle, in bytes.
const maxUser = 128

// handle is what people call an actor.
type handle struct {
	user   string // as written
	domain string // canonical
}

// String is the one form that handles are kept and compared in. Servers do not tell users apart by case.
func (h handle) String() string { return strings.ToLower(h.user) + "@" + h.domain }

// parseHandle reads "user@domain"; a leading @ or "acct:" does not matter. Nothing is repaired: "exa/mple.org" must not
// become a domain that somebody else owns (CVE-2023-42451). Ports belong to trials. The error wraps [ErrRefused].
func parseHandle(text string, ports bool) (handle, error) {
	user, domain, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(text, "acct:"), "@"), "@")
	unfit := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsNumber(r) && !strings.ContainsRune("_.-~+", r)
	}
	if user == "" || len(strings.ToLower(user)) > maxUser || strings.ContainsFunc(user, unfit) {
		return handle{}, fmt.Errorf("%w: a handle is user@domain", ErrRefused)
	}
	domain, err := hostname.Canonical(domain, ports)
	if err != nil {
		return handle{}, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return handle{user, domain}, nil
}

// ports says whether hosts may have a port.
func (r *Resolver) ports() bool { return r.ids.Scheme == "http" }

// Handle returns the actor called "user@domain" (a leading @ or "acct:" does not matter). The domain must name the actor,
// and the actor's own server must say that this, or what the domain calls its proper form, is its handle. Errors: those
// of [Resolver.Actor].
func (r *Resolver) Handle(ctx context.Context, text string) (*storage.Actor, error) {
	h, err := parseHandle(text, r.ports())
	if err != nil {
		return nil, err
	}
	known, err := r.db.ActorByHandle(ctx, h.String())
	if err == nil {
		// It may be gone, or be called something else since; then its handle may be somebody else's now.
		if a, err := r.Actor(ctx, known.URI); err == nil && a.Handle == h.String() {
			return a, nil
		}
	} else if !errors.Is(err, storage.ErrNotFound) {
		return nil, err
	}
	d, err := r.webfinger(ctx, h)
	if err != nil {
		return nil, err
	}
	if len(d.actors) == 0 {
		return nil, fmt.Errorf("%w: the domain names no actor", ErrRefused)
	}
	a, err := r.Actor(ctx, d.actors[0])
	if err != nil {
		return nil, err
	}
	if a.Handle != d.subject.String() { // when it was fetched, that was another, or could not be confirmed
		if err := r.reconfirm(ctx, a); err != nil {
			return nil, err
		}
	}
	if a.Handle != d.subject.String() {
		return nil, fmt.Errorf("%w: the handle is not the actor's", ErrRefused)
	}
	return a, nil
}

// reconfirm finds out the handle of an actor that is known.
func (r *Resolver) reconfirm(ctx context.Context, a *storage.Actor) (err error) {
	if a.Handle, err = r.confirm(ctx, a); err != nil {
		return err
	}
	err = r.db.Write(ctx, func(ctx context.Context, tx storage.Tx) error { return tx.SetHandle(ctx, a.URI, a.Handle) })
	if err != nil {
		return fmt.Errorf("keep a handle: %w", err)
	}
	return nil
}

// handleOf is the handle of an actor that was fetched: the one that is known, for as long as it is fresh and its user's
// name stays, or the one that is confirmed now. known is nil for a stranger.
func (r *Resolver) handleOf(ctx context.Context, a, known *storage.Actor) string {
	same := known != nil && known.Handle != "" && known.Username == a.Username
	if same && within(known.FetchedAt, fresh) {
		return known.Handle
	}
	confirmed, err := r.confirm(ctx, a)
	if err != nil && same {
		return known.Handle
	}
	return confirmed
}

// confirm asks an actor's server for its handle, and the handle's domain too if that is another. It returns "" unless both
// lead to the actor, under its own user name. Servers' own actors are not asked for theirs: nobody is to call them by it.
// The error says that they could not be asked for now.
func (r *Resolver) confirm(ctx context.Context, a *storage.Actor) (string, error) {
	if a.Username == "" || a.Type == vocab.TypeApplication {
		return "", nil
	}
	h := handle{a.Username, a.Host}
	for range 2 {
		d, err := r.webfinger(ctx, h)
		if errors.Is(err, ErrUnreachable) || errors.Is(err, hardening.ErrBudget) {
			return "", err
		}
		if err != nil || !slices.Contains(d.actors, a.URI) || !strings.EqualFold(d.subject.user, a.Username) {
			break
		}
		if d.subject.domain == h.domain {
			return h.String(), nil
		}
		h = d.subject
	}
	return "", nil
}
