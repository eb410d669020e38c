package hostname_test

import (
	"errors"
	"testing"

	"github.com/dunnock-server/dunnock/hardening/hostname"
)

func TestMatch(t *testing.T) {
	for text, want := range map[string]string{
		"Threads.NET": "threads.net", "*.Bücher.example": "*.xn--bcher-kva.example", "*.onion": "*.onion", "a.example:8443": "a.example:8443",
		"127.0.0.1": "127.0.0.1", "[::1]:80": "[::1]:80",
		"": "", "*": "", "*.": "", "a.*.example": "", "*.a.example:80": "", "*.[::1]": "", "**.example": "", "https://a.example": "", "a example": "",
	} {
		got, err := hostname.Match(text)
		if got != want || (err == nil) != (want != "") || err != nil && !errors.Is(err, hostname.ErrInvalid) {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
		if again, err := hostname.Match(got); want != "" && (again != got || err != nil) {
			t.Errorf("%q of itself: %q, %v", got, again, err)
		}
	}
}

func TestLongest(t *testing.T) {
	table := map[string]int{"*.example": 1, "big.example": 2, "*.big.example": 3, "x.onion": 4, "*.onion": 5, "127.0.0.1:81": 6, "127.0.0.1": 7,
		"[::1]": 8, "[::1]:81": 9}
	for host, want := range map[string]int{
		"a.example": 1, "example": 0, "notexample": 0, "a.notexample": 0, "big.example": 2, "big.example:8443": 2, "a.big.example": 3,
		"a.b.big.example": 3, "x.onion": 4, "y.onion": 5, "127.0.0.1:81": 6, "127.0.0.1:82": 7, "127.0.0.1": 7, "127.0.0.2": 0, "[::1]:80": 8,
		"[::1]:81": 9, "[::2]:81": 0, "": 0,
	} {
		got, match, ok := hostname.Longest(table, host)
		if got != want || ok != (want != 0) || table[match] != want {
			t.Errorf("%s: %d by %q, want %d", host, got, match, want)
		}
	}
}
