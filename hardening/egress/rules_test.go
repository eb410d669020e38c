package egress

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

func TestCheckURL(t *testing.T) {
	var (
		zero     = Rules{}
		loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		trial    = Rules{HTTP: true, Addresses: loopback}
		plain    = Rules{HTTP: true}
	)
	tests := []struct {
		rules Rules
		url   string
		ok    bool
	}{
		{zero, "https://a.example/users/x?y=z", true},
		{zero, "https://a.example", true},
		{zero, "https://a.example:443/", true},
		{zero, "https://A.EXAMPLE./", true},
		{zero, "https://bücher.example/", true},
		{zero, "https://1.1.1.1/dns-query", true},
		{zero, "https://[2606:4700:4700::1111]/dns-query", true},
		{zero, "https://a.xn--p1ai/", true},
		{zero, "https://a.example/#fragment", true},

		{zero, "http://a.example/", false},
		{zero, "ftp://a.example/", false},
		{zero, "data:text/plain,x", false},
		{zero, "file:///etc/passwd", false},
		{zero, "//a.example/", false},
		{zero, "/x", false},
		{zero, "", false},
		{zero, "https:a.example", false},
		{zero, "https:///x", false},
		{zero, "https://a.example:80/", false},
		{zero, "https://a.example:8443/", false},
		{zero, "https://a.example:/", false},
		{zero, "https://a.example:0/", false},
		{zero, "https://u@a.example/", false},
		{zero, "https://u:p@a.example/", false},
		{zero, "https://a.example@127.0.0.3/", false},
		{zero, "https://a.example/?a b", false},
		{zero, "https://a.example/?\u00e9", false},

		{zero, "https://127.0.0.3/", false},
		{zero, "https://127.0.0.3./", false},
		{zero, "https://2130706435/", false},
		{zero, "https://0x7f000003/", false},
		{zero, "https://0177.0.0.3/", false},
		{zero, "https://0x7f.0.0.3/", false},
		{zero, "https://127.3/", false},
		{zero, "https://127.0.0.1.1/", false},
		{zero, "https://１２７.0.0.3/", false},
		{zero, "https://[::1]/", false},
		{zero, "https://[::ffff:127.0.0.3]/", false},
		{zero, "https://[64:ff9b::7f00:3]/", false},
		{zero, "https://[fe80::1%25eth0]/", false},
		{zero, "https://10.0.0.1/", false},
		{zero, "https://169.254.169.254/latest/meta-data/", false},

		{zero, "https://localhost/", false},
		{zero, "https://a.localhost/", false},
		{zero, "https://intranet/", false},
		{zero, "https://example/", false},
		{zero, "https://printer.local/", false},
		{zero, "https://relay.internal/", false},
		{zero, "https://router.home.arpa/", false},
		{zero, "https://1.0.0.127.in-addr.arpa/", false},
		{zero, "https://a.invalid/", false},
		{zero, "https://a.test/", false},
		{zero, "https://a.alt/", false},
		{zero, "https://nas.lan/", false},
		{zero, "https://mail.corp/", false},
		{zero, "https://LOCALHOST./", false},
		{zero, "https://a.t3st/", false},

		{plain, "http://a.example/", true},
		{plain, "http://a.example:8080/", true},
		{plain, "http://a.example:443/", true},
		{plain, "https://a.example:8443/", true},
		{plain, "http://127.0.0.1:8080/", false},
		{plain, "http://localhost:8080/", false},
		{trial, "http://127.0.0.1:8080/", true},
		{trial, "http://localhost:8080/", true},
		{trial, "http://a.localhost:8080/", false},
		{trial, "http://10.0.0.1:8080/", false},
		{trial, "http://[::1]:8080/", false},
		{trial, "gopher://127.0.0.1:8080/", false},
		{Rules{Ports: []uint16{8443}}, "https://a.example:8443/", true},
		{Rules{Exact: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:8443")}}, "https://localhost:8443/", true},
		{Rules{Exact: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:8443")}}, "https://localhost/", false},
	}
	for _, tt := range tests {
		u, err := url.Parse(tt.url)
		if err != nil {
			if tt.ok {
				t.Errorf("%s: %v", tt.url, err)
			}
			continue
		}
		err = tt.rules.CheckURL(u)
		if (err == nil) != tt.ok {
			t.Errorf("%+v %s: %v", tt.rules, tt.url, err)
		}
		if err != nil && !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v is no ErrRefused", tt.url, err)
		}
	}
}

// URLs that no parser makes: the fields are what a program set.
func TestCheckURLByHand(t *testing.T) {
	for _, u := range []*url.URL{
		nil,
		{Scheme: "https", Host: "a.example/x"},
		{Scheme: "https", Host: "a.example:443:80"},
		{Scheme: "https", Host: `a.example\@127.0.0.3`},
		{Scheme: "https", Host: "u@a.example"},
		{Scheme: "https", Host: "a.example#"},
		{Scheme: "https", Host: "a.example%2f"},
		{Scheme: "https", Host: "a.example\r\nX: y"},
		{Scheme: "https", Host: "a.example", Opaque: "//127.0.0.3/"},
		{Scheme: "https", Host: "a.example", RawQuery: "a\r\nX: y"},
		{Scheme: "https", Host: "::1"},
	} {
		if err := (Rules{}).CheckURL(u); !errors.Is(err, ErrRefused) {
			t.Errorf("%+v: %v", u, err)
		}
	}
}

func TestCanonicalTarget(t *testing.T) {
	for given, want := range map[string]string{
		"https://A.Example.:443/X?Y#z": "https://a.example/X?Y",
		"http://a.example:443/":        "http://a.example:443/",
		"http://a.example:80":          "http://a.example",
		"https://bücher.example/%2f":   "https://xn--bcher-kva.example/%2f",
	} {
		u, err := url.Parse(given)
		if err != nil {
			t.Fatal(err)
		}
		target, err := Rules{HTTP: true}.target(u)
		if err != nil || target.String() != want {
			t.Errorf("%s: %v, %v", given, target, err)
		}
	}
}

// The dial has the last word, with the relay's kind.
func TestDialTarget(t *testing.T) {
	const onion = "vww6ybal4bd7szmgncyruucpgfkqahzddi37ktceo3ah7ngmcopnpyyd.onion:443"
	tests := []struct {
		kind, address string
		ok            bool
	}{
		{"ssh", "a.example:443", true},
		{"ssh", onion, false},
		{"direct", onion, false},
		{"tor", onion, true},
		{"tor", "127.0.0.1:443", false},
		{"tor", "localhost:443", false},
		{"tor", "relay.internal:443", false},
		{"tor", "[::1]:443", false},
		{"ssh", "a.example:22", false},
		{"ssh", "a.example", false},
		{"ssh", "A.example:443", false},
		{"ssh", "a.example.:443", false},
	}
	for _, tt := range tests {
		if err := (Rules{}).dialTarget(tt.kind, tt.address); (err == nil) != tt.ok {
			t.Errorf("%s %s: %v", tt.kind, tt.address, err)
		}
	}
}

// Whatever passes has one reading: parsed again it has the same host, and that is a public one.
func FuzzCheckURL(f *testing.F) {
	for _, s := range []string{"https://a.example/x", "https://1.1.1.1/", "https://[2606:4700::1]:443/?q", "https://a.example:443#f",
		`https://E\@127.0.0.3/`, "https://0x7f.1/", "https://bücher.example/é", "https://a.example/%zz"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := url.Parse(raw)
		if err != nil {
			return
		}
		target, err := Rules{}.target(u)
		if err != nil {
			if !errors.Is(err, ErrRefused) {
				t.Fatalf("%q: %v", raw, err)
			}
			return
		}
		again, err := url.Parse(target.String())
		if err != nil || again.Host != target.Host || again.RequestURI() != target.RequestURI() || target.User != nil || target.Scheme != "https" {
			t.Fatalf("%q became %q, %v", raw, target, err)
		}
		host := target.Hostname()
		if a, err := netip.ParseAddr(host); err == nil && !isPublic(a.Unmap()) {
			t.Fatalf("%q is %v", raw, a)
		} else if err != nil && (!strings.Contains(host, ".") || strings.ContainsAny(host, " /\\@%:") || host != strings.ToLower(host)) {
			t.Fatalf("%q has host %q", raw, host)
		}
	})
}
