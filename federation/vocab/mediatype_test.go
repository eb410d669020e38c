package vocab

import (
	"strings"
	"testing"
)

func TestAcceptsActivity(t *testing.T) {
	for contentType, want := range map[string]bool{
		ContentType:                                 true,
		"Application/Activity+JSON":                 true,
		"application/activity+json; charset=utf-8":  true,
		" application/activity+json ;charset=UTF-8": true,
		ContentTypeLD:                               true,
		`application/ld+json;profile="https://www.w3.org/ns/activitystreams"; charset=utf-8`:                          true,
		`application/ld+json; profile="http://www.w3.org/ns/json-ld#compacted https://www.w3.org/ns/activitystreams"`: true,
		`application/ld+json; PROFILE="https://www.w3.org/ns/activitystreams"`:                                        true,
		"":                    false,
		"application/json":    false,
		"application/ld+json": false,
		"text/html":           false,
		"text/plain":          false,
		"image/png":           false,
		"*/*":                 false,
		"application/*":       false,
		`application/json; profile="https://www.w3.org/ns/activitystreams"`:                       false,
		`text/plain; profile="https://www.w3.org/ns/activitystreams"`:                             false,
		`text/plain; x="application/activity+json"`:                                               false,
		`application/ld+json; profile="https://www.w3.org/ns/activitystreams#"`:                   false,
		`application/ld+json; profile="http://www.w3.org/ns/activitystreams"`:                     false,
		`application/ld+json; profile="https://www.w3.org/ns/activitystreams.evil"`:               false,
		`application/ld+json; profile="https://e.example/?https://www.w3.org/ns/activitystreams"`: false,
		`application/ld+json; profile="x,https://www.w3.org/ns/activitystreams"`:                  false,
		`application/ld+json; profile=https://www.w3.org/ns/activitystreams`:                      false, // must be quoted
		`application/ld+json; profiles="https://www.w3.org/ns/activitystreams"`:                   false,
		`application/ld+json; profile="x"; profile="https://www.w3.org/ns/activitystreams"`:       false,
		"application/activity+json, text/html":                                                    false,
		"text/html, application/activity+json":                                                    false,
		"text/html;application/activity+json":                                                     false,
		"application/activity+jsonx":                                                              false,
		"application/activity json":                                                               false,
		"application/activity+json; charset":                                                      false,
		"application/activity+json; charset=\"utf8":                                               false,
		"application/x-activity+json":                                                             false,
		"application/activity+json/x":                                                             false,
		"application/activity+json; x=" + strings.Repeat("y", 1024):                               false,
		"application/activity+json\x00":                                                           false,
	} {
		if got := AcceptsActivity(contentType); got != want {
			t.Errorf("AcceptsActivity(%q) = %v", contentType, got)
		}
	}
}

func TestWanted(t *testing.T) {
	for header, want := range map[string]bool{
		ContentTypeLD: true,
		Accept:        true,
		"application/activity+json, application/ld+json":                                                                     true,
		"application/activity+json, application/ld+json; profile=\"https://www.w3.org/ns/activitystreams\", text/html;q=0.1": true,
		"text/html;q=0.5, application/activity+json;q=0.5":                                                                   true,
		"application/json, application/activity+json;q=0.1":                                                                  true,
		"*/*;q=0.1,application/activity+json":                                                                                true,
		`application/activity+json; z="\",", text/html;q=0.1`:                                                                true,
		", application/activity+json ,":                                                                                      true,
		`application/ld+json; profile="a,b https://www.w3.org/ns/activitystreams"`:                                           true,
		"":                    false,
		",":                   false,
		"*/*":                 false,
		"application/*":       false,
		"application/json":    false,
		"application/ld+json": false,
		"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": false,
		"text/html, application/activity+json;q=0.9":                      false,
		"application/xhtml+xml, application/activity+json;q=0.9":          false,
		"application/activity+json;q=0":                                   false,
		"application/activity+json;q=0.000":                               false,
		"application/activity+json;q=-1":                                  false,
		"application/activity+json;q=2":                                   false,
		"application/activity+json;q=NaN":                                 false,
		"application/activity+json;q=x":                                   false,
		"application/activity+json, ;;":                                   false,
		`application/activity+json, x/y; z="\`:                            false,
		`x/y; z="application/activity+json`:                               false,
		`x/y; z="\", application/activity+json"`:                          false,
		`x/y; z=", application/activity+json, "`:                          false,
		"application/activity+json, " + strings.Repeat("x/y, ", 300):      false,
	} {
		if got := Wanted(header); got != want {
			t.Errorf("Wanted(%q) = %v", header, got)
		}
	}
}

func FuzzMediaTypes(f *testing.F) {
	for _, seed := range []string{ContentType, ContentTypeLD, Accept, "text/html;q=0.5, */*", `a/b; c="\`, "application/activity+json;q=NaN"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		lower := strings.ToLower(header)
		named := strings.Contains(lower, "application/activity+json") || strings.Contains(lower, "application/ld+json")
		if (AcceptsActivity(header) || Wanted(header)) && !named {
			t.Fatalf("%q names no type of ours", header)
		}
		if AcceptsActivity(header) && !strings.Contains(lower, "q") && !Wanted(header) {
			t.Fatalf("%q is accepted but not wanted", header)
		}
	})
}
