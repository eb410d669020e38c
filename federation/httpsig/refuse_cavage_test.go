package httpsig

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

// refusal starts from a request that is accepted, breaks one thing before or after it is signed, and says why it has
// to be refused.
type refusal struct {
	name   string
	method string // empty: POST
	before func(a *attempt)
	after  func(t *testing.T, a *attempt)
	why    string // part of the error
	is     error  // nil: ErrInvalid
}

func (row refusal) run(t *testing.T, scheme Scheme) {
	method := row.method
	if method == "" {
		method = http.MethodPost
	}
	good := newAttempt(t, scheme, method)
	good.sign(t)
	if _, err := good.check(); err != nil {
		t.Fatalf("unbroken: %v", err)
	}
	a := newAttempt(t, scheme, method)
	if row.before != nil {
		row.before(a)
	}
	a.sign(t)
	if row.after != nil {
		row.after(t, a)
	}
	_, err := a.check()
	is := row.is
	if is == nil {
		is = ErrInvalid
	}
	if !errors.Is(err, is) || !strings.Contains(err.Error(), row.why) {
		t.Errorf("got %v, want %q", err, row.why)
	}
	for _, secret := range []string{"/eve", "remote.example", "owl", "social.example"} {
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("error tells %q: %v", secret, err)
		}
	}
}

func date(a *attempt, at time.Time) { a.req.Header.Set("Date", at.UTC().Format(http.TimeFormat)) }

// created makes a Cavage attempt rest on (created) instead of Date.
func created(a *attempt, at time.Time) {
	a.uncover("date")
	a.req.Header.Del("Date")
	a.cover("(created)")
	a.algorithm = "hs2019"
	a.params = ",created=" + itoa(at.Unix())
}

