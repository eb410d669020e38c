package hostname

import (
	"errors"
	"strings"
	"testing"
)

func TestCanonical(t *testing.T) {
	label63 := strings.Repeat("a", 63)
	name253 := strings.Join([]string{label63, label63, label63, strings.Repeat("a", 61)}, ".")
	for _, tc := range []struct {
		why, host, want string
	}{
		{"plain", "example.org", "example.org"},
		{"case", "EXAMPLE.Org", "example.org"},
		{"trailing dot", "example.org.", "example.org"},
		{"one label", "localhost", "localhost"},
		{"hyphens inside", "my-host.example.org", "my-host.example.org"},
		{"digits first", "4chan.example", "4chan.example"},
		{"digits in a middle label", "1.2.example", "1.2.example"},
		{"U-label", "bücher.example", "xn--bcher-kva.example"},
		{"its A-label", "xn--bcher-kva.example", "xn--bcher-kva.example"},
		{"A-label in capitals", "XN--BCHER-KVA.EXAMPLE", "xn--bcher-kva.example"},
		{"capital U-label", "BÜCHER.example", "xn--bcher-kva.example"},
		{"decomposed U-label", "bu\u0308cher.example", "xn--bcher-kva.example"},
		{"sharp s is a letter of its own", "straße.example", "xn--strae-oqa.example"},
		{"full-width letters", "ｅｘａｍｐｌｅ.org", "example.org"},
		{"ideographic full stop", "example。org", "example.org"},
		{"full-width full stop", "example．org", "example.org"},
		{"half-width full stop", "example｡org", "example.org"},
		{"trailing dot, full-width", "example.org。", "example.org"},
		{"Arabic", "مثال.example", "xn--mgbh0fb.example"},
		{"longest name", name253, name253},
		{"longest name with its dot", name253 + ".", name253},
		{"IPv4", "127.0.0.3", "127.0.0.3"},
		{"IPv4, trailing dot", "127.0.0.3.", "127.0.0.3"},
		{"IPv4, full-width digits", "１２７.0.0.3", "127.0.0.3"},
		{"IPv6", "[::1]", "[::1]"},
		{"IPv6, long form", "[2001:0DB8:0:0:0:0:0:00A1]", "[2001:db8::a1]"},
	} {
		for _, allowPort := range []bool{false, true} {
			if got, err := Canonical(tc.host, allowPort); err != nil || got != tc.want {
				t.Errorf("%s: Canonical(%q, %v) = %q, %v; want %q", tc.why, tc.host, allowPort, got, err, tc.want)
			}
		}
	}
}

