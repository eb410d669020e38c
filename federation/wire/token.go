package wire

import (
	"iter"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/dunnock-server/dunnock/hardening/hostname"
	"github.com/dunnock-server/dunnock/hardening/sanitize"
)

// clean is text as it may stand in a document: valid, with \n at the ends of lines, and without other controls or
// characters that override the direction of reading.
func clean(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r':
			return '\n'
		case unicode.IsControl(r) || 0x202a <= r && r <= 0x202e:
			return -1
		}
		return r
	}, text)
}

// blankLines separate paragraphs.
var blankLines = regexp.MustCompile(`\n[ \t]*(?:\n[ \t]*)+`)

func paragraphs(source string) []string {
	source = strings.TrimSpace(clean(source))
	if source == "" {
		return nil
	}
	return blankLines.Split(source, -1)
}

// tokenKind says what a piece of text is.
type tokenKind uint8

const (
	words tokenKind = iota
	link
	mention
	hashtag
)

// token is a piece of text as written, and its normal value: an address, "@user@host", a hashtag without its "#".
type token struct {
	kind        tokenKind
	text, value string
}

// What may stand at a place where no word goes on: the patterns find the longest candidate, the code below judges it.
var (
	linkPattern    = regexp.MustCompile(`^(?i:https?)://[^\s<>"\x60{}|\\^]+`)
	mentionPattern = regexp.MustCompile(`^@([\pL\pN_](?:[\pL\pN_.-]*[\pL\pN_])?)@([\pL\pN](?:[\pL\pM\pN.-]*[\pL\pM\pN])?(?::[0-9]+)?)`)
	hashtagPattern = regexp.MustCompile(`^#([\pL\pM\pN_]+)`)
)

// tokens cuts a text into what is a link, a mention or a hashtag, and what is not. Put together again, the texts of the
// tokens are the text. Each is looked for only where no word goes on, so that "a@b@c" mentions nobody and the fragment of
// an address is no hashtag.
func (i IDs) tokens(text string) iter.Seq[token] {
	return func(yield func(token) bool) {
		from, before := 0, ' '
		for at := 0; at < len(text); {
			r, size := utf8.DecodeRuneInString(text[at:])
			if t, ok := i.token(text[at:], r, before); ok {
				if from < at && !yield(token{kind: words, text: text[from:at]}) || !yield(t) {
					return
				}
				at += len(t.text)
				from = at
				before, _ = utf8.DecodeLastRuneInString(t.text)
				continue
			}
			before = r
			at += size
		}
		if from < len(text) {
			yield(token{kind: words, text: text[from:]})
		}
	}
}

// token finds what starts with r at the start of text, after the rune before.
func (i IDs) token(text string, r, before rune) (token, bool) {
	if unicode.IsLetter(before) || unicode.IsMark(before) || unicode.IsNumber(before) || strings.ContainsRune("_@#&/", before) {
		return token{}, false
	}
	switch r {
	case 'h', 'H':
		raw := linkPattern.FindString(text[:min(len(text), sanitize.MaxURL+1)])
		if len(raw) > sanitize.MaxURL {
			break // before any work on it: a text may be full of them
		}
		raw = trimLink(raw)
		if address, ok := sanitize.URL(raw); ok {
			return token{link, raw, address}, true
		}
	case '@':
		m := mentionPattern.FindStringSubmatch(text)
		if m == nil || strings.HasPrefix(text[len(m[0]):], "@") {
			break
		}
		trial := i.Scheme == "http" // where hosts have ports, and may be "localhost"
		if host, err := hostname.Canonical(m[2], trial); err == nil && (trial || strings.Contains(host, ".")) {
			return token{mention, m[0], "@" + strings.ToLower(m[1]) + "@" + host}, true
		}
	case '#':
		if m := hashtagPattern.FindStringSubmatch(text); m != nil {
			if name := hashtagName(m[1]); name != "" {
				return token{hashtag, m[0], name}, true
			}
		}
	}
	return token{}, false
}

// hashtagName is the one form of a hashtag, without its "#": composed and in lower case. It is empty for what is none:
// "#1" counts things.
func hashtagName(name string) string {
	if !strings.ContainsFunc(name, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsMark(r) }) {
		return ""
	}
	return strings.ToLower(norm.NFC.String(name))
}

// trimLink takes off what ends a sentence rather than an address, and brackets that it does not open itself.
func trimLink(raw string) string {
	for raw != "" {
		last := raw[len(raw)-1]
		switch {
		case strings.IndexByte(`.,;:!?'*_~`, last) >= 0:
		case last == ')' && strings.Count(raw, "(") < strings.Count(raw, ")"):
		case last == ']' && strings.Count(raw, "[") < strings.Count(raw, "]"):
		default:
			return raw
		}
		raw = raw[:len(raw)-1]
	}
	return ""
}
