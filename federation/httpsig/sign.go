package httpsig

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Key is what Sign signs with.
type Key struct {
	// ID is the URL of the public key, as the actor document gives it.
	ID string
	// Private holds an RSA key of 2,048 to 8,192 bits or an Ed25519 key.
	Private crypto.Signer
}

// ourLabel names our signature in Signature-Input.
const ourLabel = "sig1"

// Sign adds a signature to a request that is ready to be sent: method, URL and, if it differs, Host must be final, and
// body must be exactly the bytes that go out, nil for none. What an earlier Sign added is removed first, so one request
// can be signed again by the other scheme. On an error the request must not be sent.
//
// Cavage covers (request-target), host, date and, with a body, digest. It sets Date to now; the algorithm is
// "rsa-sha256", or "hs2019" for an Ed25519 key. RFC9421 covers @method, @target-uri and, with a body, content-digest; the
// time is its created parameter, the algorithm rsa-v1_5-sha256 or ed25519. A request other than GET and HEAD gets a
// digest of the empty body if it has none.
func Sign(req *http.Request, body []byte, key Key, scheme Scheme, now time.Time) error {
	if !validKeyID(key.ID) {
		return refuseKey("no usable key id")
	}
	if key.Private == nil {
		return refuseKey("no private key")
	}
	if err := checkKey(key.Private.Public()); err != nil {
		return err
	}
	m, err := outgoing(req, body)
	if err != nil {
		return fmt.Errorf("sign request: %w", err)
	}
	if req.Header == nil {
		req.Header = http.Header{}
		m.header = req.Header
	}
	for _, name := range []string{"Signature", "Signature-Input", "Digest", "Content-Digest", "Date"} {
		req.Header.Del(name)
	}
	switch scheme {
	case Cavage:
		return key.signCavage(m, now)
	case RFC9421:
		return key.signRFC9421(m, now)
	}
	return errors.New("sign request: no such scheme")
}

func (k Key) signCavage(m *message, now time.Time) error {
	m.header.Set("Date", now.UTC().Format(http.TimeFormat))
	covered := []string{"(request-target)", "host", "date"}
	if m.body != nil || m.needsDigest() {
		m.header.Set("Digest", digestField(m.body))
		covered = append(covered, "digest")
	}
	base, err := cavageBase(m, cavageParams{}, covered, m.target)
	if err != nil {
		return err
	}
	value, err := k.sign(base)
	if err != nil {
		return err
	}
	algorithm := "rsa-sha256"
	if _, ok := k.Private.Public().(ed25519.PublicKey); ok {
		algorithm = "hs2019"
	}
	m.header.Set("Signature", `keyId="`+k.ID+`",algorithm="`+algorithm+`",headers="`+strings.Join(covered, " ")+
		`",signature="`+base64.StdEncoding.EncodeToString(value)+`"`)
	return nil
}

func (k Key) signRFC9421(m *message, now time.Time) error {
	in := input{components: []string{"@method", "@target-uri"}}
	if m.body != nil || m.needsDigest() {
		m.header.Set("Content-Digest", contentDigestField(m.body))
		in.components = append(in.components, "content-digest")
	}
	algorithm := "rsa-v1_5-sha256"
	if _, ok := k.Private.Public().(ed25519.PublicKey); ok {
		algorithm = "ed25519"
	}
	// The key id has no quote or backslash, so this is the serialisation of RFC 8941.
	in.params = `("` + strings.Join(in.components, `" "`) + `");created=` + strconv.FormatInt(now.Unix(), 10) +
		`;keyid="` + k.ID + `";alg="` + algorithm + `"`
	base, err := in.base(m)
	if err != nil {
		return err
	}
	value, err := k.sign(base)
	if err != nil {
		return err
	}
	m.header.Set("Signature-Input", ourLabel+"="+in.params)
	m.header.Set("Signature", ourLabel+"=:"+base64.StdEncoding.EncodeToString(value)+":")
	return nil
}

// sign gives an RSASSA-PKCS1-v1_5 signature over SHA-256, or an Ed25519 one.
func (k Key) sign(base string) ([]byte, error) {
	message, hash := []byte(base), crypto.Hash(0)
	if _, ok := k.Private.Public().(*rsa.PublicKey); ok {
		sum := sha256.Sum256(message)
		message, hash = sum[:], crypto.SHA256
	}
	value, err := k.Private.Sign(rand.Reader, message, hash)
	if err != nil {
		return nil, fmt.Errorf("sign request: %w", err)
	}
	return value, nil
}
