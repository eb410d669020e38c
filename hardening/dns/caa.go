package dns

import (
	"errors"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// TypeCAA is the kind of record that says who may issue certificates for a domain (RFC 8659).
const TypeCAA dnsmessage.Type = 257

// MaxCAA is how many of them an answer may have.
const MaxCAA = 16

// CAA is such a record.
type CAA struct {
	// Critical has an authority that does not know the tag issue nothing.
	Critical bool
	// Tag is "issue", "issuewild", "iodef" or another, in lower case.
	Tag string
	// Value is what the tag says: for "issue" an authority and its parameters. It is remote text.
	Value string
}

// AnswerCAA reads the CAA records that a message answers a question with, at most MaxCAA: more are [ErrFailed], since
// one that was not read could permit what the others do not. None and no error: there are none at that name. Errors are those of
// [Answer].
func AnswerCAA(message []byte, id uint16, name string) (records []CAA, err error) {
	p, err := answers(message, id, name, TypeCAA)
	if err != nil {
		return nil, err
	}
	for {
		h, err := p.AnswerHeader()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			return records, nil
		} else if err != nil || len(records) == MaxCAA {
			return nil, ErrFailed
		}
		if h.Type != TypeCAA {
			if p.SkipAnswer() != nil {
				return nil, ErrFailed
			}
			continue
		}
		raw, err := p.UnknownResource()
		if err != nil {
			return nil, ErrFailed
		}
		r, ok := parseCAA(raw.Data)
		if !ok {
			return nil, ErrFailed
		}
		records = append(records, r)
	}
}

// parseCAA is RFC 8659 section 4.1: flags, the length of the tag, the tag, and the value in all that is left.
func parseCAA(data []byte) (r CAA, ok bool) {
	if len(data) < 2 || data[1] == 0 || len(data) < 2+int(data[1]) {
		return CAA{}, false
	}
	end := 2 + int(data[1])
	return CAA{Critical: data[0]&0x80 != 0, Tag: strings.ToLower(string(data[2:end])), Value: string(data[end:])}, true
}
