package httpsig

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"strings"

	"github.com/dunglas/httpsfv"
)

// sum computes a digest by the name that the registries give its algorithm, in lower case; ok is false for one that is
// not known, or not good enough.
func sum(algorithm string, body []byte) (digest []byte, ok bool) {
	switch algorithm {
	case "sha-256":
		d := sha256.Sum256(body)
		return d[:], true
	case "sha-512":
		d := sha512.Sum512(body)
		return d[:], true
	}
	return nil, false
}

// checkDigest computes the digests of a Digest field again (RFC 3230, RFC 5843: "SHA-256=base64", several separated by
// commas, names without case). Each one known has to be right and there once; at least one has to be known.
func (m *message) checkDigest() error {
	value, ok := m.single("digest")
	if !ok {
		return refuse("not one digest")
	}
	seen := map[string]bool{}
	for entry := range strings.SplitSeq(value, ",") {
		name, encoded, _ := strings.Cut(strings.TrimSpace(entry), "=")
		name = strings.ToLower(name)
		want, known := sum(name, m.body)
		if !known {
			continue
		}
		got, err := base64.StdEncoding.Strict().DecodeString(encoded)
		if err != nil || seen[name] || !bytes.Equal(got, want) {
			return refuse("digest does not match the body")
		}
		seen[name] = true
	}
	if len(seen) == 0 {
		return refuse("no known digest")
	}
	return nil
}

// checkContentDigest does the same for a Content-Digest field (RFC 9530, section 2).
func (m *message) checkContentDigest() error {
	value, ok := m.single("content-digest")
	if !ok {
		return refuse("not one content-digest")
	}
	dictionary, err := parseDictionary([]string{value})
	if err != nil {
		return err
	}
	known := false
	for _, name := range dictionary.Names() {
		want, ok := sum(name, m.body)
		if !ok {
			continue
		}
		member, _ := dictionary.Get(name)
		item, _ := member.(httpsfv.Item)
		got, _ := item.Value.([]byte)
		if !bytes.Equal(got, want) {
			return refuse("content-digest does not match the body")
		}
		known = true
	}
	if !known {
		return refuse("no known content-digest")
	}
	return nil
}

// digestField and contentDigestField are what Sign sends. Threads wants the name in upper case.
func digestField(body []byte) string {
	d := sha256.Sum256(body)
	return "SHA-256=" + base64.StdEncoding.EncodeToString(d[:])
}

func contentDigestField(body []byte) string {
	d := sha256.Sum256(body)
	return "sha-256=:" + base64.StdEncoding.EncodeToString(d[:]) + ":"
}
