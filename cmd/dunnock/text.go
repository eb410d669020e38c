package main

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxWidth is the columns that help is wrapped to, and text on a terminal that has more.
const maxWidth = 80

// hostile reports whether a terminal might act on a character instead of showing it: controls of both sets (an escape
// sequence moves the cursor, changes the title, or types for the owner), and those that turn the direction of what
// follows, by which one text looks like another (CVE-2021-42574).
func hostile(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == '\u061c' || r == '\u200e' || r == '\u200f' ||
		(r >= '\u202a' && r <= '\u202e') || (r >= '\u2066' && r <= '\u2069') || r == '\ufeff' ||
		(r >= 0xe0000 && r <= 0xe007f) // tags: text that nothing shows
}

// printable is s in lines a terminal shows as they are. What is hostile becomes U+FFFD, a tab a space.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t':
			return ' '
		case hostile(r):
			return unicode.ReplacementChar
		}
		return r
	}, strings.ReplaceAll(s, "\r\n", "\n"))
}

// oneLine is printable text without line ends, for names and other values inside a line.
func oneLine(s string) string {
	return strings.Join(strings.Fields(printable(s)), " ")
}

// wrap breaks lines at spaces so that none is longer than width characters; a single word may be. Lines that start with
// a space stay as they are: they are laid out already.
func wrap(s string, width int) []string {
	var lines []string
	for line := range strings.SplitSeq(s, "\n") {
		if strings.HasPrefix(line, " ") || utf8.RuneCountInString(line) <= width {
			lines = append(lines, strings.TrimRight(line, " "))
			continue
		}
		current, used := "", 0
		for word := range strings.FieldsSeq(line) {
			n := utf8.RuneCountInString(word)
			if used > 0 && used+1+n > width {
				lines = append(lines, current)
				current, used = "", 0
			}
			if used > 0 {
				current, used = current+" ", used+1
			}
			current, used = current+word, used+n
		}
		lines = append(lines, current)
	}
	return lines
}
