package httpsig

import (
	"crypto"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestSign sends what Sign signed through net/http, so that what is signed is what is on the wire.
func TestSign(t *testing.T) {
	type seen struct {
		signature *Signature
		err       error
	}
	arrived := make(chan seen, 1)
	var public crypto.PublicKey
	var host string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s, err := Parse(r, body, Options{Hosts: []string{host}, Scheme: "http", Now: testNow.Add(time.Second)})
		if err == nil {
			err = s.Verify(public)
		}
		arrived <- seen{s, err}
	}))
	defer server.Close()
	host = strings.TrimPrefix(server.URL, "http://")

	for _, scheme := range []Scheme{Cavage, RFC9421} {
		for _, private := range []crypto.Signer{rsaKey(), edKey()} {
			for _, row := range []struct{ method, path, body string }{
				{"GET", "", ""},
				{"GET", "/users/owl/outbox?page=true&max=%2F", ""},
				{"GET", "/tags/%C3%A4%2Fb//c", ""},
				{"POST", "/inbox", testBody},
				{"POST", "/inbox?x=1", testBody},
				{"DELETE", "/inbox", ""},
			} {
				var body []byte
				if row.body != "" {
					body = []byte(row.body)
				}
				req := newRequest(t, row.method, server.URL+row.path, body)
				// Signed by the other scheme first: nothing of that may remain.
				for _, s := range []Scheme{Cavage + RFC9421 - scheme, scheme} {
					if err := Sign(req, body, Key{testKeyID, private}, s, testNow); err != nil {
						t.Fatal(err)
					}
				}
				public = private.Public()
				resp, err := http.DefaultTransport.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				got := <-arrived
				if got.err != nil {
					t.Errorf("%s %T %s %s: %v", scheme, private, row.method, row.path, got.err)
				} else if s := got.signature; s.KeyID != testKeyID || s.Scheme != scheme || !s.SignedAt.Equal(testNow) {
					t.Errorf("%s %T %s %s: %+v", scheme, private, row.method, row.path, s)
				}
			}
		}
	}
}

// TestSignBare signs requests that were put together without http.NewRequest.
func TestSignBare(t *testing.T) {
	key := Key{testKeyID, rsaKey()}
	if err := Sign(&http.Request{}, nil, key, Cavage, testNow); err == nil {
		t.Error("signed without a url")
	}
	req := &http.Request{URL: newRequest(t, "GET", "https://social.example/users/owl", nil).URL}
	if err := Sign(req, nil, key, RFC9421, testNow); err != nil {
		t.Fatal(err)
	}
	s, err := Parse(arrive(req), nil, testOptions())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Verify(&rsaKey().PublicKey); err != nil {
		t.Error(err)
	}
}

// TestSignedHeaders holds the form of what is sent, on which picky servers depend.
func TestSignedHeaders(t *testing.T) {
	key := Key{testKeyID, rsaKey()}
	body := []byte(testBody)
	req := newRequest(t, "POST", "https://social.example/inbox", body)
	if err := Sign(req, body, key, Cavage, testNow); err != nil {
		t.Fatal(err)
	}
	if got := req.Header.Get("Digest"); !strings.HasPrefix(got, "SHA-256=") {
		t.Errorf("Digest: %s", got)
	}
	want := `keyId="` + testKeyID + `",algorithm="rsa-sha256",headers="(request-target) host date digest",signature="`
	if got := req.Header.Get("Signature"); !strings.HasPrefix(got, want) {
		t.Errorf("Signature: %s", got)
	}
	if got := req.Header.Get("Date"); got != "Sun, 22 Nov 2026 20:50:00 GMT" {
		t.Errorf("Date: %s", got)
	}
	if err := Sign(req, body, key, RFC9421, testNow); err != nil {
		t.Fatal(err)
	}
	want = `sig1=("@method" "@target-uri" "content-digest");created=1795380600;keyid="` + testKeyID + `";alg="rsa-v1_5-sha256"`
	if got := req.Header.Get("Signature-Input"); got != want {
		t.Errorf("Signature-Input: %s", got)
	}
	if req.Header.Get("Date") != "" || req.Header.Get("Digest") != "" {
		t.Errorf("left over: %v", req.Header)
	}
}

func TestSignRefusals(t *testing.T) {
	good := Key{testKeyID, rsaKey()}
	for _, row := range []struct {
		name   string
		url    string
		host   string
		key    Key
		scheme Scheme
		is     error
	}{
		{name: "no key", url: "https://a.example/", key: Key{ID: testKeyID}, scheme: Cavage, is: ErrKey},
		{name: "no key id", url: "https://a.example/", key: Key{Private: rsaKey()}, scheme: Cavage, is: ErrKey},
		{name: "quote in key id", url: "https://a.example/", key: Key{`a"b`, rsaKey()}, scheme: Cavage, is: ErrKey},
		{name: "short key", url: "https://a.example/", key: Key{testKeyID, mustRSA(1024)}, scheme: Cavage, is: ErrKey},
		{name: "no scheme", url: "https://a.example/", key: good},
		{name: "not http", url: "ftp://a.example/", key: good, scheme: Cavage},
		{name: "no host", url: "https:///a", key: good, scheme: RFC9421},
		{name: "opaque", url: "https:a", key: good, scheme: RFC9421},
		{name: "host not in A-labels", url: "https://ä.example/", key: good, scheme: RFC9421},
	} {
		t.Run(row.name, func(t *testing.T) {
			req := newRequest(t, "GET", row.url, nil)
			err := Sign(req, nil, row.key, row.scheme, testNow)
			if err == nil || row.is != nil && !errors.Is(err, row.is) {
				t.Errorf("got %v", err)
			}
			if req.Header.Get("Signature") != "" {
				t.Error("signed all the same")
			}
		})
	}
}
