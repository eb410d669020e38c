package httpsig

import (
	"crypto"
	"net/http"
	"strings"
	"testing"
	"time"

	gofed "github.com/go-fed/httpsig"
)

// go-fed/httpsig is the second opinion for draft-cavage: theirs verified by us, ours verified by them. It reads the
// clock itself and wants Host in the header.
func TestGoFed(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	const target = "https://social.example/users/owl/inbox?page=1"
	for _, row := range []struct {
		name      string
		method    string
		covered   []string
		expiresIn int64
	}{
		{name: "post", method: "POST", covered: []string{"(request-target)", "host", "date", "digest"}},
		{name: "get", method: "GET", covered: []string{"(request-target)", "host", "date"}},
		{name: "created and expires", method: "POST", expiresIn: 60,
			covered: []string{"(request-target)", "host", "(created)", "(expires)", "digest"}},
	} {
		var body []byte
		if row.method == "POST" {
			body = []byte(testBody)
		}
		t.Run("theirs/"+row.name, func(t *testing.T) {
			req := newRequest(t, row.method, target, body)
			req.Header.Set("Host", "social.example")
			req.Header.Set("Date", now.UTC().Format(http.TimeFormat))
			signer, _, err := gofed.NewSigner([]gofed.Algorithm{gofed.RSA_SHA256}, gofed.DigestSha256, row.covered,
				gofed.Signature, row.expiresIn)
			if err != nil {
				t.Fatal(err)
			}
			if err := signer.SignRequest(crypto.PrivateKey(rsaKey()), testKeyID, req, body); err != nil {
				t.Fatal(err)
			}
			o := testOptions()
			o.Now = now.Add(2 * time.Second)
			s, err := Parse(arrive(req), body, o)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Verify(&rsaKey().PublicKey); err != nil {
				t.Error(err)
			}
			if s.Verify(&otherKey().PublicKey) == nil {
				t.Error("verifies with another key")
			}
		})
		t.Run("ours/"+row.name, func(t *testing.T) {
			if row.expiresIn != 0 {
				t.Skip("Sign sends neither created nor expires in Cavage")
			}
			req := newRequest(t, row.method, target, body)
			if err := Sign(req, body, Key{testKeyID, rsaKey()}, Cavage, now); err != nil {
				t.Fatal(err)
			}
			verifier, err := gofed.NewVerifier(arrive(req))
			if err != nil {
				t.Fatal(err)
			}
			if verifier.KeyId() != testKeyID {
				t.Errorf("key id %q", verifier.KeyId())
			}
			if err := verifier.Verify(&rsaKey().PublicKey, gofed.RSA_SHA256); err != nil {
				t.Error(err)
			}
			signature := req.Header.Get("Signature")
			req.Header.Set("Signature", strings.Replace(signature, " host date", " date host", 1))
			if verifier, err = gofed.NewVerifier(arrive(req)); err != nil {
				t.Fatal(err)
			}
			if verifier.Verify(&rsaKey().PublicKey, gofed.RSA_SHA256) == nil {
				t.Error("verifies after a change")
			}
		})
	}
}
