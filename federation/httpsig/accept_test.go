package httpsig

import (
	"strings"
	"testing"
	"time"
)

// TestAccepted starts from the same requests as the refusals and changes what may differ.
func TestAccepted(t *testing.T) {
	for _, row := range []struct {
		name   string
		scheme Scheme
		method string
		before func(a *attempt)
		after  func(a *attempt)
	}{
		{name: "post", scheme: Cavage, method: "POST"},
		{name: "get", scheme: Cavage, method: "GET"},
		{name: "no algorithm named", scheme: Cavage, method: "POST", before: func(a *attempt) { a.algorithm = "" }},
		{name: "hs2019 with rsa", scheme: Cavage, method: "POST", before: func(a *attempt) { a.algorithm = "hs2019" }},
		{name: "algorithm in upper case", scheme: Cavage, method: "POST", before: func(a *attempt) { a.algorithm = "RSA-SHA256" }},
		{name: "hs2019 with ed25519", scheme: Cavage, method: "POST", before: func(a *attempt) {
			a.algorithm, a.private, a.public = "hs2019", edKey(), edKey().Public()
		}},
		{name: "ed25519 named", scheme: Cavage, method: "POST", before: func(a *attempt) {
			a.algorithm, a.private, a.public = "ed25519", edKey(), edKey().Public()
		}},
		{name: "digest name in lower case", scheme: Cavage, method: "POST", before: func(a *attempt) {
			a.req.Header.Set("Digest", strings.Replace(digestField(a.body), "SHA", "sha", 1))
		}},
		{name: "unknown digest beside", scheme: Cavage, method: "POST", before: func(a *attempt) {
			a.req.Header.Set("Digest", "MD5=xxxx, "+digestField(a.body))
		}},
		{name: "unsigned content-digest wrong", scheme: Cavage, method: "POST", before: func(a *attempt) {
			a.req.Header.Set("Content-Digest", "sha-256=:AAAA:")
		}},
		{name: "header covered in upper case", scheme: Cavage, method: "GET", after: func(a *attempt) {
			a.req.Header.Set("Signature", strings.Replace(a.req.Header.Get("Signature"), "host", "Host", 1))
		}},
		{name: "header of two lines covered", scheme: Cavage, method: "GET", before: func(a *attempt) {
			a.req.Header["Accept"] = []string{" a/b", "c/d "}
			a.cover("accept")
		}},
		{name: "empty header covered", scheme: Cavage, method: "GET", before: func(a *attempt) {
			a.req.Header.Set("X-Empty", "")
			a.cover("x-empty")
		}},
		{name: "created and expires", scheme: Cavage, method: "POST", before: func(a *attempt) {
			created(a, testNow.Add(-time.Minute))
			a.cover("(expires)")
			a.params += ", expires=" + itoa(testNow.Unix())
		}},
		{name: "created in quotes", scheme: Cavage, method: "POST", before: func(a *attempt) {
			created(a, testNow)
			a.params = `,created="` + itoa(testNow.Unix()) + `"`
		}},
		{name: "date 1 h old", scheme: Cavage, method: "POST", before: func(a *attempt) { date(a, testNow.Add(-time.Hour)) }},
		{name: "date 5 min ahead", scheme: Cavage, method: "POST", before: func(a *attempt) { date(a, testNow.Add(5*time.Minute)) }},
		{name: "longer window", scheme: Cavage, method: "POST", before: func(a *attempt) {
			a.options.MaxAge = 13 * time.Hour
			date(a, testNow.Add(-13*time.Hour))
		}},
		{name: "wider skew", scheme: Cavage, method: "POST", before: func(a *attempt) {
			a.options.MaxSkew = time.Hour
			date(a, testNow.Add(time.Hour))
		}},
		{name: "query signed", scheme: Cavage, method: "GET", before: func(a *attempt) { a.req.URL.RawQuery = "page=1" }},
		{name: "query not signed", scheme: Cavage, method: "GET",
			after: func(a *attempt) { a.req.URL.RawQuery = "page=1" }},
		{name: "escaped path", scheme: Cavage, method: "GET", before: func(a *attempt) {
			a.req.URL.Path, a.req.URL.RawPath = "/tags/ä/b", "/tags/%C3%A4%2Fb"
		}},
		{name: "host in upper case", scheme: Cavage, method: "POST", before: func(a *attempt) { a.req.Host = "Social.Example" }},
		{name: "default port", scheme: Cavage, method: "POST", before: func(a *attempt) { a.req.Host = "social.example:443" }},
		{name: "our host in upper case, with port", scheme: Cavage, method: "POST", before: func(a *attempt) {
			a.options.Hosts = []string{"other.example", "SOCIAL.example:443"}
		}},
		{name: "trial on a port", scheme: Cavage, method: "POST", before: func(a *attempt) {
			a.req.Host, a.options.Hosts, a.options.Scheme = "127.0.0.1:8080", []string{"127.0.0.1:8080"}, "http"
		}},
		{name: "trial on the default port", scheme: Cavage, method: "POST", before: func(a *attempt) {
			a.req.Host, a.options.Scheme = "social.example:80", "http"
		}},
		{name: "bearer token beside", scheme: Cavage, method: "POST", before: func(a *attempt) {
			a.req.Header.Set("Authorization", "Bearer x")
		}},

		{name: "post", scheme: RFC9421, method: "POST"},
		{name: "get", scheme: RFC9421, method: "GET"},
		{name: "no algorithm named", scheme: RFC9421, method: "POST", before: func(a *attempt) { a.algorithm = "" }},
		{name: "ed25519", scheme: RFC9421, method: "POST", before: func(a *attempt) {
			a.algorithm, a.private, a.public = "ed25519", edKey(), edKey().Public()
		}},
		{name: "authority and path", scheme: RFC9421, method: "POST", before: authority},
		{name: "authority, path and query", scheme: RFC9421, method: "GET", before: func(a *attempt) {
			authority(a)
			a.cover("@query")
			a.req.URL.RawQuery = "page=1"
		}},
		{name: "authority and request target", scheme: RFC9421, method: "GET", before: func(a *attempt) {
			a.uncover("@target-uri")
			a.cover("@authority", "@request-target")
			a.req.URL.RawQuery = "page=1"
		}},
		{name: "host field in place of authority", scheme: RFC9421, method: "GET", before: func(a *attempt) {
			a.uncover("@target-uri")
			a.cover("host", "@path")
		}},
		{name: "what fedify covers", scheme: RFC9421, method: "POST", before: func(a *attempt) {
			a.covered = []string{"@method", "@target-uri", "@authority", "host", "date", "content-digest"}
		}},
		{name: "date in place of created", scheme: RFC9421, method: "POST", before: func(a *attempt) {
			a.created = 0
			a.cover("date")
		}},
		{name: "scheme, nonce and tag", scheme: RFC9421, method: "POST", before: func(a *attempt) {
			a.cover("@scheme")
			a.params = `;nonce="a b;,";tag="x"`
		}},
		{name: "expires now", scheme: RFC9421, method: "POST", before: func(a *attempt) {
			a.params = ";expires=" + itoa(testNow.Unix())
		}},
		{name: "sha-512", scheme: RFC9421, method: "POST", before: func(a *attempt) {
			d, _ := sum("sha-512", a.body)
			a.req.Header.Set("Content-Digest", "sha-512=:"+base64Text(d)+":")
		}},
		{name: "unknown digest beside", scheme: RFC9421, method: "POST", before: func(a *attempt) {
			a.req.Header.Set("Content-Digest", "md5=:xxxx:, "+contentDigestField(a.body))
		}},
		{name: "host in upper case, default port", scheme: RFC9421, method: "POST", before: func(a *attempt) {
			a.req.Host = "Social.Example:443"
		}},
		{name: "trial on a port", scheme: RFC9421, method: "POST", before: func(a *attempt) {
			a.req.Host, a.options.Hosts, a.options.Scheme = "127.0.0.1:8080", []string{"127.0.0.1:8080"}, "http"
			a.req.URL.Scheme = "http"
		}},
		{name: "unusable signature in front", scheme: RFC9421, method: "POST", before: func(a *attempt) {
			a.req.Header.Set("Signature-Input", `proxy=("date");created=1;keyid="https://proxy.example/k"`)
			a.req.Header.Set("Signature", "proxy=:AAAA:")
		}},
	} {
		t.Run(row.scheme.String()+"/"+row.name, func(t *testing.T) {
			a := newAttempt(t, row.scheme, row.method)
			if row.before != nil {
				row.before(a)
			}
			a.sign(t)
			if row.after != nil {
				row.after(a)
			}
			s, err := a.check()
			if err != nil {
				t.Fatal(err)
			}
			if s.KeyID != testKeyID || s.Scheme != row.scheme || s.SignedAt.IsZero() {
				t.Errorf("got %+v", s)
			}
		})
	}
}

// TestAbsoluteForm: a proxy may write the whole URL into the request line (RFC 9112, section 3.2.2).
func TestAbsoluteForm(t *testing.T) {
	for _, scheme := range []Scheme{Cavage, RFC9421} {
		a := newAttempt(t, scheme, "GET")
		a.req.URL.RawQuery = "page=1"
		a.sign(t)
		r := arrive(a.req)
		r.RequestURI, r.URL = a.req.URL.String(), a.req.URL
		s, err := Parse(r, nil, a.options)
		if err == nil {
			err = s.Verify(a.public)
		}
		if err != nil {
			t.Errorf("%s: %v", scheme, err)
		}
	}
}

// TestSignedAt: of two signed times the earlier one is told, so that none is taken for fresher than it is.
func TestSignedAt(t *testing.T) {
	for _, apart := range []time.Duration{-time.Minute, time.Minute} {
		a := newAttempt(t, Cavage, "GET")
		created(a, testNow)
		date(a, testNow.Add(apart))
		a.cover("date")
		a.sign(t)
		s, err := a.check()
		if want := testNow.Add(min(apart, 0)); err != nil || !s.SignedAt.Equal(want) {
			t.Errorf("%v: %v, %v", apart, s, err)
		}
	}
}
