package hostname

import (
	"errors"
	"testing"
)

func TestOriginOf(t *testing.T) {
	for _, tc := range []struct {
		url  string
		want Origin
		text string
		host string
	}{
		{"https://example.org", Origin{"https", "example.org", 443}, "https://example.org", "example.org"},
		{"https://example.org:443/users/alice?x=1#main-key", Origin{"https", "example.org", 443}, "https://example.org", "example.org"},
		{"HTTPS://EXAMPLE.ORG./", Origin{"https", "example.org", 443}, "https://example.org", "example.org"},
		{"http://example.org:80?x", Origin{"http", "example.org", 80}, "http://example.org", "example.org"},
		{"http://example.org:443#x", Origin{"http", "example.org", 443}, "http://example.org:443", "example.org:443"},
		{"https://example.org:8443/a:b@c", Origin{"https", "example.org", 8443}, "https://example.org:8443", "example.org:8443"},
		{"https://Bücher.example/ä", Origin{"https", "xn--bcher-kva.example", 443}, "https://xn--bcher-kva.example", "xn--bcher-kva.example"},
		{"http://127.0.0.3:8080/", Origin{"http", "127.0.0.3", 8080}, "http://127.0.0.3:8080", "127.0.0.3:8080"},
		{"http://[0:0::1]:8080/", Origin{"http", "[::1]", 8080}, "http://[::1]:8080", "[::1]:8080"},
		{"https://[2001:DB8::1]/", Origin{"https", "[2001:db8::1]", 443}, "https://[2001:db8::1]", "[2001:db8::1]"},
	} {
		got, err := OriginOf(tc.url)
		if err != nil || got != tc.want || got.String() != tc.text {
			t.Errorf("OriginOf(%q) = %v, %v; want %v", tc.url, got, err, tc.text)
		}
		if host, err := HostOf(tc.url); err != nil || host != tc.host {
			t.Errorf("HostOf(%q) = %q, %v; want %q", tc.url, host, err, tc.host)
		}
		if !SameOrigin(tc.url, tc.text) {
			t.Errorf("SameOrigin(%q, %q) = false", tc.url, tc.text)
		}
	}
}

func TestOriginOfRefuses(t *testing.T) {
	urls := []string{
		"", "example.org", "//example.org/", "/users/alice", "https", "https:", "https:example.org", "https:/example.org",
		"https://", "https:///example.org", "https://:443/", "https://?", "https://#", "https:example.org//example.org", "https:/x//example.org", "https:?//example.org",
		"ap://did:key:z6Mk/actor", "acct:alice@example.org", "mailto:alice@example.org", "data:text/html,x", "file:///etc/passwd",
		"ftp://example.org/", "ws://example.org/", "javascript://example.org/", "urn:uuid:0",
		"https://alice@example.org/", "https://alice:secret@example.org/", "https://@example.org/", "https://:@example.org/",
		`http://E\@127.0.0.3/`, `https:\\example.org\`, `https://example.org\@evil.example/`, `https://example.org/a\b`,
		"https://example.org%2f@evil.example/", "https://ex%61mple.org/", "https://b%C3%BCcher.example/", "https://example.org%00/",
		" https://example.org/", "https://example.org/ ", "https://example.org/a b", "https://example.org/\n", "ht\ttps://example.org/",
		"https://example.org\t/", "https://example.org:/", "https://example.org:0/", "https://example.org:99999/",
		"https://example.org:0443/", "https://example.org:443:443/", "https://[::1/", "https://[fe80::1%25eth0]/", "https://::1/",
		"https://example.org/%zz",
	}
	for _, tc := range refusedHosts {
		// "example.org?x" and the like are good authorities with something after them.
		if tc.why != "slash" && tc.why != "question mark" && tc.why != "fragment" && tc.why != "URL" {
			urls = append(urls, "https://"+tc.host+"/")
		}
	}
	for _, u := range urls {
		got, err := OriginOf(u)
		if !errors.Is(err, ErrInvalid) || got != (Origin{}) {
			t.Errorf("OriginOf(%q) = %v, %v; want an error", u, got, err)
		}
		if host, err := HostOf(u); err == nil || host != "" {
			t.Errorf("HostOf(%q) = %q, %v; want an error", u, host, err)
		}
		if SameOrigin(u, u) {
			t.Errorf("SameOrigin(%q, itself) = true", u)
		}
	}
}

func TestSameOrigin(t *testing.T) {
	const a = "https://example.org/users/alice"
	for _, b := range []string{"https://example.org/", "https://EXAMPLE.org.:443/x", "https://example。org/inbox"} {
		if !SameOrigin(a, b) || !SameOrigin(b, a) {
			t.Errorf("%q should share an origin with %q", b, a)
		}
	}
	for _, b := range []string{
		"http://example.org/users/alice", "https://example.org:8443/", "https://www.example.org/", "https://example.org.evil.example/",
		"https://evil.example/https://example.org/", "https://evil.example/?https://example.org", "https://evilexample.org/",
		"https://example.org@evil.example/", "https://еxample.org/", "",
	} {
		if SameOrigin(a, b) || SameOrigin(b, a) {
			t.Errorf("%q must not share an origin with %q", b, a)
		}
	}
}

func BenchmarkSameOrigin(b *testing.B) {
	for b.Loop() {
		SameOrigin("https://example.org/users/alice", "https://example.org/users/alice/statuses/1")
	}
}
