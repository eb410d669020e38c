package resolve

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/federation/httpsig"
	"github.com/dunnock-server/dunnock/storage"
)

// secondKey is another RSA key for all tests.
var secondKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// signedWith is the id of the key that signs for an actor, after the signature was verified.
func signedWith(t *testing.T, k *Keyring, actor string, scheme httpsig.Scheme, public map[string]crypto.PublicKey) string {
	t.Helper()
	sign, err := k.Signer(t.Context(), actor, scheme)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodGet, "http://v.example/x", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := sign(req, nil); err != nil {
		t.Fatal(err)
	}
	sig, err := httpsig.Parse(req, nil, httpsig.Options{Hosts: []string{"v.example"}, Scheme: "http", Now: time.Now()})
	if err != nil || sig.Scheme != scheme {
		t.Fatalf("%+v, %v", sig, err)
	}
	if err := sig.Verify(public[sig.KeyID]); err != nil {
		t.Errorf("%s: %v", sig.KeyID, err)
	}
	return sig.KeyID
}

func TestTheNewestKeySigns(t *testing.T) {
	w := newWorld(t)
	owner := w.ids.Owner()
	first, second := ownKey(t, owner, "first", rsaKey()), ownKey(t, owner, "second", secondKey())
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	beside := ownKey(t, owner, "beside", edwards)
	beside.Algorithm = storage.Ed25519
	for i, k := range []*storage.Key{first, second, beside} {
		k.CreatedAt = storage.At(time.Now().Add(time.Duration(i) * time.Minute))
	}
	insert := func(keys ...*storage.Key) {
		t.Helper()
		w.write(func(ctx context.Context, tx storage.Tx) error {
			for _, k := range keys {
				if err := tx.InsertKey(ctx, k); err != nil {
					return err
				}
			}
			return nil
		})
	}
	public := map[string]crypto.PublicKey{first.ID: rsaKey().Public(), second.ID: secondKey().Public()}

	if _, err := w.keys.Signer(t.Context(), owner, httpsig.Cavage); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("without a key: %v", err)
	}
	insert(beside)
	if _, err := w.keys.Signer(t.Context(), owner, httpsig.Cavage); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("without an RSA key: %v", err)
	}
	insert(first)
	for _, scheme := range []httpsig.Scheme{httpsig.Cavage, httpsig.RFC9421} {
		if id := signedWith(t, w.keys, owner, scheme, public); id != first.ID {
			t.Errorf("%v signed with %s", scheme, id)
		}
	}
	insert(second)
	if id := signedWith(t, w.keys, owner, httpsig.Cavage, public); id != first.ID {
		t.Errorf("before a reload: %s", id)
	}
	w.keys.Reload()
	if id := signedWith(t, w.keys, owner, httpsig.Cavage, public); id != second.ID {
		t.Errorf("after a reload: %s", id)
	}
	w.write(func(ctx context.Context, tx storage.Tx) error { return tx.DeleteKeys(ctx, owner) })
	w.keys.Reload()
	if _, err := w.keys.Signer(t.Context(), owner, httpsig.Cavage); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("with deleted keys: %v", err)
	}
}

// A key that is being read while the keys are rotated must not be kept beyond that.
func TestReloadWhileKeysAreRead(t *testing.T) {
	w := newWorld(t)
	owner := w.ids.Owner()
	public := map[string]crypto.PublicKey{}
	for i := range 50 {
		key := ownKey(t, owner, fmt.Sprint(i), rsaKey())
		key.CreatedAt = storage.At(time.Now().Add(time.Duration(i) * time.Minute))
		public[key.ID] = rsaKey().Public()
		var wg sync.WaitGroup
		var rotated atomic.Bool
		wg.Go(func() {
			for !rotated.Load() {
				w.keys.Reload()
				w.keys.Signer(t.Context(), owner, httpsig.Cavage)
			}
		})
		w.write(func(ctx context.Context, tx storage.Tx) error { return tx.InsertKey(ctx, key) })
		rotated.Store(true)
		w.keys.Reload()
		wg.Wait()
		if id := signedWith(t, w.keys, owner, httpsig.Cavage, public); id != key.ID {
			t.Fatalf("signed with %s, not %s", id, key.ID)
		}
	}
}

// Whatever is wrong with a key, nothing of it is told.
func TestKeysAreInNoErrorAndNoLog(t *testing.T) {
	agreement, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cannotSign, err := x509.MarshalPKCS8PrivateKey(agreement)
	if err != nil {
		t.Fatal(err)
	}
	good, err := x509.MarshalPKCS8PrivateKey(rsaKey())
	if err != nil {
		t.Fatal(err)
	}
	short, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(bytes.Repeat([]byte("canary!!"), 4)))
	if err != nil {
		t.Fatal(err)
	}
	for name, secret := range map[string][]byte{
		"good": good, "cut": good[:len(good)-9], "text": []byte("canary canary canary"), "cannot sign": cannotSign, "another algorithm": short, "empty": {},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			var log bytes.Buffer
			w.Resolver = New(Config{DB: w.db, Gate: w.gate, IDs: w.ids, Reader: w.reader, Keys: NewKeyring(w.db),
				Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
			key := ownKey(t, w.ids.Server(), "newest", rsaKey())
			key.Private, key.CreatedAt = secret, storage.At(time.Now().Add(time.Hour))
			w.write(func(ctx context.Context, tx storage.Tx) error { return tx.InsertKey(ctx, key) })
			v := w.net.site("v.example")
			v.serve("/x", code(500))
			_, fetched := w.Fetch(t.Context(), v.url("/x"))
			_, signer := w.keys.Signer(t.Context(), w.ids.Server(), httpsig.Cavage)
			w.log.WriteString(fmt.Sprintf("%v %+v %#v %v %+v %#v", fetched, fetched, fetched, signer, signer, signer))
			w.log.WriteString(fmt.Sprintf("%v %+v %s", *key, *key, key.Private))
			said := w.log.String() + log.String()
			for _, form := range []string{string(secret), hex.EncodeToString(secret), base64.StdEncoding.EncodeToString(secret), "canary", rsaKey().D.String()} {
				if form != "" && strings.Contains(said, form) {
					t.Errorf("told: %s", said)
				}
			}
			if usable := name == "good" || name == "another algorithm"; usable {
				w.net.counted(t, "v.example /x")
			} else if w.net.counted(t); fetched == nil || lasting(fetched) > 0 {
				t.Errorf("a broken key is the server's fault: %v", fetched)
			}
		})
	}
}
