package httpsig

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Scheme is a way to sign a request. The zero value is none.
type Scheme uint8

const (
	// Cavage is draft-cavage-http-signatures-12: understood by every ActivityPub server.
	Cavage Scheme = iota + 1
	// RFC9421 is HTTP Message Signatures: Mastodon since 4.5, the Fedify family, Mitra.
	RFC9421
)

// String gives the name by which a scheme is stored and logged.
func (s Scheme) String() string {
	switch s {
	case Cavage:
		return "cavage"
	case RFC9421:
		return "rfc9421"
	}
	return "none"
}

// Bounds on what a stranger can make Parse work on.
const (
	maxHeader     = 8 << 10 // bytes of one signature header, all its lines together
	maxKeyID      = 2 << 10 // bytes
	maxParams     = 16      // of one Cavage signature
	maxComponents = 32      // covered by one signature
	maxSignatures = 8       // in one Signature-Input
)

// The defaults of Options.
const (
	DefaultMaxAge  = time.Hour
	DefaultMaxSkew = 5 * time.Minute
)

var (
	// ErrMissing says that the request carries no signature at all.
	ErrMissing = errors.New("request is not signed")
	// ErrInvalid wraps every reason to refuse a signature. The text after it is ours alone: no part of the request
	// is in it, so it may be logged.
	ErrInvalid = errors.New("signature refused")
)

// refuse gives ErrInvalid with a reason.
func refuse(reason string) error { return fmt.Errorf("%w: %s", ErrInvalid, reason) }

// Options say which requests Parse accepts. The zero value accepts none.
type Options struct {
	// Hosts are the authorities that are ours, "example.org" or, in trials, "127.0.0.1:8080". Case and the scheme's
	// default port do not matter. A request for any other is refused; with no Hosts, every request is.
	Hosts []string
	// Scheme is "https" (also when empty) or "http", as the world outside writes our URLs. A server behind a proxy sees
	// origin-form targets and no TLS, so it cannot be taken from the request.
	Scheme string
	// Now is the time of arrival. It has to be given.
	Now time.Time
	// MaxAge is how old the signed time may be; 0 is DefaultMaxAge.
	MaxAge time.Duration
	// MaxSkew is how far ahead of Now the signed time may be; 0 is DefaultMaxSkew.
	MaxSkew time.Duration
}

// Signature is a request's signature of which all but the cryptography has been checked. Until Verify returns nil
// for a key that the caller has found to belong to KeyID, it says nothing about who sent the request.
type Signature struct {
	// KeyID names the key: 1 to 2,048 printable ASCII characters chosen by the sender.
	KeyID string
	// Scheme is the one the request was signed by.
	Scheme Scheme
	// SignedAt is the time the signature covers; the earlier one where it covers two.
	SignedAt time.Time

	algorithm algorithm
	bases     []string // what may have been signed: more than one only for a (request-target) with a query
	value     []byte
}

// Parse finds the request's signature and checks everything but the cryptography: what it covers, the digest against
// body, the host, the time. The body is the whole one, nil or empty if there is none. See the package comment for
// the rules. The errors are ErrMissing and, wrapped with the reason, ErrInvalid.
func Parse(r *http.Request, body []byte, o Options) (*Signature, error) {
	for _, line := range r.Header.Values("Authorization") {
		if scheme, _, _ := strings.Cut(strings.TrimSpace(line), " "); strings.EqualFold(scheme, "Signature") {
			return nil, refuse("signature in Authorization")
		}
	}
	if !Present(r) {
		return nil, ErrMissing
	}
	signatures, inputs := r.Header.Values("Signature"), r.Header.Values("Signature-Input")
	m, err := received(r, body, o)
	if err != nil {
		return nil, err
	}
	if len(inputs) > 0 {
		return parseRFC9421(m, inputs, signatures, o)
	}
	return parseCavage(m, signatures, o)
}

// Present reports whether a request says that it is signed: if not, Parse returns ErrMissing, or refuses a signature elsewhere.
func Present(r *http.Request) bool {
	return len(r.Header.Values("Signature"))+len(r.Header.Values("Signature-Input")) > 0
}

// validKeyID reports whether a key id can be written into, and compared after, either scheme without escapes.
func validKeyID(id string) bool {
	if id == "" || len(id) > maxKeyID {
		return false
	}
	for i := range len(id) {
		if c := id[i]; c <= ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// hasDuplicate reports whether a list of what is covered names something twice.
func hasDuplicate(names []string) bool {
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return true
		}
	}
	return false
}
