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

// Fetch returns the document whose id is uri, or which uri leads to: a document that was found under another URL than its
// id is fetched once more from there, and then the two must be equal. So what is returned is what the origin of its id
// says. It may be shared with others who asked at the same time, and must not be changed. Errors: [ErrGone],
// [ErrUnreachable], [ErrRefused], [hardening.ErrBudget].
func (r *Resolver) Fetch(ctx context.Context, uri string) (vocab.Object, error) {
	return r.documents.do(ctx, uri, func(ctx context.Context) (vocab.Object, error) { return r.fetch(ctx, uri) })
}

func (r *Resolver) fetch(ctx context.Context, uri string) (vocab.Object, error) {
	doc, at, err := r.document(ctx, uri)
	if err != nil {
		return nil, err
	}
	id := doc.ID()
	if id == at {
		return doc, nil
	}
	if doc, at, err = r.document(ctx, id); err != nil {
		return nil, err
	}
	if doc.ID() != id || at != id {
		return nil, fmt.Errorf("%w: a document is not found under its own id", ErrRefused)
	}
	return doc, nil
}

// document fetches whatever is at uri, and says at which URL it was found in the end.
func (r *Resolver) document(ctx context.Context, uri string) (vocab.Object, string, error) {
	if r.ids.Own(uri) {
		return nil, "", fmt.Errorf("%w: one's own documents are not fetched", ErrRefused)
	}
	res, err := r.signedFetch(ctx, uri)
	if err != nil {
		return nil, "", err
	}
	if err := status(res.Status); err != nil {
		return nil, "", err
	}
	if !vocab.AcceptsActivity(res.ContentType) {
		return nil, "", fmt.Errorf("%w: the answer is not an ActivityPub document", ErrRefused)
	}
	doc, err := vocab.Parse(res.Body)
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return doc, res.URL, nil
}

// signedFetch asks with the server's key, in the scheme that the host took last, and in the other one if it refuses and its
// preference is not known yet.
func (r *Resolver) signedFetch(ctx context.Context, uri string) (*hardening.Fetched, error) {
	domain, err := hostname.HostOf(uri)
	if err != nil {
		return nil, fmt.Errorf("%w: not a URL of a server", ErrRefused)
	}
	host, err := r.db.Host(ctx, domain)
	if err != nil {
		return nil, err
	}
	scheme := httpsig.Scheme(host.Scheme)
	if scheme == 0 {
		scheme = httpsig.Cavage
	}
	res, err := r.ask(ctx, uri, scheme)
	if err != nil || host.Scheme != 0 || !unsure(res.Status) {
		return res, err
	}
	second, err := r.ask(ctx, uri, httpsig.RFC9421)
	if err != nil || second.Status != http.StatusOK {
		return res, nil
	}
	err = r.db.Write(ctx, func(ctx context.Context, tx storage.Tx) error {
		return tx.SetHostScheme(ctx, domain, int(httpsig.RFC9421))
	})
	return second, err
}

func (r *Resolver) ask(ctx context.Context, uri string, scheme httpsig.Scheme) (*hardening.Fetched, error) {
	sign, err := r.keys.Signer(ctx, r.ids.Server(), scheme)
	if err != nil {
		return nil, err
	}
	res, err := r.gate.Fetch(ctx, hardening.Fetch{URL: uri, Purpose: egress.Federation, Accept: vocab.Accept, Sign: sign})
	return res, reach(err)
}

// reach names a failed request by what follows from it.
func reach(err error) error {
	switch {
	case err == nil, errors.Is(err, hardening.ErrBudget):
		return err
	case hardening.Temporary(err):
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return fmt.Errorf("%w: %w", ErrRefused, err)
}

// unsure says whether a status may mean that the signature was not understood.
func unsure(status int) bool {
	return status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusBadRequest
}

// status names an answer by what follows from it.
func status(code int) error {
	switch {
	case code == http.StatusOK:
		return nil
	case code == http.StatusNotFound, code == http.StatusGone:
		return ErrGone
	case code == http.StatusTooManyRequests, code == http.StatusRequestTimeout, code >= 500:
		return fmt.Errorf("%w: status %d", ErrUnreachable, code)
	}
	return fmt.Errorf("%w: status %d", ErrRefused, code)
}
