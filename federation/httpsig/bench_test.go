package httpsig

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"testing"
)

// benchBody is the size of a usual Create.
var benchBody = bytes.Repeat([]byte("a"), 2048)

func benchSign(b *testing.B, scheme Scheme) {
	req := newRequest(b, "POST", "https://social.example/users/owl/inbox", benchBody)
	key := Key{testKeyID, rsaKey()}
	b.ReportAllocs()
	for b.Loop() {
		if err := Sign(req, benchBody, key, scheme, testNow); err != nil {
			b.Fatal(err)
		}
	}
}

func benchVerify(b *testing.B, scheme Scheme) {
	req := newRequest(b, "POST", "https://social.example/users/owl/inbox", benchBody)
	if err := Sign(req, benchBody, Key{testKeyID, rsaKey()}, scheme, testNow); err != nil {
		b.Fatal(err)
	}
	req, options := arrive(req), testOptions()
	b.ReportAllocs()
	for b.Loop() {
		s, err := Parse(req, benchBody, options)
		if err == nil {
			err = s.Verify(&rsaKey().PublicKey)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSignCavage(b *testing.B)    { benchSign(b, Cavage) }
func BenchmarkSignRFC9421(b *testing.B)   { benchSign(b, RFC9421) }
func BenchmarkVerifyCavage(b *testing.B)  { benchVerify(b, Cavage) }
func BenchmarkVerifyRFC9421(b *testing.B) { benchVerify(b, RFC9421) }

// BenchmarkVerifyRSA is the part of a verification that cannot be saved.
func BenchmarkVerifyRSA(b *testing.B) {
	value, err := Key{testKeyID, rsaKey()}.sign("x")
	if err != nil {
		b.Fatal(err)
	}
	sum := sha256.Sum256([]byte("x"))
	for b.Loop() {
		if err := rsa.VerifyPKCS1v15(&rsaKey().PublicKey, crypto.SHA256, sum[:], value); err != nil {
			b.Fatal(err)
		}
	}
}