// refusedHosts have no canonical form, whether or not ports are allowed.
var refusedHosts = []struct{ why, host string }{
	{"empty", ""},
	{"only a dot", "."},
	{"two trailing dots", "example.org.."},
	{"leading dot", ".example.org"},
	{"empty label", "example..org"},
	{"empty label, full-width", "example.。org"},
	{"slash", "exa/mple.org"},
	{"full-width slash", "exa／mple.org"},
	{"a/c in one character", "ex℀mple.org"},
	{"backslash", `exa\mple.org`},
	{"userinfo with backslash", `E\@127.0.0.3`},
	{"userinfo", "alice@example.org"},
	{"percent escape", "ex%61mple.org"},
	{"space", "exa mple.org"},
	{"leading space", " example.org"},
	{"trailing newline", "example.org\n"},
	{"tab", "exa\tmple.org"},
	{"NUL", "example.org\x00"},
	{"DEL", "example\x7f.org"},
	{"no-break space", "exa\u00a0mple.org"},
	{"question mark", "example.org?x"},
	{"fragment", "example.org#x"},
	{"soft hyphen", "exa\u00admple.org"},
	{"zero-width space", "exa\u200bmple.org"},
	{"zero-width joiner out of place", "exa\u200dmple.org"},
	{"word joiner", "exa\u2060mple.org"},
	{"byte order mark", "\ufeffexample.org"},
	{"variation selector", "example\ufe0f.org"},
	{"right-to-left override", "\u202eexample.org"},
	{"invalid UTF-8", "exa\xffmple.org"},
	{"underscore", "my_host.example.org"},
	{"asterisk", "*.example.org"},
	{"leading hyphen", "-example.org"},
	{"trailing hyphen", "example-.org"},
	{"hyphens in third and fourth place", "ab--cd.example"},
	{"A-label of ASCII", "xn--example-.org"},
	{"A-label that is no Punycode", "xn--\u00fc.example"},
	{"A-label of a capital", "xn--bcher-9na.example"}, // BÜCHER would map to another A-label
	{"empty A-label", "xn--.example"},
	{"mixed directions", "aمثال.example"},
	{"mixed directions after mapping", "0ℶ.example"},
	{"label of 64", strings.Repeat("a", 64) + ".example"},
	{"254 bytes", strings.Repeat("abcde.", 42) + "ab"},
	{"very long", strings.Repeat("ü.", 100_000)},
	{"IPv4 with three parts", "127.0.1"},
	{"IPv4 in one number", "2130706433"},
	{"IPv4 in octal", "0177.0.0.3"},
	{"IPv4 in hexadecimal", "0x7f.0.0.3"},
	{"IPv4 in capital hexadecimal", "0X7F000003"},
	{"IPv4 out of range", "127.0.0.256"},
	{"five numbers", "1.2.3.4.5"},
	{"last label a number", "example.7"},
	{"last label 0x", "example.0x"},
	{"IPv6 without brackets", "2001:db8::1"},
	{"IPv6, half a bracket", "[::1"},
	{"IPv6, other half", "::1]"},
	{"IPv6 in two brackets", "[[::1]]"},
	{"IPv6 zone", "[fe80::1%eth0]"},
	{"IPv6 zone, escaped", "[fe80::1%25eth0]"},
	{"IPv4 in brackets", "[127.0.0.3]"},
	{"IPv4-mapped", "[::ffff:127.0.0.3]"},
	{"IPv4-mapped in hexadecimal", "[::ffff:7f00:3]"},
	{"name in brackets", "[example.org]"},
	{"empty brackets", "[]"},
	{"something after the bracket", "[::1]x"},
	{"empty port", "example.org:"},
	{"two ports", "example.org:1:2"},
	{"port 0", "example.org:0"},
	{"port with leading zero", "example.org:0443"},
	{"port with sign", "example.org:+443"},
	{"port out of range", "example.org:65536"},
	{"port in words", "example.org:https"},
	{"port in full-width digits", "example.org:４４３"},
	{"full-width colon", "example.org：443"},
	{"only a port", ":443"},
	{"URL", "https://example.org"},
}

func TestCanonicalRefuses(t *testing.T) {
	for _, tc := range refusedHosts {
		for _, allowPort := range []bool{false, true} {
			got, err := Canonical(tc.host, allowPort)
			if !errors.Is(err, ErrInvalid) || got != "" {
				t.Errorf("%s: Canonical(%q, %v) = %q, %v; want an error", tc.why, tc.host, allowPort, got, err)
			}
		}
	}
}

func TestCanonicalPort(t *testing.T) {
	for _, tc := range []struct{ host, want string }{
		{"example.org:443", "example.org"},
		{"Example.Org.:443", "example.org"},
		{"example.org:80", "example.org:80"},
		{"LOCALHOST:8080", "localhost:8080"},
		{"127.0.0.3:65535", "127.0.0.3:65535"},
		{"[::1]:443", "[::1]"},
		{"[0::1]:8443", "[::1]:8443"},
	} {
		if got, err := Canonical(tc.host, true); err != nil || got != tc.want {
			t.Errorf("Canonical(%q, true) = %q, %v; want %q", tc.host, got, err, tc.want)
		}
		if got, err := Canonical(tc.host, false); !errors.Is(err, ErrInvalid) {
			t.Errorf("Canonical(%q, false) = %q, %v; want an error", tc.host, got, err)
		}
	}
}

// An error may reach a log that anyone reads, so it holds nothing of a remote input.
func TestErrorsQuoteNothing(t *testing.T) {
	const canary = "canary"
	for _, host := range []string{"-canary", "canary_x", "xn--canary-", "canary..x", "canary:canary", "[canary]", "canary.7"} {
		if _, err := Canonical(host, true); err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("Canonical(%q): error %v", host, err)
		}
		for _, rawURL := range []string{"https://" + host, host, "https://canary@" + host, "canary://x", "https://%zzcanary"} {
			if _, err := OriginOf(rawURL); err == nil || strings.Contains(err.Error(), canary) {
				t.Errorf("OriginOf(%q): error %v", rawURL, err)
			}
		}
	}
}
