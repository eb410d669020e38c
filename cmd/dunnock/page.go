package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"time"
)

// style is a terminal's way to show text (ECMA-48, select graphic rendition).
type style string

const (
	plain  style = ""
	bold   style = "1"
	dim    style = "2"
	yellow style = "33"
)

// page prints text. Everything passes printable on the way, except the styles, so that no text of others reaches the
// terminal as anything but text.
type page struct {
	w      io.Writer
	colour bool
	width  int // columns to wrap to; 0: not at all
}

func (m *Main) page() *page   { return &page{m.Stdout, m.Colour, m.Width} }
func (m *Main) errors() *page { return &page{w: m.Stderr} } // not wrapped: they are searched for

// in is text in a style.
func (p *page) in(s style, text string) string {
	if text = oneLine(text); !p.colour || s == plain || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// row prints parts in one line, two spaces apart; empty parts are left out.
func (p *page) row(indent string, parts ...cell) {
	var row []string
	for _, c := range parts {
		if text := p.in(c.style, c.text); text != "" {
			row = append(row, text)
		}
	}
	fmt.Fprintln(p.w, indent+strings.Join(row, "  "))
}

// cell is a part of a row.
type cell struct {
	style style
	text  string
}

// lines prints text of any number of lines, wrapped, each behind the indent.
func (p *page) lines(indent, text string) {
	width := math.MaxInt
	if p.width > 0 {
		width = p.width - len(indent)
	}
	for _, line := range wrap(strings.Trim(printable(text), "\n"), width) {
		fmt.Fprintln(p.w, strings.TrimRight(indent+line, " "))
	}
}

// f prints one line, formatted, not wrapped: what is meant to be copied.
func (p *page) f(format string, values ...any) {
	fmt.Fprintln(p.w, strings.TrimRight(printable(fmt.Sprintf(format, values...)), "\n"))
}

// gap is an empty line.
func (p *page) gap() { fmt.Fprintln(p.w) }

// when shows a time in the zone of whoever reads it.
func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04")
}

// json prints a value indented. Characters that encoding/json lets through but a terminal might act on are escaped; they
// can only stand in strings, where the escape means the same.
func (p *page) json(value any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(value); err != nil {
		return fmt.Errorf("encoding the answer: %w", err)
	}
	var out strings.Builder
	for _, r := range b.String() {
		switch {
		case r == '\n' || !hostile(r):
			out.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	_, err := io.WriteString(p.w, out.String())
	return err
}
