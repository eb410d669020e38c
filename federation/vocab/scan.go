package vocab

import (
	"encoding/json"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// text reads a string value.
func (p *parser) text() (string, error) {
	raw, escaped, err := p.quoted()
	if err != nil || !escaped {
		return string(raw), err
	}
	return unescape(raw)
}

// quoted returns the bytes between two quotation marks and whether they hold escapes.
func (p *parser) quoted() (raw []byte, escaped bool, err error) {
	p.pos++
	start := p.pos
	for ; p.pos < len(p.data); p.pos++ {
		switch c := p.data[p.pos]; {
		case c == '"':
			raw = p.data[start:p.pos]
			p.pos++
			return raw, escaped, nil
		case c == '\\':
			escaped = true
			p.pos++ // what is escaped is checked by unescape
		case c < ' ':
			return nil, false, ErrSyntax
		}
	}
	return nil, false, ErrSyntax
}

// unescape resolves the escapes of a string (RFC 8259 section 7).
func unescape(raw []byte) (string, error) {
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			out = append(out, raw[i])
			continue
		}
		i++
		switch c := raw[i]; c {
		case '"', '\\', '/':
			out = append(out, c)
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r, ok := hex4(raw[i+1:])
			if !ok || r == 0 {
				return "", ErrSyntax
			}
			i += 4
			if utf16.IsSurrogate(r) {
				low := rune(0)
				if len(raw) > i+2 && raw[i+1] == '\\' && raw[i+2] == 'u' {
					low, _ = hex4(raw[i+3:])
				}
				if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
					i += 6
				}
			}
			out = utf8.AppendRune(out, r)
		default:
			return "", ErrSyntax
		}
	}
	return string(out), nil
}

// hex4 reads four hexadecimal digits.
func hex4(raw []byte) (rune, bool) {
	if len(raw) < 4 {
		return 0, false
	}
	for _, c := range raw[:4] {
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
			return 0, false
		}
	}
	n, err := strconv.ParseUint(string(raw[:4]), 16, 16)
	return rune(n), err == nil
}

// literal steps over a word that has to be there.
func (p *parser) literal(word string) error {
	if len(p.data)-p.pos < len(word) || string(p.data[p.pos:p.pos+len(word)]) != word {
		return ErrSyntax
	}
	p.pos += len(word)
	return nil
}

// number reads a number and keeps it as written (RFC 8259 section 6).
func (p *parser) number() (json.Number, error) {
	start := p.pos
	if p.peek() == '-' {
		p.pos++
	}
	if p.peek() == '0' {
		p.pos++
	} else if !p.digits() {
		return "", ErrSyntax
	}
	if p.peek() == '.' {
		if p.pos++; !p.digits() {
			return "", ErrSyntax
		}
	}
	if p.peek()|0x20 == 'e' {
		p.pos++
		if c := p.peek(); c == '+' || c == '-' {
			p.pos++
		}
		if !p.digits() {
			return "", ErrSyntax
		}
	}
	return json.Number(p.data[start:p.pos]), nil
}

// digits steps over decimal digits and reports whether there was one.
func (p *parser) digits() bool {
	start := p.pos
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		p.pos++
	}
	return p.pos > start
}
