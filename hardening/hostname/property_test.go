package hostname

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/idna"
	"pgregory.net/rapid"
)

// hosts draws good hosts, hosts of odd pieces, and noise.
func hosts() *rapid.Generator[string] {
	piece := rapid.SampledFrom([]string{
		"example", "EXAMPLE", "org", "bücher", "xn--bcher-kva", "XN--", "straße", "ß", "ς", "１２７", "127", "0", "0x7f", "1",
		".", "。", "..", "-", "--", "_", ":", ":443", ":80", "[", "]", "[::1]", "::ffff:1", "%", "@", "\\", "/", " ", "\u00ad",
		"\u200d", "ﷺ", "℀", "K", "İ", "مثال", "नी", "ü", "u\u0308",
	})
	odd := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(piece, 0, 6).Draw(t, "pieces"), "")
	})
	good := rapid.StringMatching(`([A-Za-z0-9]{1,8}\.){1,3}[A-Za-z]{2,6}\.?`)
	return rapid.OneOf(good, odd, rapid.String())
}

// checkCanonical holds what must be true of any input.
func checkCanonical(t interface{ Fatalf(string, ...any) }, host string, allowPort bool) {
	c, err := Canonical(host, allowPort)
	if err != nil {
		if c != "" || !errors.Is(err, ErrInvalid) {
			t.Fatalf("Canonical(%q) = %q with error %v", host, c, err)
		}
		return
	}
	if again, err := Canonical(c, allowPort); err != nil || again != c {
		t.Fatalf("Canonical(%q) = %q, and of that %q, %v", host, c, again, err)
	}
	if strings.Trim(c, "abcdefghijklmnopqrstuvwxyz0123456789-.:[]") != "" {
		t.Fatalf("Canonical(%q) = %q holds odd characters", host, c)
	}
	if u, err := url.Parse("https://" + c + "/"); err != nil || u.Host != c {
		t.Fatalf("Canonical(%q) = %q is read otherwise in a URL: %v", host, c, err)
	}
	if got, err := HostOf("https://" + c + "/"); err != nil || got != c {
		t.Fatalf("Canonical(%q) = %q, HostOf gives %q, %v", host, c, got, err)
	}
}

func TestCanonicalIsIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checkCanonical(t, hosts().Draw(t, "host"), rapid.Bool().Draw(t, "allowPort"))
	})
}

// What is passed by without a look at the tables is what these leave as it is.
func TestPlainNamesStayAsTheyAre(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.OneOf(rapid.StringMatching(`[a-z0-9.-]{0,12}`), rapid.StringMatching(`[a-z0-9]{1,4}(-{1,2}[a-z0-9]{1,3}|\.xn--[a-z]{1,5})?`)).Draw(t, "name")
		ascii, err := idna.Lookup.ToASCII(name)
		if plain(name) && (err != nil || ascii != name) && !strings.Contains("."+name+".", "..") {
			t.Fatalf("%q becomes %q, %v", name, ascii, err)
		}
	})
}

func TestSpellingsAreOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		host := rapid.StringMatching(`[a-z]{1,8}\.[a-zü]{2,6}\.[a-z]{2,6}`).Draw(t, "host")
		want, err := Canonical(host, false)
		if err != nil {
			t.Fatal(err)
		}
		other := host
		if rapid.Bool().Draw(t, "capitals") {
			other = strings.ToUpper(other)
		}
		if rapid.Bool().Draw(t, "wide dots") {
			other = strings.ReplaceAll(other, ".", "。")
		}
		other += rapid.SampledFrom([]string{"", ".", "．", ":443", ".:443"}).Draw(t, "end")
		if got, err := Canonical(other, true); err != nil || got != want {
			t.Fatalf("Canonical(%q) = %q, %v; of %q it is %q", other, got, err, host, want)
		}
	})
}

func TestSameOriginIsAnEquivalence(t *testing.T) {
	urls := rapid.Custom(func(t *rapid.T) string {
		scheme := rapid.SampledFrom([]string{"https", "http", "HTTPS", "ftp"}).Draw(t, "scheme")
		host := rapid.OneOf(
			rapid.SampledFrom([]string{"a.example", "A.example.", "ü.example", "xn--tda.example", "[::1]", "[0::1]", "b@a.example"}),
			hosts(),
		).Draw(t, "host")
		port := rapid.SampledFrom([]string{"", ":443", ":80", ":8080", ":" + strconv.Itoa(rapid.IntRange(0, 70000).Draw(t, "n"))}).Draw(t, "port")
		return scheme + "://" + host + port + rapid.SampledFrom([]string{"", "/", "/x?y#z"}).Draw(t, "path")
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := urls.Draw(t, "a"), urls.Draw(t, "b"), urls.Draw(t, "c")
		if _, err := OriginOf(a); (err == nil) != SameOrigin(a, a) {
			t.Fatalf("SameOrigin(%q, itself) disagrees with OriginOf: %v", a, err)
		}
		if SameOrigin(a, b) != SameOrigin(b, a) {
			t.Fatalf("SameOrigin is not symmetric for %q, %q", a, b)
		}
		if SameOrigin(a, b) && SameOrigin(b, c) && !SameOrigin(a, c) {
			t.Fatalf("SameOrigin is not transitive for %q, %q, %q", a, b, c)
		}
	})
}

func FuzzCanonical(f *testing.F) {
	for _, tc := range refusedHosts {
		f.Add(tc.host, true)
	}
	f.Add("Bücher.example.:443", true)
	f.Add("example。org", false)
	f.Fuzz(func(t *testing.T, host string, allowPort bool) { checkCanonical(t, host, allowPort) })
}

func FuzzOriginOf(f *testing.F) {
	for _, seed := range []string{
		"https://example.org/users/alice", "http://[::1]:8080", `http://E\@127.0.0.3/`, "https://Bücher.example:443/?x#y",
		"https:example.org//example.org", "https://ex%61mple.org", "https://[fe80::1%25eth0]/",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, rawURL string) {
		o, err := OriginOf(rawURL)
		if err != nil {
			if o != (Origin{}) || !errors.Is(err, ErrInvalid) {
				t.Fatalf("OriginOf(%q) = %v with error %v", rawURL, o, err)
			}
			return
		}
		if again, err := OriginOf(o.String()); err != nil || again != o {
			t.Fatalf("OriginOf(%q) = %v, and of that %v, %v", rawURL, o, again, err)
		}
		if c, err := Canonical(o.Host, false); err != nil || c != o.Host {
			t.Fatalf("OriginOf(%q).Host = %q, which is not canonical: %v", rawURL, o.Host, err)
		}
		// The standard library dials what it reads, so it must read the same host.
		u, err := url.Parse(rawURL)
		if err != nil {
			t.Fatalf("net/url refuses %q", rawURL)
		}
		name := u.Hostname()
		if strings.Contains(name, ":") {
			name = "[" + name + "]"
		}
		if c, err := Canonical(name, false); err != nil || c != o.Host {
			t.Fatalf("net/url reads host %q of %q, OriginOf %q", u.Host, rawURL, o.Host)
		}
	})
}
