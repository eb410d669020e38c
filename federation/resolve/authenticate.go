package resolve

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"time"

	"github.com/dunnock-server/dunnock/federation/httpsig"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/hostname"
	"github.com/dunnock-server/dunnock/storage"
)

// arrivalBudget bounds the requests that finding out who signed something may cost.
const arrivalBudget = 5

// Signed is who signed a request.
type Signed struct {
	*storage.Signer           // Host is the domain by which policy goes
	At              time.Time // by the signer's clock
}

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
	if err = fits(sig, key, claimed); errors.Is(err, errUnfit) {
		if key, err = r.rekeyed(ctx, key); err == nil {
			err = fits(sig, key, claimed)
		}
	}
	if err != nil {
		return nil, err
	}
	if key.Gone {
		return nil, ErrGone
	}
	return &Signed{key, sig.SignedAt}, nil
}

// Known says who signed a request without a body, as far as that can be said without asking anybody: the key has to be
// known. It is for documents that a server fetches to find out who we are. If answering those waited for that server's
// key, two servers that do not know each other yet would ask each other for ever (Threads does).
//
// The error is [ErrUnverified] unless storage fails.
func (r *Resolver) Known(ctx context.Context, req *http.Request) (*Signed, error) {
	s, _, err := r.Stored(ctx, req, nil, "")
	return s, err
}

// Stored says who signed a request, as far as the keys tell that are known; of an actor of whom nothing is known it verifies
// as much as of one whose key the signature does not fit. It asks nobody. may says that the request could be signed by whom
// it claims: that it has the form for it, which depends on the request alone.
//
// The error is [ErrUnverified] unless storage fails.
func (r *Resolver) Stored(ctx context.Context, req *http.Request, body []byte, claimed string) (s *Signed, may bool, err error) {
	sig, err := r.signature(req, body, claimed)
	if err != nil {
		return nil, false, err
	}
	key, err := r.db.Signer(ctx, sig.KeyID)
	if errors.Is(err, storage.ErrNotFound) {
		_ = sig.Verify(nobody)
		return nil, true, fmt.Errorf("%w: the key is not known", ErrUnverified)
	}
	if err != nil {
		return nil, true, err
	}
	if err := fits(sig, key, claimed); err != nil {
		return nil, true, err
	}
	if key.Gone {
		return nil, true, fmt.Errorf("%w: the actor is gone", ErrUnverified)
	}
	return &Signed{key, sig.SignedAt}, true, nil
}

// Unsigned says that a request does not even say that it is signed.
func Unsigned(req *http.Request) bool { return !httpsig.Present(req) }

// Signed says whether a request is signed, as far as that can be said without the key: the signature's form, what it covers,
// when it was made, the digest of the body. The error is [ErrUnverified].
func (r *Resolver) Signed(req *http.Request, body []byte) error {
	_, err := r.signature(req, body, "")
	return err
}

// nobody is a key without a private half that anybody knows: any number of the usual length does.
var nobody = &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 2047, 1), E: 65537}

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

var errUnfit = fmt.Errorf("%w: the signature does not fit the key", ErrUnverified)

// fits checks that a key is the claimed actor's, and made the signature: if only the latter fails, with errUnfit.
func fits(sig *httpsig.Signature, key *storage.Signer, claimed string) error {
	if claimed != "" && key.Actor != claimed {
		return fmt.Errorf("%w: the key is another actor's", ErrUnverified)
	}
	public, err := x509.ParsePKIXPublicKey(key.Public)
	if err != nil || sig.Verify(public) != nil {
		return errUnfit
	}
	return nil
}
