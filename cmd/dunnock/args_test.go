package main

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestFlagsFirst(t *testing.T) {
	app := (&Main{}).app()
	for _, test := range []struct{ given, want string }{
		{"", ""},
		{"timeline", "timeline"},
		{"follow @a@b.c --json", "follow --json -- @a@b.c"},
		{"post hello --cw food", "post --cw food -- hello"},
		{"post hello --cw=food --sensitive", "post --cw=food --sensitive -- hello"},
		{"post --media a --alt b text --media c --alt d", "post --media a --alt b --media c --alt d -- text"},
		{"--config x post hello", "--config x post -- hello"},
		{"followers remove @a@b.c --dry-run", "followers remove --dry-run -- @a@b.c"},
		{"post -- --json", "post -- --json"},
		{"post --json -- --cw x", "post --json -- --cw x"},
		{"post -", "post -- -"},
		{"post help", "post -- help"},           // a text, not a command
		{"post followers", "post -- followers"}, // likewise
		{"nosuch post", "-- nosuch post"},
		{"vote URL 1 3 --json", "vote --json -- URL 1 3"},
		{"post --cw", "post --cw"}, // the parser says that it needs a value
		{"post x --nosuch y", "post --nosuch -- x y"},
		{"post x --generate-bash-completion", "post x --generate-bash-completion"},
	} {
		if got := strings.Join(flagsFirst(app, strings.Fields(test.given)), " "); got != test.want {
			t.Errorf("%q became %q, want %q", test.given, got, test.want)
		}
	}
}

func TestParseDuration(t *testing.T) {
	const day = 24 * time.Hour
	for s, want := range map[string]time.Duration{
		"30d": 30 * day, "1w": 7 * day, "1d12h": 36 * time.Hour, "90m": 90 * time.Minute, "0d5m": 5 * time.Minute,
		"": 0, "0d": 0, "d": 0, "30": 0, "-1d": 0, "1.5h": 0, "30 d": 0, "1y": 0, "1s": 0, "99999999999999999999d": 0,
		"106752d": 0, "106751d24h": 0, "5d5": 0,
	} {
		got, err := parseDuration(s)
		if got != want || (err == nil) != (want > 0) {
			t.Errorf("%q is %v (%v), want %v", s, got, err, want)
		}
	}
}

func FuzzParseDuration(f *testing.F) {
	f.Add("1w2d3h4m")
	f.Fuzz(func(t *testing.T, s string) {
		if d, err := parseDuration(s); (err == nil) != (d > 0) || d < 0 {
			t.Errorf("%q is %v, %v", s, d, err)
		}
	})
}

func TestWrap(t *testing.T) {
	for _, test := range []struct {
		text string
		want []string
	}{
		{"", []string{""}},
		{"one two three", []string{"one two", "three"}},
		{"one\n\ntwo", []string{"one", "", "two"}},
		{"überlange Wörter", []string{"überlange", "Wörter"}},
		{"a https://example.org/long b", []string{"a", "https://example.org/long", "b"}},
		{"  kept as it is written", []string{"  kept as it is written"}},
	} {
		if got := wrap(test.text, 9); !slices.Equal(got, test.want) {
			t.Errorf("%q became %q, want %q", test.text, got, test.want)
		}
	}
}
