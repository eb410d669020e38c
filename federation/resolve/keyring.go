package resolve

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/dunnock-server/dunnock/federation/httpsig"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/storage"
)

// Keyring holds the private keys of the node's own actors, as far as they sign requests: the RSA ones, which every server
// can verify.
type Keyring struct {
	db *storage.DB

	mu   sync.RWMutex
	keys map[string]httpsig.Key // by actor
}

// NewKeyring returns the keys kept in db. They are read when first needed.
func NewKeyring(db *storage.DB) *Keyring { return &Keyring{db: db, keys: map[string]httpsig.Key{}} }

// Signer returns what signs requests of an actor in a scheme.
func (k *Keyring) Signer(ctx context.Context, actor string, scheme httpsig.Scheme) (hardening.Signer, error) {
	key, err := k.key(ctx, actor)
	if err != nil {
		return nil, err
	}
	return func(req *http.Request, body []byte) error {
		return httpsig.Sign(req, body, key, scheme, time.Now())
	}, nil
}

// Reload forgets the keys, so that they are read anew: after a rotation.
func (k *Keyring) Reload() {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.keys)
}

func (k *Keyring) key(ctx context.Context, actor string) (httpsig.Key, error) {
	k.mu.RLock()
	key, ok := k.keys[actor]
	k.mu.RUnlock()
	if ok {
		return key, nil
	}
	stored, err := k.db.Keys(ctx, actor)
	if err != nil {
		return httpsig.Key{}, fmt.Errorf("read keys: %w", err)
	}
	// The newest: the one before stays listed for a while, for what it signed.
	for i := len(stored) - 1; i >= 0; i-- {
		if stored[i].Algorithm != storage.RSA {
			continue
		}
		private, err := x509.ParsePKCS8PrivateKey(stored[i].Private)
		if err != nil {
			return httpsig.Key{}, errors.New("a stored key cannot be read")
		}
		signer, ok := private.(crypto.Signer)
		if !ok {
			return httpsig.Key{}, errors.New("a stored key cannot sign")
		}
		key := httpsig.Key{ID: stored[i].ID, Private: signer}
		k.mu.Lock()
		k.keys[actor] = key
		k.mu.Unlock()
		return key, nil
	}
	return httpsig.Key{}, fmt.Errorf("no RSA key: %w", storage.ErrNotFound)
}
