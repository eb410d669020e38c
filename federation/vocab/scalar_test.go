package vocab

import (
	"strings"
	"testing"
	"time"
)

func TestTime(t *testing.T) {
	for text, want := range map[string]string{
		"2026-10-30T13:14:15Z":                "2026-10-30T13:14:15Z",
		"2026-10-30T13:14:15.678901234Z":      "2026-10-30T13:14:15.678901234Z",
		"2026-10-30T13:14:15+05:30":           "2026-10-30T07:44:15Z",
		"2026-10-30T13:14:15.5-03:30":         "2026-10-30T16:44:15.5Z",
		"2026-10-30T13:14:15+0100":            "2026-10-30T12:14:15Z",
		"2026-10-30T13:14Z":                   "2026-10-30T13:14:00Z",
		"2026-10-30T13:14+01:00":              "2026-10-30T12:14:00Z",
		"2026-10-30T13:14:15":                 "2026-10-30T13:14:15Z",
		"2026-10-30T13:14:15.25":              "2026-10-30T13:14:15.25Z",
		"2026-10-30T13:14":                    "2026-10-30T13:14:00Z",
		"0001-01-01T00:00:00Z":                "0001-01-01T00:00:00Z",
		"9999-12-31T23:59:59Z":                "9999-12-31T23:59:59Z",
		"0001-01-01T00:00:00+01:00":           "", // the year 0 in UTC
		"9999-12-31T23:59:59-01:00":           "", // the year 10000
		"0000-06-01T00:00:00Z":                "",
		"10000-01-01T00:00:00Z":               "",
		"-0001-01-01T00:00:00Z":               "",
		"2026-02-30T00:00:00Z":                "",
		"2026-10-30T25:00:00Z":                "",
		"2026-10-30 13:14:15Z":                "",
		"2026-10-30":                          "",
		"Fri, 30 Oct 2026 13:14:15 GMT":       "",
		"1793368800":                          "",
		"":                                    "",
		"2026-10-30T13:14:15Z ":               "",
		strings.Repeat("2026-10-30T13:14", 9): "",
		"2026-10-30T13:14:15." + strings.Repeat("0", 99) + "Z": "",
	} {
		got, ok := Object{"published": text}.Time("published")
		if ok != (want != "") || ok && (got.Format(time.RFC3339Nano) != want || got.Location() != time.UTC) {
			t.Errorf("%q: %v, %v; want %q", text, got, ok, want)
		}
	}
	for _, value := range []string{`null`, `1793368800`, `["2026-10-30T13:14:15Z"]`, `{}`} {
		if got, ok := parse(t, `{"published":`+value+`}`).Time("published"); ok {
			t.Errorf("%s: %v", value, got)
		}
	}
}

func TestInt(t *testing.T) {
	const none = -424242
	for value, want := range map[string]int64{
		`0`: 0, `-0`: 0, `7`: 7, `-7`: -7, `5.0`: 5, `1e3`: 1000, `-2.50e1`: -25, `9223372036854775807`: 9223372036854775807,
		`-9223372036854775808`: -9223372036854775808, `9007199254740992.0`: 9007199254740992, `9007199254740993.0`: 9007199254740992,
		`9223372036854775808`: none, `1e16`: none, `1e999`: none, `1.5`: none, `1e-1`: none, `"7"`: none, `null`: none,
		`true`: none, `[7]`: none, `{}`: none,
	} {
		got, ok := parse(t, `{"totalItems":`+value+`}`).Int("totalItems")
		if ok != (want != none) || ok && got != want {
			t.Errorf("%s: %d, %v; want %d", value, got, ok, want)
		}
	}
}

func TestBool(t *testing.T) {
	for value, want := range map[string][2]bool{
		`true`: {true, true}, `false`: {false, true}, `null`: {}, `"true"`: {}, `1`: {}, `[true]`: {}, `{}`: {},
	} {
		got, ok := parse(t, `{"sensitive":`+value+`}`).Bool("sensitive")
		if got != want[0] || ok != want[1] {
			t.Errorf("%s: %v, %v", value, got, ok)
		}
	}
}
