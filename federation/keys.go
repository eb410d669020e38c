package federation

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"

	"github.com/dunnock-server/dunnock/federation/wire"
	"github.com/dunnock-server/dunnock/storage"
)

// rsaBits is the size that every server takes.
const rsaBits = 2048

// NewKeys makes the first key pairs of an actor: RSA, which signs, and for the owner Ed25519 beside it (FEP-521a). later
// gives them names that no key had before.
func NewKeys(ids wire.IDs, actor string, later bool) ([]storage.Key, error) {
	first := func(name string) string {
		if later {
			name = "key-" + wire.NewToken()
		}
		return ids.Key(actor, name)
	}
	signing, err := rsa.GenerateKey(rand.Reader, rsaBits)
	if err != nil {
		return nil, fmt.Errorf("make an RSA key: %w", err)
	}
	keys, err := appendKey(nil, actor, first("main-key"), storage.RSA, signing)
	if err != nil || actor != ids.Owner() {
		return keys, err
	}
	_, beside, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make an Ed25519 key: %w", err)
	}
	return appendKey(keys, actor, first("ed25519-key"), storage.Ed25519, beside)
}

func appendKey(keys []storage.Key, actor, id, algorithm string, key crypto.PrivateKey) ([]storage.Key, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode a key: %w", err)
	}
	return append(keys, storage.Key{ID: id, Actor: actor, Algorithm: algorithm, Private: der, CreatedAt: storage.Now()}), nil
}

// Init writes what a new node starts from: an empty profile and the keys of its two actors. It fails with a conflict on a
// database that has them.
func Init(ctx context.Context, db *storage.DB, ids wire.IDs) error {
	owner, err := NewKeys(ids, ids.Owner(), false)
	if err != nil {
		return err
	}
	server, err := NewKeys(ids, ids.Server(), false)
	if err != nil {
		return err
	}
	return db.Write(ctx, func(ctx context.Context, tx storage.Tx) error {
		if _, err := tx.Profile(ctx); err == nil {
			return conflict("the database belongs to a node already")
		}
		if err := tx.SetProfile(ctx, &storage.Profile{}); err != nil {
			return err
		}
		for _, k := range append(owner, server...) {
			if err := tx.InsertKey(ctx, &k); err != nil {
				return err
			}
		}
		return nil
	})
}

// RotateKeys replaces the owner's keys. The actor document lists the new ones from the moment of the change. The followers
// are told, and those whom the owner follows, in an act that the old key signs, as it does what still waits before that:
// others verify with the key that they know, and some never ask for another. It returns the new keys' ids by algorithm.
func (s *Service) RotateKeys(ctx context.Context) (map[string]string, error) {
	owner := s.IDs.Owner()
	keys, err := NewKeys(s.IDs, owner, true)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	err = s.DB.Write(ctx, func(ctx context.Context, tx storage.Tx) error {
		old, err := tx.Keys(ctx, owner)
		if err != nil {
			return err
		}
		if err := tx.DeleteKeys(ctx, owner); err != nil {
			return err
		}
		for _, k := range keys {
			names[k.Algorithm] = k.ID
			if err := tx.InsertKey(ctx, &k); err != nil {
				return err
			}
		}
		followed, err := tx.FollowedActors(ctx, owner)
		if err != nil {
			return err
		}
		announcement, err := s.tellProfile(ctx, tx, followed...)
		if err != nil {
			return err
		}
		for _, k := range old {
			if k.Algorithm != storage.RSA {
				continue
			}
			k.Actor = announcement.URI
			if err := tx.InsertKey(ctx, &k); err != nil {
				return err
			}
		}
		return tx.ForgetFormerKeys(ctx)
	})
	if err != nil {
		return nil, err
	}
	s.Keys.Reload()
	s.Queue.Wake()
	return names, nil
}
