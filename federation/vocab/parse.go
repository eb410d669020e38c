package vocab

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// MaxDepth is how many objects and lists may lie within each other, the document itself included. Real documents need
// about six; the bound keeps a kilobyte of "[" from costing a deep stack here or in whoever walks the result.
const MaxDepth = 32

// MaxValues is how many values a document may have: objects, lists and what is in them. Large lists have some thousands; the
// bound keeps a megabyte of "{}" from taking sixty.
const MaxValues = 1 << 15

// What Parse refuses. ErrSyntax, like the others, comes wrapped with a byte offset and nothing of the document.
var (
	ErrSyntax       = errors.New("vocab: not strict JSON")
	ErrNotObject    = errors.New("vocab: document is not a JSON object")
	ErrDuplicateKey = errors.New("vocab: duplicate key")
	ErrFoldedKey    = errors.New("vocab: well-known key in another case")
	ErrTooDeep      = errors.New("vocab: nested too deeply")
	ErrTooMany      = errors.New("vocab: too many values")
)

// Parse reads exactly one JSON object (RFC 8259) with nothing but white space around it. Nested objects become
// map[string]any, lists []any, numbers json.Number; they share no memory with data.
//
// Beyond the grammar it refuses what readers disagree about: invalid UTF-8 and a byte order mark, U+0000 in strings,
// duplicate keys at any depth, keys that differ from a well-known name only by case, more than MaxDepth levels, and more than
// MaxValues values. A lone surrogate escape becomes U+FFFD, as in encoding/json: peers that cut text in the middle of an emoji
// send them.
//
// The length of data is for the caller to bound. The result takes at most some 60 times as much memory, which only lists
// of one-field objects reach, and some 16 MB beside its texts.
func Parse(data []byte) (Object, error) {
	if !utf8.Valid(data) {
		return nil, fmt.Errorf("%w: invalid UTF-8", ErrSyntax)
	}
	p := parser{data: data}
	if p.skipSpace() != '{' {
		return nil, ErrNotObject
	}
	object, err := p.object(false)
	if err != nil {
		return nil, fmt.Errorf("%w at byte %d", err, p.pos)
	}
	if p.skipSpace(); p.pos < len(data) {
		return nil, fmt.Errorf("%w: data after the document at byte %d", ErrSyntax, p.pos)
	}
	return object, nil
}

// parser holds a place in data that is valid UTF-8. Each method starts at the first byte of what it reads and ends after
// the last.
type parser struct {
	data   []byte
	pos    int
	depth  int
	values int
}

// peek returns the byte at pos, 0 at the end: no grammar rule accepts 0, so the end needs no case of its own.
func (p *parser) peek() byte {
	if p.pos < len(p.data) {
		return p.data[p.pos]
	}
	return 0
}

// skipSpace moves to the next byte that is not white space and returns it.
func (p *parser) skipSpace() byte {
	for {
		switch c := p.peek(); c {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return c
		}
	}
}

// value reads any value; free says whether keys within are names of fields or anything at all, as in object.
func (p *parser) value(free bool) (any, error) {
	if p.values++; p.values > MaxValues {
		return nil, ErrTooMany
	}
	switch c := p.skipSpace(); c {
	case '{':
		return p.object(free)
	case '[':
		return p.list(free)
	case '"':
		return p.text()
	case 't':
		return true, p.literal("true")
	case 'f':
		return false, p.literal("false")
	case 'n':
		return nil, p.literal("null")
	default:
		return p.number()
	}
}

// enter counts one level and steps over its opening bracket.
func (p *parser) enter() error {
	if p.depth++; p.depth > MaxDepth {
		return ErrTooDeep
	}
	p.pos++
	return nil
}

// leave steps over the closing bracket of a level.
func (p *parser) leave() {
	p.pos++
	p.depth--
}

// object reads an object. Within free ones keys are JSON-LD terms or language tags, which may look like a field's name in
// another case ("ID" is a way to write Indonesian) and are never read as one.
func (p *parser) object(free bool) (map[string]any, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	object := make(map[string]any)
	for more := p.skipSpace() != '}'; more; {
		key, err := p.key(free)
		if err != nil {
			return nil, err
		}
		if _, double := object[key]; double {
			return nil, ErrDuplicateKey
		}
		if object[key], err = p.value(free || freeKeys(key)); err != nil {
			return nil, err
		}
		if more, err = p.comma('}'); err != nil {
			return nil, err
		}
	}
	p.leave()
	return object, nil
}

// list reads a list; see object for free.
func (p *parser) list(free bool) ([]any, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	list := []any{}
	for more := p.skipSpace() != ']'; more; {
		value, err := p.value(free)
		if err != nil {
			return nil, err
		}
		list = append(list, value)
		if more, err = p.comma(']'); err != nil {
			return nil, err
		}
	}
	p.leave()
	return list, nil
}

// comma steps over a comma between members and reports whether there was one; otherwise the closing bracket is next.
func (p *parser) comma(closing byte) (bool, error) {
	switch p.skipSpace() {
	case ',':
		p.pos++
		return true, nil
	case closing:
		return false, nil
	}
	return false, ErrSyntax
}

// key reads the name of a member and its colon, and refuses a well-known name in another case.
func (p *parser) key(free bool) (string, error) {
	if p.skipSpace() != '"' {
		return "", ErrSyntax
	}
	raw, escaped, err := p.quoted()
	if err != nil {
		return "", err
	}
	if p.skipSpace() != ':' {
		return "", ErrSyntax
	}
	p.pos++
	if name, known := wellKnown[string(raw)]; known {
		return name, nil // one string for all documents
	}
	key := string(raw)
	if escaped {
		if key, err = unescape(raw); err != nil {
			return "", err
		}
	}
	if !free && folded(key) {
		return "", ErrFoldedKey
	}
	return key, nil
}
