package httpsig

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// Bounds of the keys that are used, and of their texts.
const (
	minRSABits   = 2048
	maxRSABits   = 8192    // verifying costs some 0.5 ms there
	maxPEM       = 4 << 10 // bytes; an RSA key of 8,192 bits takes 1.5 KiB
	maxMultibase = 2 << 10 // bytes; the same key takes 1.4 KiB
)

// ErrKey wraps every reason to refuse a key. As with ErrInvalid, nothing of the key is in the text.
var ErrKey = errors.New("key refused")

func refuseKey(reason string) error { return fmt.Errorf("%w: %s", ErrKey, reason) }

// checkKey says whether signatures by a key are worth anything: RSA of 2,048 to 8,192 bits, or Ed25519.
func checkKey(public crypto.PublicKey) error {
	switch key := public.(type) {
	case *rsa.PublicKey:
		if key == nil || key.N == nil {
			return refuseKey("no modulus")
		}
		if bits := key.N.BitLen(); bits < minRSABits || bits > maxRSABits {
			return refuseKey("rsa key size out of bounds")
		}
		if key.E < 3 || key.E%2 == 0 || key.N.Bit(0) == 0 {
			return refuseKey("not an rsa key")
		}
		return nil
	case ed25519.PublicKey:
		if len(key) != ed25519.PublicKeySize {
			return refuseKey("ed25519 key size")
		}
		return nil
	}
	return refuseKey("neither rsa nor ed25519")
}

// ParsePublicKey reads a publicKeyPem: exactly one PEM block and nothing around it but white space, "PUBLIC KEY" (SPKI,
// RFC 5280) or "RSA PUBLIC KEY" (PKCS #1, RFC 8017), at most 4 KiB, holding an *rsa.PublicKey of 2,048 to 8,192 bits or
// an ed25519.PublicKey. Text after the block is refused because two servers that read different keys out of one text
// can be set against each other. The error wraps ErrKey.
func ParsePublicKey(pemText string) (crypto.PublicKey, error) {
	text := strings.TrimSpace(pemText)
	// pem.Decode would skip what does not parse and find a block further on: there must be one beginning, at the start.
	if len(text) > maxPEM || !strings.HasPrefix(text, "-----BEGIN ") || strings.Count(text, "-----BEGIN") != 1 {
		return nil, refuseKey("not one pem block")
	}
	block, rest := pem.Decode([]byte(text))
	if block == nil || len(rest) > 0 || len(block.Headers) > 0 {
		return nil, refuseKey("not one pem block")
	}
	var public crypto.PublicKey
	var err error
	switch block.Type {
	case "PUBLIC KEY":
		public, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		public, err = x509.ParsePKCS1PublicKey(block.Bytes)
	default:
		return nil, refuseKey("not a public key")
	}
	if err != nil {
		return nil, refuseKey("public key does not parse")
	}
	if err := checkKey(public); err != nil {
		return nil, err
	}
	return public, nil
}

// MarshalPublicKey gives the SPKI PEM text of a key that ParsePublicKey accepts.
func MarshalPublicKey(public crypto.PublicKey) (string, error) {
	if err := checkKey(public); err != nil {
		return "", err
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return "", refuseKey("key does not serialise")
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), nil
}
