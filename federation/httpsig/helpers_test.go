package httpsig

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	testKeyID = "https://remote.example/users/eve#main-key"
	testBody  = `{"type":"Create","id":"https://remote.example/1"}`
)

var testNow = time.Date(2026, 11, 22, 20, 50, 0, 0, time.UTC)

// Two RSA keys for all tests of the package, since making one takes a while.
var (
	rsaKey   = sync.OnceValue(func() *rsa.PrivateKey { return mustRSA(2048) })
	otherKey = sync.OnceValue(func() *rsa.PrivateKey { return mustRSA(2048) })
	edKey    = sync.OnceValue(func() ed25519.PrivateKey {
		return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	})
)

func mustRSA(bits int) *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return key
}

func testOptions() Options { return Options{Hosts: []string{"social.example"}, Now: testNow} }

func newRequest(t testing.TB, method, url string, body []byte) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// arrive gives a request that was sent as a server behind a proxy sees it: origin-form, no scheme, Host apart.
func arrive(sent *http.Request) *http.Request {
	r := sent.Clone(sent.Context())
	r.Host = sent.Host
	if r.Host == "" {
		r.Host = sent.URL.Host
	}
	r.RequestURI = sent.URL.RequestURI()
	r.URL = &url.URL{Path: sent.URL.Path, RawPath: sent.URL.RawPath, RawQuery: sent.URL.RawQuery}
	return r
}

// attempt is one request on its way in: what the sender signs, how, and what we make of it. Tests take a good one and
// change one thing. Unlike Sign, it signs whatever it is told to.
type attempt struct {
	req       *http.Request // as sent
	body      []byte
	scheme    Scheme
	covered   []string
	algorithm string
	params    string // added behind the others, for Cavage: `,created=1`; for RFC 9421: `;nonce="x"`
	created   int64  // 0: none
	keyID     string
	private   crypto.Signer
	public    crypto.PublicKey // what the signature is verified with
	options   Options
}

func newAttempt(t testing.TB, scheme Scheme, method string) *attempt {
	t.Helper()
	a := &attempt{
		scheme: scheme, keyID: testKeyID, private: rsaKey(), public: &rsaKey().PublicKey, options: testOptions(),
	}
	if method == http.MethodPost {
		a.body = []byte(testBody)
	}
	a.req = newRequest(t, method, "https://social.example/users/owl/inbox", a.body)
	a.req.Header.Set("Date", testNow.Format(http.TimeFormat))
	if scheme == Cavage {
		a.covered = []string{"(request-target)", "host", "date"}
		a.algorithm = "rsa-sha256"
		if a.body != nil {
			a.req.Header.Set("Digest", digestField(a.body))
			a.cover("digest")
		}
		return a
	}
	a.covered = []string{"@method", "@target-uri"}
	a.algorithm = "rsa-v1_5-sha256"
	a.created = testNow.Unix()
	if a.body != nil {
		a.req.Header.Set("Content-Digest", contentDigestField(a.body))
		a.cover("content-digest")
	}
	return a
}

func (a *attempt) cover(names ...string) { a.covered = append(a.covered, names...) }

func (a *attempt) uncover(name string) {
	var rest []string
	for _, c := range a.covered {
		if c != name {
			rest = append(rest, c)
		}
	}
	a.covered = rest
}

// sign signs the request in whatever state it is.
func (a *attempt) sign(t testing.TB) {
	t.Helper()
	m, err := outgoing(a.req, a.body)
	if err != nil {
		t.Fatal(err)
	}
	key := Key{ID: a.keyID, Private: a.private}
	if a.scheme == Cavage {
		p, err := parseCavageParams(`keyId="x"` + a.params)
		if err != nil {
			t.Fatal(err)
		}
		base, err := cavageBase(m, p, a.covered, m.target)
		if err != nil {
			t.Fatal(err)
		}
		a.req.Header.Set("Signature", `keyId="`+a.keyID+`",algorithm="`+a.algorithm+`",headers="`+
			strings.Join(a.covered, " ")+`",signature="`+a.value(t, key, base)+`"`+a.params)
		return
	}
	in := input{components: a.covered, params: a.inputParams()}
	base, err := in.base(m)
	if err != nil {
		t.Fatal(err)
	}
	a.req.Header.Add("Signature-Input", "sig1="+in.params)
	a.req.Header.Add("Signature", "sig1=:"+a.value(t, key, base)+":")
}

func (a *attempt) inputParams() string {
	params := "()"
	if len(a.covered) > 0 {
		params = `("` + strings.Join(a.covered, `" "`) + `")`
	}
	if a.created != 0 {
		params += ";created=" + itoa(a.created)
	}
	params += `;keyid="` + a.keyID + `"`
	if a.algorithm != "" {
		params += `;alg="` + a.algorithm + `"`
	}
	return params + a.params
}

func (a *attempt) value(t testing.TB, key Key, base string) string {
	t.Helper()
	value, err := key.sign(base)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(value)
}

// check does what a server does with it.
func (a *attempt) check() (*Signature, error) {
	s, err := Parse(arrive(a.req), a.body, a.options)
	if err != nil {
		return nil, err
	}
	return s, s.Verify(a.public)
}

// edit changes a header of the signed request by a replacement that has to take place.
func (a *attempt) edit(t testing.TB, name, old, new string) {
	t.Helper()
	value := a.req.Header.Get(name)
	if !strings.Contains(value, old) {
		t.Fatalf("%s has no %q: %s", name, old, value)
	}
	a.req.Header.Set(name, strings.Replace(value, old, new, 1))
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func base64Text(data []byte) string { return base64.StdEncoding.EncodeToString(data) }
