package httpsig

import (
	"slices"
	"strings"
	"time"

	"github.com/dunglas/httpsfv"
)

// input is one member of Signature-Input: what a signature says it covers (RFC 9421, section 4.1).
type input struct {
	components []string // in order; those of our own kinds only, without component parameters
	params     string   // the member serialised: the value of "@signature-params"
	keyID      string
	algorithm  algorithm
	times      times
}

// parseRFC9421 checks a request that carries Signature-Input. Of several signatures the first acceptable one counts:
// proxies and senders with keys of two kinds add their own. If none is, the first reason is given.
func parseRFC9421(m *message, inputs, signatures []string, o Options) (*Signature, error) {
	described, err := parseDictionary(inputs)
	if err != nil {
		return nil, err
	}
	values, err := parseDictionary(signatures)
	if err != nil {
		return nil, err
	}
	labels := described.Names()
	if len(labels) == 0 || len(labels) > maxSignatures {
		return nil, refuse("no signatures or too many")
	}
	var first error
	for _, label := range labels {
		s, err := candidate(m, described, values, label, o)
		if err == nil {
			return s, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

// candidate checks the signature of one label.
func candidate(m *message, described, values *httpsfv.Dictionary, label string, o Options) (*Signature, error) {
	member, _ := described.Get(label)
	in, err := parseInput(member)
	if err != nil {
		return nil, err
	}
	member, _ = values.Get(label)
	item, _ := member.(httpsfv.Item)
	value, ok := item.Value.([]byte)
	if !ok || len(value) == 0 {
		return nil, refuse("no signature for a label")
	}
	signedAt, err := in.check(m, o)
	if err != nil {
		return nil, err
	}
	base, err := in.base(m)
	if err != nil {
		return nil, err
	}
	return &Signature{
		KeyID: in.keyID, Scheme: RFC9421, SignedAt: signedAt, algorithm: in.algorithm, bases: []string{base}, value: value,
	}, nil
}

// parseInput reads one member of Signature-Input. Component parameters (;sf, ;bs, ;key, ;req, ;tr, ;name) choose a part
// or another reading of a component; nobody who federates uses them, so none is taken.
func parseInput(member httpsfv.Member) (in input, err error) {
	list, ok := member.(httpsfv.InnerList)
	if !ok {
		return in, refuse("signature input is not a list")
	}
	if len(list.Items) > maxComponents {
		return in, refuse("covers too many components")
	}
	for _, item := range list.Items {
		name, ok := item.Value.(string)
		if !ok || name != strings.ToLower(name) || len(item.Params.Names()) > 0 {
			return in, refuse("covers a component that is not known")
		}
		in.components = append(in.components, name)
	}
	if hasDuplicate(in.components) {
		return in, refuse("covers a component twice")
	}
	if in.params, err = httpsfv.Marshal(list); err != nil {
		return in, refuse("signature input does not serialise")
	}
	algorithm := ""
	for _, name := range list.Params.Names() {
		value, _ := list.Params.Get(name)
		ok := true
		switch name {
		case "keyid":
			in.keyID, ok = value.(string)
		case "alg":
			algorithm, ok = value.(string)
			ok = ok && algorithm != ""
		case "created":
			var seconds int64
			seconds, ok = value.(int64)
			in.times.signed = append(in.times.signed, time.Unix(seconds, 0))
		case "expires":
			var seconds int64
			seconds, ok = value.(int64)
			in.times.expires = time.Unix(seconds, 0)
		}
		if !ok {
			return in, refuse("signature parameter of the wrong type")
		}
	}
	if !validKeyID(in.keyID) {
		return in, refuse("no usable key id")
	}
	if in.algorithm, ok = rfc9421Algorithm(algorithm); !ok {
		return in, refuse("unknown algorithm")
	}
	return in, nil
}

// check checks what is covered, the times and the digest.
func (in *input) check(m *message, o Options) (time.Time, error) {
	covers := func(name string) bool { return slices.Contains(in.components, name) }
	if !covers("@method") {
		return time.Time{}, refuse("@method not covered")
	}
	if !covers("@target-uri") {
		if !covers("@authority") && !covers("host") {
			return time.Time{}, refuse("@authority not covered")
		}
		_, _, hasQuery := m.pathAndQuery()
		if !covers("@request-target") && (!covers("@path") || hasQuery && !covers("@query")) {
			return time.Time{}, refuse("@target-uri not covered")
		}
	}
	if m.needsDigest() && !covers("content-digest") {
		return time.Time{}, refuse("content-digest not covered")
	}
	t := in.times
	if covers("date") {
		if err := t.addDate(m); err != nil {
			return time.Time{}, err
		}
	}
	signedAt, err := t.check(o)
	if err == nil && covers("content-digest") {
		err = m.checkContentDigest()
	}
	return signedAt, err
}
