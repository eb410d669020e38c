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

	mu    sync.Mutex
	keys  map[string]httpsig.Key // by actor
	none  bool                   // no key is a former one
	round int                    // counts reloads
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
	return signer(key, scheme), nil
}

func signer(key httpsig.Key, scheme httpsig.Scheme) hardening.Signer {
	return func(req *http.Request, body []byte) error { return httpsig.Sign(req, body, key, scheme, time.Now()) }
}

// Former returns what signs an act that is not later than the announcement of a new key, with the key before that one;
// nil for all other acts.
func (k *Keyring) Former(ctx context.Context, act *storage.Act, scheme httpsig.Scheme) (hardening.Signer, error) {
	k.mu.Lock()
	none, round := k.none, k.round
	k.mu.Unlock()
	if none {
		return nil, nil
	}
	stored, err := k.db.FormerKey(ctx, act)
	if err == nil {
		key, err := parse(stored)
		return signer(key, scheme), err
	}
	some := true
	if errors.Is(err, storage.ErrNotFound) {
		some, err = k.db.HasFormerKeys(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.none = !some && round == k.round
	return nil, nil
}

// Reload forgets the keys, so that they are read anew: after a rotation has been written.
func (k *Keyring) Reload() {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.keys)
	k.none = false
	k.round++
}

// key returns an actor's key. Storage is read without the lock; a key that was read before a Reload is not kept after it.
func (k *Keyring) key(ctx context.Context, actor string) (httpsig.Key, error) {
	for {
		k.mu.Lock()
		key, ok := k.keys[actor]
		round := k.round
		k.mu.Unlock()
		if ok {
			return key, nil
		}
		key, err := k.read(ctx, actor)
		if err != nil {
			return httpsig.Key{}, err
		}
		k.mu.Lock()
		current := round == k.round
		if current {
			k.keys[actor] = key
		}
		k.mu.Unlock()
		if current {
			return key, nil
		}
	}
}

// read gets an actor's newest RSA key from storage.
func (k *Keyring) read(ctx context.Context, actor string) (httpsig.Key, error) {
	stored, err := k.db.Keys(ctx, actor)
	if err != nil {
		return httpsig.Key{}, fmt.Errorf("read keys: %w", err)
	}
	for _, s := range slices.Backward(stored) { // the newest first
		if s.Algorithm != storage.RSA {
			continue
		}
		return parse(&s)
	}
	return httpsig.Key{}, fmt.Errorf("no RSA key: %w", storage.ErrNotFound)
}

func parse(s *storage.Key) (httpsig.Key, error) {
	private, err := x509.ParsePKCS8PrivateKey(s.Private)
	if err != nil { // not wrapped: it is about a secret
		return httpsig.Key{}, errors.New("a stored key cannot be read")
	}
	key, ok := private.(crypto.Signer)
	if !ok {
		return httpsig.Key{}, errors.New("a stored key cannot sign")
	}
	return httpsig.Key{ID: s.ID, Private: key}, nil
}
