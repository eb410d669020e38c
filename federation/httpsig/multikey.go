package httpsig

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"math/big"
	"strings"
)

// The multicodec names of key types, as unsigned varints: ed25519-pub is 0xed, rsa-pub is 0x1205.
var (
	codecEd25519 = []byte{0xed, 0x01}
	codecRSA     = []byte{0x85, 0x24}
)

// Multikey gives the publicKeyMultibase of a key (FEP-521a): "z" for base58btc, then the multicodec, then the 32 bytes
// of an Ed25519 key or the PKCS #1 DER of an RSA key.
func Multikey(public crypto.PublicKey) (string, error) {
	if err := checkKey(public); err != nil {
		return "", err
	}
	switch key := public.(type) {
	case ed25519.PublicKey:
		return "z" + encodeBase58(append(bytes.Clone(codecEd25519), key...)), nil
	case *rsa.PublicKey:
		return "z" + encodeBase58(append(bytes.Clone(codecRSA), x509.MarshalPKCS1PublicKey(key)...)), nil
	}
	return "", refuseKey("neither rsa nor ed25519")
}

// ParseMultikey reads a publicKeyMultibase of at most 2 KiB into an ed25519.PublicKey or an *rsa.PublicKey of 2,048 to
// 8,192 bits. The error wraps ErrKey.
func ParseMultikey(multibase string) (crypto.PublicKey, error) {
	if len(multibase) > maxMultibase || !strings.HasPrefix(multibase, "z") {
		return nil, refuseKey("not base58btc")
	}
	data, ok := decodeBase58(multibase[1:])
	if !ok {
		return nil, refuseKey("not base58btc")
	}
	var public crypto.PublicKey
	if raw, ok := bytes.CutPrefix(data, codecEd25519); ok {
		public = ed25519.PublicKey(raw)
	} else if der, ok := bytes.CutPrefix(data, codecRSA); ok {
		key, err := x509.ParsePKCS1PublicKey(der)
		if err != nil || !bytes.Equal(der, x509.MarshalPKCS1PublicKey(key)) { // which has one form, and nothing after it
			return nil, refuseKey("public key does not parse")
		}
		public = key
	}
	if err := checkKey(public); err != nil {
		return nil, err
	}
	return public, nil
}

// The alphabet of base58btc: digits and letters without 0, O, I and l.
const base58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

// encodeBase58 writes bytes as one number in base 58; each leading zero byte is a leading "1".
func encodeBase58(data []byte) string {
	var digits []byte
	number, radix, digit := new(big.Int).SetBytes(data), big.NewInt(58), new(big.Int)
	for number.Sign() > 0 {
		number.DivMod(number, radix, digit)
		digits = append(digits, base58[digit.Int64()])
	}
	for _, b := range data {
		if b != 0 {
			break
		}
		digits = append(digits, base58[0])
	}
	for i, j := 0, len(digits)-1; i < j; i, j = i+1, j-1 {
		digits[i], digits[j] = digits[j], digits[i]
	}
	return string(digits)
}

// decodeBase58 is the inverse. Its cost grows with the square of the length, which the caller bounds.
func decodeBase58(text string) ([]byte, bool) {
	number, radix, digit := new(big.Int), big.NewInt(58), new(big.Int)
	for i := range len(text) {
		value := strings.IndexByte(base58, text[i])
		if value < 0 {
			return nil, false
		}
		number.Add(number.Mul(number, radix), digit.SetInt64(int64(value)))
	}
	zeros := len(text) - len(strings.TrimLeft(text, base58[:1]))
	return append(make([]byte, zeros), number.Bytes()...), true
}
