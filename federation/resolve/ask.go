package resolve

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/dunnock-server/dunnock/federation/httpsig"
	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/hostname"
	"github.com/dunnock-server/dunnock/storage"
)

// ask makes a request for a document, signed with the server's key: in the scheme that the host took last, or cavage, and
// once more in the other one if it refuses. Which one it took in the end is remembered if it was not the first.
func (r *Resolver) ask(ctx context.Context, uri string) (*hardening.Fetched, error) {
	domain, err := hostname.HostOf(uri)
	if err != nil {
		return nil, fmt.Errorf("%w: not a URL of a server", ErrRefused)
	}
	host, err := r.db.Host(ctx, domain)
	if err != nil {
		return nil, fmt.Errorf("read a signature scheme: %w", err)
	}
	scheme, other := httpsig.Cavage, httpsig.RFC9421
	if host.Scheme == int(other) {
		scheme, other = other, scheme
	}
	first, err := r.askIn(ctx, uri, scheme)
	if err != nil || !unsure(first.Status) {
		return first, err
	}
	second, err := r.askIn(ctx, uri, other)
	switch {
	case err != nil:
		return nil, err
	case unsure(second.Status):
		return first, nil
	case second.Status != http.StatusOK:
		return second, nil
	}
	if domain, err = hostname.HostOf(second.URL); err != nil { // who answered is who understood
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	err = r.db.Write(ctx, func(ctx context.Context, tx storage.Tx) error {
		return tx.SetHostScheme(ctx, domain, int(other))
	})
	if err != nil {
		return nil, fmt.Errorf("keep a signature scheme: %w", err)
	}
	return second, nil
}

func (r *Resolver) askIn(ctx context.Context, uri string, scheme httpsig.Scheme) (*hardening.Fetched, error) {
	sign, err := r.keys.Signer(ctx, r.ids.Server(), scheme)
	if err != nil {
		return nil, err
	}
	return r.get(ctx, hardening.Fetch{URL: uri, Purpose: egress.Federation, Accept: vocab.Accept, Sign: sign})
}

// get makes a request of others, wherever it is redirected to.
func (r *Resolver) get(ctx context.Context, f hardening.Fetch) (*hardening.Fetched, error) {
	f.Never = r.ids.Own
	res, err := r.gate.Fetch(ctx, f)
	switch {
	case err == nil, errors.Is(err, hardening.ErrBudget):
		return res, err
	case hardening.Temporary(err):
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return nil, fmt.Errorf("%w: %w", ErrRefused, err)
}

// unsure says whether a status may mean that the signature was not understood.
func unsure(status int) bool {
	return status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusBadRequest
}

// denied names an answer by what follows from it: nil for one that has what was asked for.
func denied(status int) error {
	switch {
	case status == http.StatusOK:
		return nil
	case status == http.StatusNotFound, status == http.StatusGone:
		return ErrGone
	case status == http.StatusTooManyRequests, status == http.StatusRequestTimeout, status >= 500:
		return fmt.Errorf("%w: status %d", ErrUnreachable, status)
	}
	return fmt.Errorf("%w: status %d", ErrRefused, status)
}
