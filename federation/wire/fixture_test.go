package wire

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/hardening/sanitize"
	"github.com/dunnock-server/dunnock/storage"
)

var (
	ours   = IDs{Scheme: "https", Host: "social.dunnock.example", Domain: "dunnock.example", Username: "alice"}
	theirs = IDs{Scheme: "https", Host: "other.example", Domain: "other.example", Username: "olga"}
	now    = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
)

var sanitizer = sanitize.New()

// reader is of ours, so that documents of ours are its own; visitor is of another node and reads ours.
var (
	reader  = Reader{Sanitizer: sanitizer, IDs: ours}
	visitor = Reader{Sanitizer: sanitizer, IDs: theirs}
)

// keyPair is made once: RSA keys take their time.
var keyPair = sync.OnceValue(func() (keys struct {
	rsa, ed25519 crypto.Signer
}) {
	var err error
	if keys.rsa, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		panic(err)
	}
	if _, keys.ed25519, err = ed25519.GenerateKey(rand.Reader); err != nil {
		panic(err)
	}
	return keys
})

// ownKeys are two keys of an actor of ours, as stored.
func ownKeys(t testing.TB, actor string) []storage.Key {
	t.Helper()
	pair := keyPair()
	var keys []storage.Key
	for _, k := range []struct {
		name, algorithm string
		private         crypto.Signer
	}{{"main-key", storage.RSA, pair.rsa}, {"ed25519-key", storage.Ed25519, pair.ed25519}} {
		der, err := x509.MarshalPKCS8PrivateKey(k.private)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, storage.Key{ID: ours.Key(actor, k.name), Actor: actor, Algorithm: k.algorithm, Private: der})
	}
	return keys
}

// parse is a document as it arrives.
func parse(t testing.TB, text string) vocab.Object {
	t.Helper()
	doc, err := vocab.Parse([]byte(text))
	if err != nil {
		t.Fatalf("fixture: %v", err)
	}
	return doc
}

// sent is a document after its way over the wire.
func sent(t testing.TB, doc vocab.Object) vocab.Object {
	t.Helper()
	data, err := doc.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, string(data))
}

// corpus is what other servers send, by software and name.
func corpus(t testing.TB) map[string]vocab.Object {
	t.Helper()
	paths, err := filepath.Glob("../../testdata/activities/*/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	docs := map[string]vocab.Object{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		docs[filepath.Base(filepath.Dir(path))+"/"+filepath.Base(path)] = parse(t, string(data))
	}
	return docs
}

// with is a copy of a document with some fields set, or removed where the value is nil.
func with(doc vocab.Object, fields map[string]any) vocab.Object {
	changed := doc.Clone()
	for name, value := range fields {
		if changed[name] = value; value == nil {
			delete(changed, name)
		}
	}
	return changed
}
