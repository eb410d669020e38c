package resolve

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/dunnock-server/dunnock/federation/httpsig"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/storage"
)

// Keyring holds the private keys of the node's own actors, as far as they sign requests: the RSA ones, which every server
// can verify. Its errors say nothing of the keys.
type Keyring struct {
	db *storage.DB

	mu   sync.Mutex
	keys map[string]httpsig.Key // by actor
}

// NewKeyring returns the keys kept in db. They are read when first needed.
func NewKeyring(db *storage.DB) *Keyring { return &Keyring{db: db, keys: map[string]httpsig.Key{}} }

// Signer returns what signs requests of an actor in a scheme, with the key that is the newest now. The error wraps
// [storage.ErrNotFound] if there is none.
func (k *Keyring) Signer(ctx context.Context, actor string, scheme httpsig.Scheme) (hardening.Signer, error) {
	key, err := k.key(ctx, actor)
	if err != nil {
		return nil, err
	}
	return func(req *http.Request, body []byte) error {
		return httpsig.Sign(req, body, key, scheme, time.Now())
	}, nil
}

// Reload forgets the keys, so that they are read anew: after a rotation has been written.
func (k *Keyring) Reload() {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.keys)
}

// key is read under the lock, so that no key that was read before a Reload is kept after it.
func (k *Keyring) key(ctx context.Context, actor string) (httpsig.Key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if key, ok := k.keys[actor]; ok {
		return key, nil
	}
	stored, err := k.db.Keys(ctx, actor)
	if err != nil {
		return httpsig.Key{}, fmt.Errorf("read keys: %w", err)
	}
	for _, s := range slices.Backward(stored) { // the newest first
		if s.Algorithm != storage.RSA {
			continue
		}
		private, err := x509.ParsePKCS8PrivateKey(s.Private)
		if err != nil { // not wrapped: it is about a secret
			return httpsig.Key{}, errors.New("a stored key cannot be read")
		}
		signer, ok := private.(crypto.Signer)
		if !ok {
			return httpsig.Key{}, errors.New("a stored key cannot sign")
		}
		k.keys[actor] = httpsig.Key{ID: s.ID, Private: signer}
		return k.keys[actor], nil
	}
	return httpsig.Key{}, fmt.Errorf("no RSA key: %w", storage.ErrNotFound)
}