func TestCavageRefusals(t *testing.T) {
	for _, row := range []refusal{
		{name: "target not covered", before: func(a *attempt) { a.uncover("(request-target)") }, why: "(request-target) not"},
		{name: "host not covered", before: func(a *attempt) { a.uncover("host") }, why: "host not covered"},
		{name: "date not covered", before: func(a *attempt) { a.uncover("date") }, why: "no time covered"},
		{name: "digest not covered", before: func(a *attempt) { a.uncover("digest") }, why: "digest not covered"},
		{name: "digest not covered, empty body", before: func(a *attempt) { a.uncover("digest"); a.body = nil },
			why: "digest not covered"},
		{name: "digest not covered, get with body", method: "GET",
			after: func(t *testing.T, a *attempt) { a.body = []byte(testBody) }, why: "digest not covered"},
		{name: "only date covered", before: func(a *attempt) { a.covered = []string{"date"} }, why: "(request-target) not"},
		{name: "no list of headers", before: func(a *attempt) { a.covered = []string{"date"} },
			after: func(t *testing.T, a *attempt) { a.edit(t, "Signature", `headers="date",`, "") }, why: "(request-target) not"},
		{name: "header covered twice", before: func(a *attempt) { a.cover("host") }, why: "twice"},
		{name: "too many headers", before: func(a *attempt) {
			for i := range maxComponents {
				a.req.Header.Set("X-"+itoa(int64(i)), "x")
				a.cover("x-" + itoa(int64(i)))
			}
		}, why: "too many"},
		{name: "covered header gone", before: func(a *attempt) { a.req.Header.Set("X-A", "x"); a.cover("x-a") },
			after: func(t *testing.T, a *attempt) { a.req.Header.Del("X-A") }, why: "not there"},
		{name: "covered header broken into lines", before: func(a *attempt) { a.req.Header.Set("X-A", "x"); a.cover("x-a") },
			after: func(t *testing.T, a *attempt) { a.req.Header.Set("X-A", "x\nhost: evil.example") }, why: "not there"},

		{name: "body altered", after: func(t *testing.T, a *attempt) { a.body[3] ^= 1 }, why: "does not match the body"},
		{name: "body dropped", after: func(t *testing.T, a *attempt) { a.body = nil }, why: "does not match the body"},
		{name: "digest of another body", before: func(a *attempt) { a.req.Header.Set("Digest", digestField([]byte("x"))) },
			why: "does not match the body"},
		{name: "digest gone", after: func(t *testing.T, a *attempt) { a.req.Header.Del("Digest") }, why: "not one digest"},
		{name: "digest of no known kind", before: func(a *attempt) { a.req.Header.Set("Digest", "MD5=xxxx,CRC32=1") },
			why: "no known digest"},
		{name: "digest not base64", before: func(a *attempt) { a.req.Header.Set("Digest", "SHA-256=!!") }, why: "does not match"},
		{name: "digest with something behind", before: func(a *attempt) {
			a.req.Header.Set("Digest", digestField(a.body)+"!")
		}, why: "does not match the body"},
		{name: "second digest wrong", before: func(a *attempt) {
			a.req.Header.Set("Digest", digestField(a.body)+",SHA-512=AAAA")
		}, why: "does not match the body"},
		{name: "same digest twice", before: func(a *attempt) {
			a.req.Header.Set("Digest", digestField(a.body)+", "+digestField(a.body))
		}, why: "does not match the body"},
		{name: "signed digest wrong, unsigned digest line right",
			before: func(a *attempt) { a.req.Header.Set("Digest", digestField([]byte("x"))) },
			after:  func(t *testing.T, a *attempt) { a.req.Header.Add("Digest", digestField(a.body)) }, why: "not one digest"},
		{name: "signed digest wrong, unsigned content-digest right", before: func(a *attempt) {
			a.req.Header.Set("Digest", digestField([]byte("x")))
			a.req.Header.Set("Content-Digest", contentDigestField(a.body))
		}, why: "does not match the body"},
		{name: "only content-digest covered", before: func(a *attempt) {
			a.req.Header.Set("Content-Digest", contentDigestField(a.body))
			a.uncover("digest")
			a.cover("content-digest")
		}, why: "digest not covered"},
		{name: "digest covered on a get", method: "GET", before: func(a *attempt) {
			a.req.Header.Set("Digest", digestField([]byte("x")))
			a.cover("digest")
		}, why: "does not match the body"},

		{name: "date 13 h old", before: func(a *attempt) { date(a, testNow.Add(-13*time.Hour)) }, why: "too long ago"},
		{name: "date 2 h old", before: func(a *attempt) { date(a, testNow.Add(-2*time.Hour)) }, why: "too long ago"},
		{name: "date 1 h 1 s old", before: func(a *attempt) { date(a, testNow.Add(-time.Hour-time.Second)) }, why: "too long ago"},
		{name: "date 2 h ahead", before: func(a *attempt) { date(a, testNow.Add(2*time.Hour)) }, why: "in the future"},
		{name: "date 5 min 1 s ahead", before: func(a *attempt) { date(a, testNow.Add(5*time.Minute+time.Second)) },
			why: "in the future"},
		{name: "date garbage", before: func(a *attempt) { a.req.Header.Set("Date", "yesterday") }, why: "date does not parse"},
		{name: "date gone", after: func(t *testing.T, a *attempt) { a.req.Header.Del("Date") }, why: "not one date"},
		{name: "two dates", after: func(t *testing.T, a *attempt) { a.req.Header.Add("Date", "now") }, why: "not one date"},
		{name: "date replaced", after: func(t *testing.T, a *attempt) { date(a, testNow.Add(time.Second)) }, why: "does not verify"},
		{name: "no time of arrival", before: func(a *attempt) { a.options.Now = time.Time{} }, why: "in the future"},
		{name: "shorter window", before: func(a *attempt) {
			a.options.MaxAge = time.Minute
			date(a, testNow.Add(-2*time.Minute))
		}, why: "too long ago"},

		{name: "created 2 h old", before: func(a *attempt) { created(a, testNow.Add(-2*time.Hour)) }, why: "too long ago"},
		{name: "created 2 h ahead", before: func(a *attempt) { created(a, testNow.Add(2*time.Hour)) }, why: "in the future"},
		{name: "created not covered and old", before: func(a *attempt) {
			a.params = ",created=" + itoa(testNow.Add(-2*time.Hour).Unix())
		}, why: "too long ago"},
		{name: "created not covered, in place of date", before: func(a *attempt) {
			created(a, testNow)
			a.uncover("(created)")
		}, why: "no time covered"},
		{name: "created fresh, date old", before: func(a *attempt) {
			created(a, testNow)
			date(a, testNow.Add(-2*time.Hour))
			a.cover("date")
		}, why: "too long ago"},
		{name: "created covered but gone", before: func(a *attempt) { created(a, testNow); a.cover("date"); date(a, testNow) },
			after: func(t *testing.T, a *attempt) { a.edit(t, "Signature", a.params, "") }, why: "not there"},
		{name: "created not a number", before: func(a *attempt) { a.params = `,created="soon"` }, why: "does not parse"},
		{name: "created too long", before: func(a *attempt) { a.params = `,created=9999999999999` }, why: "does not parse"},
		{name: "created with rsa-sha256", before: func(a *attempt) { created(a, testNow); a.algorithm = "rsa-sha256" },
			why: "forbids it"},
		{name: "expired", before: func(a *attempt) {
			created(a, testNow.Add(-time.Minute))
			a.cover("(expires)")
			a.params += ",expires=" + itoa(testNow.Unix()-1)
		}, why: "expired"},
		{name: "expired, not covered", before: func(a *attempt) { a.params = ",expires=" + itoa(testNow.Unix()-1) },
			why: "expired"},
		{name: "expires not a number", before: func(a *attempt) { a.params = `,expires="never"` }, why: "does not parse"},

		{name: "another host", before: func(a *attempt) { a.req.Host = "other.example" }, why: "host is not ours"},
		{name: "host replaced", after: func(t *testing.T, a *attempt) {
			a.req.Host = "other.example"
			a.options.Hosts = append(a.options.Hosts, "other.example")
		}, why: "does not verify"},
		{name: "another port", before: func(a *attempt) { a.req.Host = "social.example:8443" }, why: "host is not ours"},
		{name: "plain port of https", before: func(a *attempt) { a.req.Host = "social.example:80" }, why: "host is not ours"},
		{name: "trailing dot", before: func(a *attempt) { a.req.Host = "social.example." }, why: "host is not ours"},
		{name: "no hosts", before: func(a *attempt) { a.options.Hosts = nil }, why: "host is not ours"},
		{name: "empty host", before: func(a *attempt) { a.options.Hosts = []string{""} },
			after: func(t *testing.T, a *attempt) { a.req.Host, a.req.URL.Host = "", "" }, why: "host is not ours"},

		{name: "method replaced", after: func(t *testing.T, a *attempt) { a.req.Method = "PUT" }, why: "does not verify"},
		{name: "path replaced", after: func(t *testing.T, a *attempt) { a.req.URL.Path = "/users/owl/outbox" },
			why: "does not verify"},
		{name: "query added to a post", after: func(t *testing.T, a *attempt) { a.req.URL.RawQuery = "a=1" },
			why: "does not verify"},
		{name: "query replaced", method: "GET", before: func(a *attempt) { a.req.URL.RawQuery = "page=1" },
			after: func(t *testing.T, a *attempt) { a.req.URL.RawQuery = "page=2" }, why: "does not verify"},
		{name: "target not a path", method: "GET",
			after: func(t *testing.T, a *attempt) { a.req.URL.Path = "*" }, why: "target is not a path"},

		{name: "signature in authorization", after: func(t *testing.T, a *attempt) {
			a.req.Header.Set("Authorization", "Signature "+a.req.Header.Get("Signature"))
			a.req.Header.Del("Signature")
		}, why: "Authorization"},
		{name: "signature in both", after: func(t *testing.T, a *attempt) {
			a.req.Header.Set("Authorization", "signature "+a.req.Header.Get("Signature"))
		}, why: "Authorization"},
		{name: "no signature", after: func(t *testing.T, a *attempt) { a.req.Header.Del("Signature") },
			is: ErrMissing, why: "not signed"},
		{name: "two signatures", after: func(t *testing.T, a *attempt) {
			a.req.Header.Add("Signature", a.req.Header.Get("Signature"))
		}, why: "several signature headers"},
		{name: "empty signature header", after: func(t *testing.T, a *attempt) { a.req.Header.Set("Signature", "") },
			why: "do not parse"},
		{name: "scheme before the parameters", after: func(t *testing.T, a *attempt) {
			a.edit(t, "Signature", "keyId", "Signature keyId")
		}, why: "do not parse"},
		{name: "trailing comma", after: func(t *testing.T, a *attempt) {
			a.req.Header.Set("Signature", a.req.Header.Get("Signature")+",")
		}, why: "do not parse"},
		{name: "no comma", after: func(t *testing.T, a *attempt) { a.edit(t, "Signature", `",alg`, `" alg`) },
			why: "do not parse"},
		{name: "escape", after: func(t *testing.T, a *attempt) { a.edit(t, "Signature", `/eve`, `/\eve`) },
			why: "do not parse"},
		{name: "key id twice", after: func(t *testing.T, a *attempt) {
			a.edit(t, "Signature", "keyId", `keyId="https://v.example/k",keyId`)
		}, why: "given twice"},
		{name: "key id twice, in another case", after: func(t *testing.T, a *attempt) {
			a.edit(t, "Signature", "keyId", `keyid="https://v.example/k",keyId`)
		}, why: "given twice"},
		{name: "unknown parameter twice", before: func(a *attempt) { a.params = `,opaque="a"` },
			after: func(t *testing.T, a *attempt) { a.edit(t, "Signature", "keyId", `opaque="b",keyId`) }, why: "given twice"},
		{name: "too many parameters", after: func(t *testing.T, a *attempt) {
			for i := range maxParams {
				a.edit(t, "Signature", "keyId", "x"+itoa(int64(i))+"=1,keyId")
			}
		}, why: "too many"},
		{name: "no key id", after: func(t *testing.T, a *attempt) { a.edit(t, "Signature", "keyId", "key") }, why: "no usable key id"},
		{name: "key id with a space", before: func(a *attempt) { a.keyID = "a b" }, why: "no usable key id"},
		{name: "key id too long", before: func(a *attempt) { a.keyID = strings.Repeat("x", maxKeyID+1) },
			why: "no usable key id"},
		{name: "header too long", before: func(a *attempt) { a.params = `,opaque="` + strings.Repeat("x", maxHeader) + `"` },
			why: "too long"},

		{name: "unknown algorithm", before: func(a *attempt) { a.algorithm = "rsa-sha1" }, why: "unknown algorithm"},
		{name: "symmetric algorithm", before: func(a *attempt) { a.algorithm = "hmac-sha256" }, why: "unknown algorithm"},
		{name: "ed25519 with an rsa key", before: func(a *attempt) { a.algorithm = "ed25519" }, why: "not one of the key's"},
		{name: "rsa with an ed25519 key", before: func(a *attempt) {
			a.private, a.public = edKey(), edKey().Public()
		}, why: "not one of the key's"},
		{name: "another hash", before: func(a *attempt) { a.algorithm = "rsa-sha512" }, why: "does not verify"},
		{name: "another key", before: func(a *attempt) { a.public = &otherKey().PublicKey }, why: "does not verify"},
		{name: "another kind of key", before: func(a *attempt) { a.algorithm, a.public = "hs2019", edKey().Public() },
			why: "does not verify"},
		{name: "short key", before: func(a *attempt) {
			short := mustRSA(1024)
			a.private, a.public = short, &short.PublicKey
		}, is: ErrKey, why: "size out of bounds"},
		{name: "no key", before: func(a *attempt) { a.public = nil }, is: ErrKey, why: "neither rsa nor ed25519"},
		{name: "signature altered", after: func(t *testing.T, a *attempt) {
			a.edit(t, "Signature", `signature="`, `signature="AAAA`)
		}, why: "does not verify"},
		{name: "signature not base64", after: func(t *testing.T, a *attempt) {
			a.edit(t, "Signature", `=="`, `==!"`)
		}, why: "not base64"},
		{name: "signature empty", after: func(t *testing.T, a *attempt) {
			value := a.req.Header.Get("Signature")
			a.req.Header.Set("Signature", value[:strings.Index(value, `signature="`)]+`signature=""`)
		}, why: "not base64"},
	} {
		t.Run(row.name, func(t *testing.T) { row.run(t, Cavage) })
	}
}
