package sanitize

import (
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/publicsuffix"

	"github.com/dunnock-server/dunnock/hardening/hostname"
)

// link is an open link: where it leads, and what of its text can be seen.
type link struct {
	host    string // canonical, with its port if it has one
	visible strings.Builder
}

func newLink(href string) *link {
	host, _ := hostname.HostOf(href) // URL has seen to it
	return &link{host: host}
}

// suffix is what shows the host. It is in A-labels, where no letter looks like another.
func (l *link) suffix() string { return " [" + l.host + "]" }

// hostlike finds what a reader takes for a host: labels with dots between, the last one not a number.
var hostlike = regexp.MustCompile(`(?:[\pL\pM\pN_-]+\.)+[\pL][\pL\pM\pN-]+\.?(?::\d+)?`)

// dots are the characters that read as, and that domain names allow for, a full stop.
var dots = strings.NewReplacer("。", ".", "．", ".", "｡", ".", "․", ".")

// deceives reports whether a reader who sees the text would expect another host than the link's, or sees nothing. Handles
// ("@user@host") count as naming a host. Names under one registrable domain are one host here, so "example.org" may lead
// to "www.example.org" but "github.io" not to "someone.github.io".
func (l *link) deceives() bool {
	text := strings.TrimSpace(dots.Replace(strings.Map(dropInvisible, l.visible.String())))
	if text == "" {
		return true
	}
	if strings.HasSuffix(text, strings.TrimSpace(l.suffix())) {
		return false // it says so already
	}
	for word := range strings.FieldsSeq(text) {
		for {
			at := hostlike.FindStringIndex(word)
			if at == nil {
				break
			}
			if !sameSite(word[at[0]:at[1]], l.host) {
				return true
			}
			word = word[at[1]:]
			if next, _ := utf8.DecodeRuneInString(word); strings.ContainsRune("/?#", next) {
				break // the rest of an address; what it names, it does not claim to be
			}
		}
	}
	return false
}

// sameSite reports whether two hosts, ports aside, belong to one registrable domain, or are the same.
func sameSite(shown, canonical string) bool {
	shown, err := hostname.Canonical(shown, true)
	if err != nil {
		return false
	}
	shown, canonical = withoutPort(shown), withoutPort(canonical)
	if shown == canonical {
		return true
	}
	a, err := publicsuffix.EffectiveTLDPlusOne(shown)
	if err != nil {
		return false
	}
	b, err := publicsuffix.EffectiveTLDPlusOne(canonical)
	return err == nil && a == b
}

func withoutPort(host string) string {
	u := url.URL{Host: host}
	return u.Hostname()
}

// dropInvisible is for strings.Map: it drops what has no width, so that nothing is hidden between letters.
func dropInvisible(r rune) rune {
	if unicode.Is(unicode.Cf, r) {
		return -1
	}
	return r
}
