package httpsig

import (
	"encoding/base64"
	"slices"
	"strings"
	"time"
)

// parseCavage checks a request that carries a Signature header and no Signature-Input.
func parseCavage(m *message, lines []string, o Options) (*Signature, error) {
	if len(lines) != 1 {
		return nil, refuse("several signature headers")
	}
	if len(lines[0]) > maxHeader {
		return nil, refuse("signature header too long")
	}
	p, err := parseCavageParams(lines[0])
	if err != nil {
		return nil, err
	}
	s := &Signature{KeyID: p.keyID, Scheme: Cavage}
	if !validKeyID(p.keyID) {
		return nil, refuse("no usable key id")
	}
	var ok bool
	if s.algorithm, ok = cavageAlgorithm(p.algorithm); !ok {
		return nil, refuse("unknown algorithm")
	}
	if s.value, err = base64.StdEncoding.DecodeString(p.signature); err != nil || len(s.value) == 0 {
		return nil, refuse("signature is not base64")
	}
	covered := strings.Fields(strings.ToLower(p.headers))
	if s.SignedAt, err = checkCavage(m, p, covered, o); err != nil {
		return nil, err
	}
	targets := []string{m.target}
	// GoToSocial and Misskey have left the query out of what they sign. Where a request only reads, that is let pass: an
	// observer who can alter it in flight can at most have the signer served another page of the same collection.
	if path, _, hasQuery := m.pathAndQuery(); hasQuery && m.safeMethod() {
		targets = append(targets, path)
	}
	for _, target := range targets {
		base, err := cavageBase(m, p, covered, target)
		if err != nil {
			return nil, err
		}
		s.bases = append(s.bases, base)
	}
	return s, nil
}

// checkCavage checks what is covered, the times and the digest. A list of headers that is absent would mean Date or
// (created) alone, which never suffices, so it is not filled in.
func checkCavage(m *message, p cavageParams, covered []string, o Options) (signedAt time.Time, err error) {
	if len(covered) > maxComponents {
		return signedAt, refuse("covers too many headers")
	}
	if hasDuplicate(covered) {
		return signedAt, refuse("covers a header twice")
	}
	covers := func(name string) bool { return slices.Contains(covered, name) }
	if !covers("(request-target)") {
		return signedAt, refuse("(request-target) not covered")
	}
	if !covers("host") {
		return signedAt, refuse("host not covered")
	}
	if m.needsDigest() && !covers("digest") {
		return signedAt, refuse("digest not covered")
	}
	// Section 2.3: an algorithm that names itself excludes the two, so that an old verifier is not fooled.
	if (covers("(created)") || covers("(expires)")) && p.algorithm != "" && !strings.EqualFold(p.algorithm, "hs2019") {
		return signedAt, refuse("(created) or (expires) with an algorithm that forbids it")
	}
	var t times
	if covers("date") {
		if err := t.addDate(m); err != nil {
			return signedAt, err
		}
	}
	if p.created != "" {
		created, err := unixTime(p.created)
		if err != nil {
			return signedAt, err
		}
		if covers("(created)") {
			t.signed = append(t.signed, created)
		} else if err := o.fresh(created); err != nil {
			return signedAt, err
		}
	}
	if p.expires != "" {
		if t.expires, err = unixTime(p.expires); err != nil {
			return signedAt, err
		}
	}
	if signedAt, err = t.check(o); err != nil {
		return signedAt, err
	}
	if covers("digest") {
		err = m.checkDigest()
	}
	return signedAt, err
}

// cavageBase builds the signature string (draft-cavage-12, section 2.3).
func cavageBase(m *message, p cavageParams, covered []string, target string) (string, error) {
	var b strings.Builder
	b.Grow(512)
	for i, name := range covered {
		if i > 0 {
			b.WriteByte('\n')
		}
		value, ok := "", true
		switch name {
		case "(request-target)":
			value = strings.ToLower(m.method) + " " + target
		case "(created)":
			value, ok = p.created, p.created != ""
		case "(expires)":
			value, ok = p.expires, p.expires != ""
		default:
			value, ok = m.field(name)
		}
		if !ok {
			return "", refuse("covers a header that is not there")
		}
		b.WriteString(name)
		b.WriteString(": ")
		b.WriteString(value)
	}
	return b.String(), nil
}
