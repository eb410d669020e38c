package config

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// document is where everything stands in a TOML file, which the decoder only tells of what it refuses.
type document struct {
	keys  []key
	lines map[string]int // by path, elements of arrays of tables numbered from 0: "relay.0.name"
	spans []span
}

// key is one key of the file as it is spelled.
type key struct {
	path         string // dotted, without numbers: "relay.name"
	line, column int
	header       string // "[" or "[[" for the key of a table header
}

// span is the lines of one key and value, or of one table header.
type span struct {
	first, last int
	header      bool
}

// outline reads as much of data as is well-formed.
func outline(data []byte) *document {
	d := &document{lines: make(map[string]int)}
	var p unstable.Parser
	p.Reset(data)
	var table, numbered []string
	count := make(map[string]int)
	for p.NextExpression() {
		e := p.Expression()
		if e.Kind == unstable.KeyValue {
			shape := p.Shape(e.Raw)
			d.spans = append(d.spans, span{first: shape.Start.Line, last: shape.End.Line})
			d.keyValue(&p, e, table, numbered)
			continue
		}
		names, at := keyParts(&p, e)
		d.spans = append(d.spans, span{first: at.Line, last: at.Line, header: true})
		table, numbered = names, names
		header := "["
		if e.Kind == unstable.ArrayTable {
			header = "[["
			path := strings.Join(names, ".")
			numbered = appended(names, strconv.Itoa(count[path]))
			count[path]++
		}
		d.add(table, numbered, at, header)
	}
	return d
}

// keyValue notes a key, and those inside its value when that is an inline table or a list of them.
func (d *document) keyValue(p *unstable.Parser, e *unstable.Node, table, numbered []string) {
	names, at := keyParts(p, e)
	table, numbered = appended(table, names...), appended(numbered, names...)
	d.add(table, numbered, at, "")
	d.value(p, e.Value(), table, numbered)
}

func (d *document) value(p *unstable.Parser, v *unstable.Node, table, numbered []string) {
	children := v.Children()
	for i := 0; children.Next(); i++ {
		switch child := children.Node(); child.Kind {
		case unstable.KeyValue:
			d.keyValue(p, child, table, numbered)
		case unstable.InlineTable:
			d.value(p, child, table, appended(numbered, strconv.Itoa(i)))
		}
	}
}

func (d *document) add(table, numbered []string, at unstable.Position, header string) {
	d.keys = append(d.keys, key{strings.Join(table, "."), at.Line, at.Column, header})
	for i := range numbered { // a dotted key or header writes its parents too
		path := strings.Join(numbered[:i+1], ".")
		if _, ok := d.lines[path]; !ok {
			d.lines[path] = at.Line
		}
	}
}

// has reports whether the numbered path is written anywhere.
func (d *document) has(path string) bool { return d.lines[path] != 0 }

// line is where the numbered path stands, else where its nearest parent does, else the first.
func (d *document) line(path string) int {
	for path != "" {
		if line, ok := d.lines[path]; ok {
			return line
		}
		path = path[:max(0, strings.LastIndexByte(path, '.'))]
	}
	return 1
}

// spelled is the path of the key at a position.
func (d *document) spelled(line, column int) (string, bool) {
	for _, k := range d.keys {
		if k.line == line && k.column == column {
			return k.path, true
		}
	}
	return "", false
}

// header is how the table header on a line begins, if there is one.
func (d *document) header(line int) string {
	for _, k := range d.keys {
		if k.line == line {
			return k.header
		}
	}
	return ""
}

// span numbers the span a line belongs to; -1 for a line without one.
func (d *document) span(line int) int {
	return slices.IndexFunc(d.spans, func(s span) bool { return s.first <= line && line <= s.last })
}

// blank empties the key and value on a line, and for a table header everything up to the next. False when no key is
// there, as when the file is not TOML.
func (d *document) blank(data []byte, line int) ([]byte, bool) {
	i := d.span(line)
	if i < 0 {
		return data, false
	}
	first, last := d.spans[i].first, d.spans[i].last
	for _, next := range d.spans[i+1:] {
		if !d.spans[i].header || next.header {
			break
		}
		last = next.last
	}
	lines := bytes.Split(data, []byte("\n"))
	clear(lines[first-1 : last])
	return bytes.Join(lines, []byte("\n")), true
}

// keyParts gives the names of a key or header and where the first of them stands.
func keyParts(p *unstable.Parser, e *unstable.Node) (names []string, at unstable.Position) {
	for it := e.Key(); it.Next(); {
		if names == nil {
			at = p.Shape(it.Node().Raw).Start
		}
		names = append(names, string(it.Node().Data))
	}
	return names, at
}

// appended is append to a copy.
func appended(path []string, names ...string) []string {
	return append(append([]string(nil), path...), names...)
}
