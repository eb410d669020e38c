package sanitize

import (
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/net/html"
)

// MaxText is the longest result of [Text], in runes.
const MaxText = 1500

// Text makes one line of plain text of a name, a label or a short description, which strangers fill with markup, line
// breaks and characters that turn the direction of what stands after them ("alice" may otherwise read as "ecila", and
// take the text around it along). Tags are dropped, references ("&amp;") decoded once, white space is collapsed, control
// characters are dropped, and the rest is cut to [MaxText] runes. No `<` that could start a tag remains, but the result
// is not HTML: escape it.
func Text(s string) string {
	if len(s) > MaxHTML {
		s = s[:MaxHTML]
	}
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(strings.ToValidUTF8(s, "")))
	for raw := ""; z.Next() != html.ErrorToken; {
		switch t := z.Token(); t.Type {
		case html.StartTagToken:
			if raw = ""; t.Data == "script" || t.Data == "style" {
				raw = t.Data
			}
			b.WriteString(gap(t.Data))
		case html.TextToken:
			if raw == "" {
				b.WriteString(t.Data)
			}
		case html.EndTagToken:
			raw = ""
			b.WriteString(gap(t.Data))
		case html.SelfClosingTagToken:
			b.WriteString(gap(t.Data))
		}
	}
	text := opener.ReplaceAllString(strings.Map(keepInText, b.String()), "$1")
	return firstRunes(strings.Join(strings.Fields(text), " "), MaxText)
}

// gap is what separates the text before a tag from the text after it.
func gap(name string) string {
	if e := elements[name]; e.void || e.closes != nil && name != "a" || rewritten[name] != nil {
		return " "
	}
	return ""
}

// opener finds what HTML would read as the start of a tag, a comment or a declaration. Decoding makes it of "&lt;b", and
// dropping what stood between makes it of "<" and "b".
var opener = regexp.MustCompile(`<+([A-Za-z/!?])`)

func firstRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return strings.TrimSpace(s[:i])
		}
		n--
	}
	return s
}

// keepInHTML is for strings.Map: it drops control characters and those that override the direction of letters. The marks
// and isolates that writers of Arabic and Hebrew need stay.
func keepInHTML(r rune) rune {
	switch {
	case r == '\n' || r == '\t':
		return r
	case unicode.IsControl(r) || 0x202a <= r && r <= 0x202e:
		return -1
	}
	return r
}

// keepInLink is for strings.Map: in a link's text, which may be an address, nothing changes the order of what is read.
func keepInLink(r rune) rune {
	if unicode.Is(unicode.Bidi_Control, r) {
		return -1
	}
	return r
}

// keepInText is for strings.Map: white space becomes a space; controls, direction, and what has no width go. The joiners
// stay, for the scripts and emoji that need them.
func keepInText(r rune) rune {
	switch {
	case unicode.IsSpace(r):
		return ' '
	case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
		return -1
	case r == 0x200b || r == 0x2060 || r == 0xfeff || 0xfff9 <= r && r <= 0xfffb:
		return -1
	}
	return r
}
