package httpsig

import (
	"strings"
	"testing"
	"time"
)

func at(a *attempt, t time.Time) { a.created = t.Unix() }

// authority makes an attempt rest on @authority and @path instead of @target-uri.
func authority(a *attempt) {
	a.uncover("@target-uri")
	a.cover("@authority", "@path")
}

func TestRFC9421Refusals(t *testing.T) {
	for _, row := range []refusal{
		{name: "method not covered", before: func(a *attempt) { a.uncover("@method") }, why: "@method not covered"},
		{name: "target not covered", before: func(a *attempt) { a.uncover("@target-uri") }, why: "@authority not covered"},
		{name: "authority without path", before: func(a *attempt) { authority(a); a.uncover("@path") },
			why: "@target-uri not covered"},
		{name: "path without authority", before: func(a *attempt) { authority(a); a.uncover("@authority") },
			why: "@authority not covered"},
		{name: "path without query", method: "GET", before: func(a *attempt) { authority(a); a.req.URL.RawQuery = "page=1" },
			why: "@target-uri not covered"},
		{name: "digest not covered", before: func(a *attempt) { a.uncover("content-digest") }, why: "content-digest not covered"},
		{name: "digest not covered, get with body", method: "GET",
			after: func(t *testing.T, a *attempt) { a.body = []byte(testBody) }, why: "content-digest not covered"},
		{name: "the other digest covered", before: func(a *attempt) {
			a.req.Header.Set("Digest", digestField(a.body))
			a.uncover("content-digest")
			a.cover("digest")
		}, why: "content-digest not covered"},
		{name: "no time", before: func(a *attempt) { a.created = 0 }, why: "no time covered"},
		{name: "component twice", before: func(a *attempt) { a.cover("@method") }, why: "twice"},
		{name: "too many components", before: func(a *attempt) {
			for i := range maxComponents {
				a.req.Header.Set("X-"+itoa(int64(i)), "x")
				a.cover("x-" + itoa(int64(i)))
			}
		}, why: "too many"},
		{name: "component gone", before: func(a *attempt) { a.req.Header.Set("X-A", "x"); a.cover("x-a") },
			after: func(t *testing.T, a *attempt) { a.req.Header.Del("X-A") }, why: "not there"},
		{name: "component of no kind", after: func(t *testing.T, a *attempt) {
			a.req.Header["@status"] = []string{"200"}
			a.edit(t, "Signature-Input", `"@method"`, `"@method" "@status"`)
		}, why: "not there"},
		{name: "component parameter", after: func(t *testing.T, a *attempt) {
			a.edit(t, "Signature-Input", `"content-digest"`, `"content-digest";key="sha-256"`)
		}, why: "not known"},
		{name: "component in upper case", after: func(t *testing.T, a *attempt) {
			a.edit(t, "Signature-Input", `"@method"`, `"@Method"`)
		}, why: "not known"},
		{name: "component not a string", after: func(t *testing.T, a *attempt) {
			a.edit(t, "Signature-Input", `"@method"`, `method`)
		}, why: "not known"},

		{name: "body altered", after: func(t *testing.T, a *attempt) { a.body[3] ^= 1 }, why: "does not match the body"},
		{name: "body dropped", after: func(t *testing.T, a *attempt) { a.body = nil }, why: "does not match the body"},
		{name: "digest of another body", before: func(a *attempt) {
			a.req.Header.Set("Content-Digest", contentDigestField([]byte("x")))
		}, why: "does not match the body"},
		{name: "digest gone", after: func(t *testing.T, a *attempt) { a.req.Header.Del("Content-Digest") },
			why: "not one content-digest"},
		{name: "digest of no known kind", before: func(a *attempt) { a.req.Header.Set("Content-Digest", "md5=:xxxx:") },
			why: "no known content-digest"},
		{name: "digest not binary", before: func(a *attempt) { a.req.Header.Set("Content-Digest", `sha-256="x"`) },
			why: "does not match the body"},
		{name: "digest not a dictionary", before: func(a *attempt) { a.req.Header.Set("Content-Digest", `!`) },
			why: "does not parse"},
		{name: "second digest wrong", before: func(a *attempt) {
			a.req.Header.Set("Content-Digest", contentDigestField(a.body)+", sha-512=:AAAA:")
		}, why: "does not match the body"},
		{name: "same digest twice", before: func(a *attempt) {
			a.req.Header.Set("Content-Digest", "sha-256=:AAAA:, "+contentDigestField(a.body))
		}, why: "key twice"},
		{name: "signed digest wrong, unsigned line right", before: func(a *attempt) {
			a.req.Header.Set("Content-Digest", contentDigestField([]byte("x")))
		}, after: func(t *testing.T, a *attempt) {
			a.req.Header.Add("Content-Digest", contentDigestField(a.body))
		}, why: "not one content-digest"},
		{name: "signed content-digest wrong, unsigned digest right", before: func(a *attempt) {
			a.req.Header.Set("Content-Digest", contentDigestField([]byte("x")))
			a.req.Header.Set("Digest", digestField(a.body))
		}, why: "does not match the body"},

		{name: "created 13 h old", before: func(a *attempt) { at(a, testNow.Add(-13*time.Hour)) }, why: "too long ago"},
		{name: "created 2 h old", before: func(a *attempt) { at(a, testNow.Add(-2*time.Hour)) }, why: "too long ago"},
		{name: "created 2 h ahead", before: func(a *attempt) { at(a, testNow.Add(2*time.Hour)) }, why: "in the future"},
		{name: "created not a number", before: func(a *attempt) { a.created = 0; a.params = `;created="now"` },
			why: "wrong type"},
		{name: "created replaced", after: func(t *testing.T, a *attempt) {
			a.edit(t, "Signature-Input", itoa(a.created), itoa(a.created+1))
		}, why: "does not verify"},
		{name: "expired", before: func(a *attempt) { a.params = ";expires=" + itoa(testNow.Unix()-1) }, why: "expired"},
		{name: "expires not a number", before: func(a *attempt) { a.params = `;expires="never"` }, why: "wrong type"},
		{name: "date covered and old", before: func(a *attempt) {
			date(a, testNow.Add(-2*time.Hour))
			a.cover("date")
		}, why: "too long ago"},
		{name: "date covered and garbage", before: func(a *attempt) { a.req.Header.Set("Date", "now"); a.cover("date") },
			why: "date does not parse"},
		{name: "date covered, two dates", before: func(a *attempt) { a.cover("date") },
			after: func(t *testing.T, a *attempt) { a.req.Header.Add("Date", "now") }, why: "not one date"},

		{name: "another host", before: func(a *attempt) { a.req.Host = "other.example" }, why: "host is not ours"},
		{name: "host replaced", after: func(t *testing.T, a *attempt) {
			a.req.Host = "other.example"
			a.options.Hosts = append(a.options.Hosts, "other.example")
		}, why: "does not verify"},
		{name: "authority replaced", before: authority, after: func(t *testing.T, a *attempt) {
			a.req.Host = "other.example"
			a.options.Hosts = append(a.options.Hosts, "other.example")
		}, why: "does not verify"},
		{name: "another scheme", before: func(a *attempt) { a.options.Scheme = "http" }, why: "does not verify"},
		{name: "method replaced", after: func(t *testing.T, a *attempt) { a.req.Method = "PUT" }, why: "does not verify"},
		{name: "path replaced", after: func(t *testing.T, a *attempt) { a.req.URL.Path = "/users/owl/outbox" },
			why: "does not verify"},
		{name: "query added", method: "GET", after: func(t *testing.T, a *attempt) { a.req.URL.RawQuery = "a=1" },
			why: "does not verify"},

		{name: "signature in authorization", after: func(t *testing.T, a *attempt) {
			a.req.Header.Set("Authorization", "Signature "+a.req.Header.Get("Signature"))
		}, why: "Authorization"},
		{name: "no signature", after: func(t *testing.T, a *attempt) {
			a.req.Header.Del("Signature")
			a.req.Header.Del("Signature-Input")
		}, is: ErrMissing, why: "not signed"},
		{name: "input without signature", after: func(t *testing.T, a *attempt) { a.req.Header.Del("Signature") },
			why: "no signature for a label"},
		{name: "signature of another label", after: func(t *testing.T, a *attempt) { a.edit(t, "Signature", "sig1", "sig2") },
			why: "no signature for a label"},
		{name: "signature without input", after: func(t *testing.T, a *attempt) { a.req.Header.Del("Signature-Input") },
			why: "do not parse"},
		{name: "empty input", after: func(t *testing.T, a *attempt) { a.req.Header.Set("Signature-Input", "") },
			why: "no signatures"},
		{name: "input not a list", after: func(t *testing.T, a *attempt) { a.req.Header.Set("Signature-Input", "sig1=1") },
			why: "not a list"},
		{name: "label twice", after: func(t *testing.T, a *attempt) {
			value := a.req.Header.Get("Signature-Input")
			a.req.Header.Set("Signature-Input", `sig1=("@method"), `+value)
		}, why: "key twice"},
		{name: "label twice, in two lines", after: func(t *testing.T, a *attempt) {
			a.req.Header.Add("Signature-Input", a.req.Header.Get("Signature-Input"))
		}, why: "key twice"},
		{name: "signature twice", after: func(t *testing.T, a *attempt) {
			a.req.Header.Add("Signature", a.req.Header.Get("Signature"))
		}, why: "key twice"},
		{name: "parameter twice", before: func(a *attempt) { a.params = `;keyid="https://v.example/k"` }, why: "key twice"},
		{name: "too many signatures", after: func(t *testing.T, a *attempt) {
			for i := range maxSignatures {
				a.req.Header.Add("Signature-Input", "x"+itoa(int64(i))+`=("@method")`)
			}
		}, why: "too many"},
		{name: "header too long", before: func(a *attempt) { a.params = `;nonce="` + strings.Repeat("x", maxHeader) + `"` },
			why: "too long"},

		{name: "no key id", after: func(t *testing.T, a *attempt) { a.edit(t, "Signature-Input", "keyid", "key") },
			why: "no usable key id"},
		{name: "key id with a space", before: func(a *attempt) { a.keyID = "a b" }, why: "no usable key id"},
		{name: "key id not a string", after: func(t *testing.T, a *attempt) {
			a.edit(t, "Signature-Input", `keyid="`+testKeyID+`"`, "keyid=1")
		}, why: "wrong type"},
		{name: "unknown algorithm", before: func(a *attempt) { a.algorithm = "rsa-pss-sha512" }, why: "unknown algorithm"},
		{name: "symmetric algorithm", before: func(a *attempt) { a.algorithm = "hmac-sha256" }, why: "unknown algorithm"},
		{name: "empty algorithm", before: func(a *attempt) { a.algorithm, a.params = "", `;alg=""` }, why: "wrong type"},
		{name: "ed25519 with an rsa key", before: func(a *attempt) { a.algorithm = "ed25519" }, why: "not one of the key's"},
		{name: "rsa with an ed25519 key", before: func(a *attempt) {
			a.private, a.public = edKey(), edKey().Public()
		}, why: "not one of the key's"},
		{name: "another key", before: func(a *attempt) { a.public = &otherKey().PublicKey }, why: "does not verify"},
		{name: "short key", before: func(a *attempt) {
			short := mustRSA(1024)
			a.private, a.public = short, &short.PublicKey
		}, is: ErrKey, why: "size out of bounds"},
		{name: "signature altered", after: func(t *testing.T, a *attempt) { a.edit(t, "Signature", ":", ":AAAA") },
			why: "does not verify"},
		{name: "signature empty", after: func(t *testing.T, a *attempt) { a.req.Header.Set("Signature", "sig1=::") },
			why: "no signature for a label"},
		{name: "signature a string", after: func(t *testing.T, a *attempt) { a.req.Header.Set("Signature", `sig1="x"`) },
			why: "no signature for a label"},
	} {
		t.Run(row.name, func(t *testing.T) { row.run(t, RFC9421) })
	}
}
