package httpsig

import "strings"

// base builds the signature base (RFC 9421, section 2.5).
func (in *input) base(m *message) (string, error) {
	var b strings.Builder
	b.Grow(512)
	for _, name := range in.components {
		value, ok := m.component(name)
		if !ok {
			return "", refuse("covers a component that is not there")
		}
		b.WriteByte('"')
		b.WriteString(name)
		b.WriteString(`": `)
		b.WriteString(value)
		b.WriteByte('\n')
	}
	b.WriteString(`"@signature-params": `)
	b.WriteString(in.params)
	return b.String(), nil
}

// component gives the value of a derived component (RFC 9421, section 2.2) or of a field.
func (m *message) component(name string) (string, bool) {
	path, query, _ := m.pathAndQuery()
	switch name {
	case "@method":
		return m.method, true
	case "@target-uri":
		return m.scheme + "://" + m.authority + m.target, true
	case "@authority":
		return m.authority, true
	case "@scheme":
		return m.scheme, true
	case "@request-target":
		return m.target, true
	case "@path":
		return path, true
	case "@query":
		return "?" + query, true
	}
	if strings.HasPrefix(name, "@") {
		return "", false
	}
	return m.field(name)
}
