package httpsig

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"strings"
)

// algorithm is how a signature was made, as far as the sender says.
type algorithm uint8

const (
	byKey     algorithm = iota // the key decides: RSA with SHA-256, or Ed25519
	rsaSHA256                  // RSASSA-PKCS1-v1_5
	rsaSHA512                  // RSASSA-PKCS1-v1_5
	edDSA                      // Ed25519
)

// cavageAlgorithm knows the names of draft-cavage-12, section E.2, and those that fediverse libraries use. "hs2019"
// says nothing on purpose: the key decides.
func cavageAlgorithm(name string) (algorithm, bool) {
	switch strings.ToLower(name) {
	case "", "hs2019":
		return byKey, true
	case "rsa-sha256":
		return rsaSHA256, true
	case "rsa-sha512":
		return rsaSHA512, true
	case "ed25519", "ed25519-sha512":
		return edDSA, true
	}
	return 0, false
}

// rfc9421Algorithm knows the names of RFC 9421, section 3.3, that we use.
func rfc9421Algorithm(name string) (algorithm, bool) {
	switch name {
	case "":
		return byKey, true
	case "rsa-v1_5-sha256":
		return rsaSHA256, true
	case "ed25519":
		return edDSA, true
	}
	return 0, false
}

// Verify checks the signature against the sender's key, an *rsa.PublicKey of 2,048 to 8,192 bits or an
// ed25519.PublicKey. The algorithm the request names has to be one of that kind of key. A Cavage signature of a GET or
// HEAD whose target has a query may cover the target with it or without it. The error wraps ErrInvalid, or ErrKey if
// it is the key that is of no use.
func (s *Signature) Verify(public crypto.PublicKey) error {
	if err := checkKey(public); err != nil {
		return err
	}
	for _, base := range s.bases {
		ok, err := s.verify(public, []byte(base))
		if err != nil || ok {
			return err
		}
	}
	return refuse("does not verify")
}

func (s *Signature) verify(public crypto.PublicKey, base []byte) (bool, error) {
	switch key := public.(type) {
	case *rsa.PublicKey:
		switch s.algorithm {
		case byKey, rsaSHA256:
			sum := sha256.Sum256(base)
			return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], s.value) == nil, nil
		case rsaSHA512:
			sum := sha512.Sum512(base)
			return rsa.VerifyPKCS1v15(key, crypto.SHA512, sum[:], s.value) == nil, nil
		}
	case ed25519.PublicKey:
		if s.algorithm == byKey || s.algorithm == edDSA {
			return ed25519.Verify(key, base, s.value), nil
		}
	}
	return false, refuse("algorithm is not one of the key's")
}
