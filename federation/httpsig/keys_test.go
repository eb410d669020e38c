package httpsig

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"
)

// fakeRSA gives the shape of a key of any size without the hours that a real one takes.
func fakeRSA(bits uint) *rsa.PublicKey {
	n := new(big.Int).Lsh(big.NewInt(1), bits-1)
	return &rsa.PublicKey{N: n.Add(n, big.NewInt(1)), E: 65537}
}

func pemOf(t testing.TB, kind string, der []byte, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func spki(t testing.TB, public any) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	return pemOf(t, "PUBLIC KEY", der, err)
}

func TestPublicKeyRoundTrip(t *testing.T) {
	for name, public := range map[string]crypto.PublicKey{
		"rsa": &rsaKey().PublicKey, "ed25519": edKey().Public(), "rsa 8192": fakeRSA(8192),
	} {
		text, err := MarshalPublicKey(public)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := ParsePublicKey(text)
		if err != nil || !got.(interface{ Equal(crypto.PublicKey) bool }).Equal(public) {
			t.Errorf("%s: pem: %v", name, err)
		}
		if text, err = Multikey(public); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err = ParseMultikey(text)
		if err != nil || !got.(interface{ Equal(crypto.PublicKey) bool }).Equal(public) {
			t.Errorf("%s: multikey: %v", name, err)
		}
	}
	pkcs1 := pemOf(t, "RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsaKey().PublicKey), nil)
	for _, text := range []string{pkcs1, "\r\n " + strings.ReplaceAll(pkcs1, "\n", "\r\n") + "\t\n"} {
		if got, err := ParsePublicKey(text); err != nil || !rsaKey().PublicKey.Equal(got) {
			t.Errorf("pkcs1: %v", err)
		}
	}
}

func TestPublicKeyRefusals(t *testing.T) {
	good := spki(t, &rsaKey().PublicKey)
	if _, err := ParsePublicKey(good); err != nil {
		t.Fatal(err)
	}
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	even := fakeRSA(2048)
	even.N.SetBit(even.N, 0, 0)
	_, body, _ := strings.Cut(good, "\n")
	for name, text := range map[string]string{
		"empty":                      "",
		"two blocks":                 good + spki(t, &otherKey().PublicKey),
		"text after":                 good + "x",
		"text before":                "x\n" + good,
		"broken block before":        "-----BEGIN PUBLIC KEY-----\n!\n" + good,
		"beginning after":            good + "-----BEGIN ",
		"pem headers":                "-----BEGIN PUBLIC KEY-----\nA: b\n\n" + body,
		"no end":                     good[:len(good)-20],
		"private key":                pemOf(t, "PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey()), nil),
		"certificate":                strings.ReplaceAll(good, "PUBLIC KEY", "CERTIFICATE"),
		"pkcs1 named as spki":        pemOf(t, "PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsaKey().PublicKey), nil),
		"trailing der":               pemOf(t, "RSA PUBLIC KEY", append(x509.MarshalPKCS1PublicKey(&rsaKey().PublicKey), 0), nil),
		"ecdsa":                      spki(t, &p256.PublicKey),
		"rsa of 1024 bits":           spki(t, fakeRSA(1024)),
		"rsa of 2047 bits":           spki(t, fakeRSA(2047)),
		"rsa of 8193 bits":           spki(t, fakeRSA(8193)),
		"rsa of 1024 bits, pkcs1":    pemOf(t, "RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(fakeRSA(1024)), nil),
		"rsa with an even modulus":   spki(t, even),
		"rsa with exponent 1":        spki(t, &rsa.PublicKey{N: rsaKey().N, E: 1}),
		"rsa with an even exponent":  spki(t, &rsa.PublicKey{N: rsaKey().N, E: 65536}),
		"too long, though all right": strings.Replace(good, "\n", "\n"+strings.Repeat(" ", maxPEM), 1),
	} {
		if key, err := ParsePublicKey(text); !errors.Is(err, ErrKey) || key != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, public := range map[string]crypto.PublicKey{
		"none": nil, "nil rsa": (*rsa.PublicKey)(nil), "no modulus": &rsa.PublicKey{}, "short": fakeRSA(1024),
		"ecdsa": &p256.PublicKey, "cut ed25519": ed25519.PublicKey{1}, "private": rsaKey(),
	} {
		if _, err := MarshalPublicKey(public); !errors.Is(err, ErrKey) {
			t.Errorf("MarshalPublicKey %s: %v", name, err)
		}
		if _, err := Multikey(public); !errors.Is(err, ErrKey) {
			t.Errorf("Multikey %s: %v", name, err)
		}
		if err := (&Signature{}).Verify(public); !errors.Is(err, ErrKey) {
			t.Errorf("Verify %s: %v", name, err)
		}
	}
}

// The examples of the did:key method specification, whose identifiers are multikeys.
const (
	multikeyEd25519 = "z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"
	multikeyRSA     = "z4MXj1wBzi9jUstyPMS4jQqB6KdJaiatPkAtVtGc6bQEQEEsKTic4G7Rou3iBf9vPmT5dbkm9qsZsuVNjq8HCuW1w24nhBFGkRE4" +
		"cd2Uf2tfrB3N7h4mnyPp1BF3ZttHTYv3DLUPi1zMdkULiow3M1GfXkoC6DoxDUm1jmN6GBj22SjVsr6dxezRVQc7aj9TxE7JLbMH1wh5X3kA58H3" +
		"DFW8rnYMakFGbca5CB2Jf6CnGQZmL7o5uJAdTwXfy2iiiyPxXEGerMhHwhjTA1mKYobyk2CpeEcmvynADfNZ5MBvcCS7m3XkFCMNUYBS9NQ3fze6" +
		"vMSUPsNa6GVYmKx2x6JrdEjCk3qRMMmyjnjCMfR4pXbRMZa3i"
)

func TestMultikeyVectors(t *testing.T) {
	key, err := ParseMultikey(multikeyEd25519)
	seed := make([]byte, ed25519.SeedSize) // the first example is the key of the seed of zeros
	if err != nil || !ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey).Equal(key) {
		t.Errorf("ed25519: %x, %v", key, err)
	}
	if text, err := Multikey(key); err != nil || text != multikeyEd25519 {
		t.Errorf("ed25519: %s, %v", text, err)
	}
	key, err = ParseMultikey(multikeyRSA)
	if err != nil {
		t.Fatal(err)
	}
	public := key.(*rsa.PublicKey)
	modulus := base64.RawURLEncoding.EncodeToString(public.N.Bytes())
	if public.E != 65537 || !strings.HasPrefix(modulus, "sbX82NTV6IylxCh7MfV4hlyvaniCajuP97GyOqSvTmoEdBOflFvZ06kR") {
		t.Errorf("rsa: %s", modulus)
	}
	if text, err := Multikey(key); err != nil || text != multikeyRSA {
		t.Errorf("rsa: %s, %v", text, err)
	}
}

func TestMultikeyRefusals(t *testing.T) {
	raw := edKey().Public().(ed25519.PublicKey)
	prefixed := func(codec []byte, data []byte) string {
		return "z" + encodeBase58(append(append([]byte{}, codec...), data...))
	}
	for name, text := range map[string]string{
		"empty":              "",
		"no data":            "z",
		"other base":         "u" + multikeyEd25519[1:],
		"not in alphabet":    multikeyEd25519[:10] + "0" + multikeyEd25519[11:],
		"not ascii":          multikeyEd25519 + "ä",
		"space":              multikeyEd25519 + " ",
		"short ed25519":      prefixed(codecEd25519, raw[:31]),
		"long ed25519":       prefixed(codecEd25519, append(raw[:32:32], 0)),
		"no codec":           "z" + encodeBase58(raw),
		"x25519":             prefixed([]byte{0xec, 0x01}, raw),
		"ed25519 private":    prefixed([]byte{0x80, 0x26}, raw),
		"leading zero":       "z1" + multikeyEd25519[1:],
		"rsa not der":        prefixed(codecRSA, raw),
		"rsa trailing":       prefixed(codecRSA, append(x509.MarshalPKCS1PublicKey(&rsaKey().PublicKey), 0)),
		"rsa of 1024 bits":   prefixed(codecRSA, x509.MarshalPKCS1PublicKey(fakeRSA(1024))),
		"rsa of 8193 bits":   prefixed(codecRSA, x509.MarshalPKCS1PublicKey(fakeRSA(8193))),
		"too long to decode": "z" + strings.Repeat("z", maxMultibase),
	} {
		if key, err := ParseMultikey(text); !errors.Is(err, ErrKey) || key != nil {
			t.Errorf("%s: %v, %v", name, key, err)
		}
	}
}

func TestBase58(t *testing.T) {
	for text, data := range map[string]string{ // draft-msporny-base58, section 5
		"2NEpo7TZRRrLZSi2U": "Hello World!",
		"USm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z": "The quick brown fox jumps over the lazy dog.",
		"11233QC4": "\x00\x00\x28\x7f\xb4\xcd",
		"":         "",
	} {
		if got := encodeBase58([]byte(data)); got != text {
			t.Errorf("%q: %s", data, got)
		}
		if got, ok := decodeBase58(text); !ok || string(got) != data {
			t.Errorf("%s: %q", text, got)
		}
	}
}
