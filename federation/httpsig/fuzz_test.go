package httpsig

import (
	"crypto"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// fuzzed checks what has to hold of every answer of Parse: an error is one of the two, and what is accepted covers
// method, target and host, is fresh and verifies with no key but the one that signed.
func fuzzed(t *testing.T, r *http.Request, body []byte, signed string, covers func(base string) bool) {
	s, err := Parse(r, body, testOptions())
	if err != nil {
		if !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrMissing) || s != nil {
			t.Fatalf("%v", err)
		}
		return
	}
	if !validKeyID(s.KeyID) || testNow.Sub(s.SignedAt).Abs() > DefaultMaxAge || len(s.bases) == 0 {
		t.Fatalf("accepted %+v", s)
	}
	for _, base := range s.bases {
		if !covers(base) {
			t.Fatalf("accepted %q", base)
		}
	}
	if s.Verify(&rsaKey().PublicKey) == nil && !slices.Contains(s.bases, signed) {
		t.Fatalf("forged %q", s.bases)
	}
}

func FuzzParseCavage(f *testing.F) {
	a := newAttempt(f, Cavage, "POST")
	a.sign(f)
	good := arrive(a.req)
	s, err := Parse(good, a.body, a.options)
	if err != nil {
		f.Fatal(err)
	}
	signature, digest, date := good.Header.Get("Signature"), good.Header.Get("Digest"), good.Header.Get("Date")
	for _, seed := range []string{
		signature, strings.ToLower(signature), signature + "," + signature, "", `a="`, `a=1,a=1`, "keyId=1",
		`keyId="k",headers="(created) host (request-target) digest",created=1795380600,signature="AAAA"`,
		`keyId="k",algorithm="hs2019",headers="(request-target) host date digest",expires=1,signature="AAAA"`,
	} {
		f.Add(seed, digest, date, "/users/owl/inbox?page=1", a.body)
	}
	f.Add(signature, "sha-256=,SHA-512==,,=", "Sunday, 06-Nov-94 08:49:37 GMT", "*", []byte(nil))
	f.Fuzz(func(t *testing.T, signature, digest, date, target string, body []byte) {
		r := arrive(a.req)
		r.RequestURI = target
		r.Header.Set("Signature", signature)
		r.Header.Set("Digest", digest)
		r.Header.Set("Date", date)
		fuzzed(t, r, body, s.bases[0], func(base string) bool {
			lines := strings.Split(base, "\n")
			return slices.Contains(lines, "host: social.example") && slices.ContainsFunc(lines, func(line string) bool {
				return strings.HasPrefix(line, "(request-target): post /")
			})
		})
	})
}

func FuzzParseRFC9421(f *testing.F) {
	a := newAttempt(f, RFC9421, "POST")
	a.sign(f)
	good := arrive(a.req)
	s, err := Parse(good, a.body, a.options)
	if err != nil {
		f.Fatal(err)
	}
	input, signature := good.Header.Get("Signature-Input"), good.Header.Get("Signature")
	digest := good.Header.Get("Content-Digest")
	for _, seed := range []string{
		input, input + ", b=()", input + ";created=1", `sig1=("@query-param";name="a");keyid="k"`, "sig1", "sig1=1.5", "(",
		`sig1=("@method" "@authority" "@path" "@query" "content-digest");created=1795380600;keyid="k";alg="ed25519"`,
	} {
		f.Add(seed, signature, digest, "/users/owl/inbox?page=1", a.body)
	}
	f.Add(input, "sig1=::, sig1=?1", "sha-512=:AAAA:, md5=1", "//x", []byte(nil))
	f.Fuzz(func(t *testing.T, input, signature, digest, target string, body []byte) {
		r := arrive(a.req)
		r.RequestURI = target
		r.Header.Set("Signature-Input", input)
		r.Header.Set("Signature", signature)
		r.Header.Set("Content-Digest", digest)
		fuzzed(t, r, body, s.bases[0], func(base string) bool {
			return strings.Contains(base, `"@method": POST`+"\n") && strings.Contains(base, "social.example")
		})
	})
}

// fuzzedKey checks that a key that was read is one we use, and comes out as the same key again.
func fuzzedKey(t *testing.T, key crypto.PublicKey, err error) {
	if err != nil {
		if !errors.Is(err, ErrKey) || key != nil {
			t.Fatal(err)
		}
		return
	}
	text, err := MarshalPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParsePublicKey(text)
	if err != nil || !again.(interface{ Equal(crypto.PublicKey) bool }).Equal(key) {
		t.Fatal(err)
	}
}

func FuzzParsePublicKey(f *testing.F) {
	for _, public := range []any{&rsaKey().PublicKey, edKey().Public(), fakeRSA(1024)} {
		text := spki(f, public)
		f.Add(text)
		f.Add(text + text)
		f.Add(text[:len(text)/2])
	}
	f.Fuzz(func(t *testing.T, text string) {
		key, err := ParsePublicKey(text)
		fuzzedKey(t, key, err)
	})
}

func FuzzParseMultikey(f *testing.F) {
	for _, text := range []string{multikeyEd25519, multikeyRSA, "", "z", "z111", "u7QE", "zQmQQ"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		key, err := ParseMultikey(text)
		fuzzedKey(t, key, err)
		if err == nil {
			if again, err := Multikey(key); err != nil || again != text {
				t.Fatalf("%s became %s, %v", text, again, err)
			}
		}
	})
}
