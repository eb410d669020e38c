package dns

import (
	"errors"
	"slices"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

func FuzzAnswerCAA(f *testing.F) {
	for _, data := range []string{"\x00\x05issueca.example", "\x80\x00", ""} {
		f.Add(packed(f, func(m *dnsmessage.Message) {
			m.Questions[0].Type = TypeCAA
			m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Type: TypeCAA, Class: dnsmessage.ClassINET},
				Body: &dnsmessage.UnknownResource{Type: TypeCAA, Data: []byte(data)}}}
		}))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		records, err := AnswerCAA(message, 7, "good.example")
		if err != nil && records != nil || len(records) > MaxCAA {
			t.Error(records, err)
		}
		for _, r := range records {
			if r.Tag == "" {
				t.Error(r)
			}
		}
	})
}

func TestAnswerCAA(t *testing.T) {
	for name, tt := range map[string]struct {
		data []string
		want []CAA
		err  error
	}{
		"RFC 8659, section 4.2": {[]string{"\x00\x05issueca1.example.net; account=230123", "\x80\x03TBSUnknown"},
			[]CAA{{false, "issue", "ca1.example.net; account=230123"}, {true, "tbs", "Unknown"}}, nil},
		"capitals":      {[]string{"\x00\x05IssUEca"}, []CAA{{false, "issue", "ca"}}, nil},
		"no value":      {[]string{"\x00\x05issue"}, []CAA{{false, "issue", ""}}, nil},
		"no tag":        {[]string{"\x00\x00x"}, nil, ErrFailed},
		"a tag too far": {[]string{"\x00\x06issue"}, nil, ErrFailed},
		"nothing":       {[]string{""}, nil, ErrFailed},
		"none":          {nil, nil, nil},
		"far too many":  {slices.Repeat([]string{"\x00\x05issue;"}, MaxCAA+1), nil, ErrFailed},
		"many":          {slices.Repeat([]string{"\x00\x05issue;"}, MaxCAA), slices.Repeat([]CAA{{false, "issue", ";"}}, MaxCAA), nil},
	} {
		message := packed(t, func(m *dnsmessage.Message) {
			m.Questions[0].Type = TypeCAA
			m.Answers = m.Answers[:1] // an alias, which leads there
			for _, data := range tt.data {
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Type: TypeCAA, Class: dnsmessage.ClassINET, TTL: 60},
					Body: &dnsmessage.UnknownResource{Type: TypeCAA, Data: []byte(data)}})
			}
		})
		got, err := AnswerCAA(message, 7, "good.example")
		if !errors.Is(err, tt.err) || !slices.Equal(got, tt.want) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if _, err := AnswerCAA(packed(t, func(*dnsmessage.Message) {}), 7, "good.example"); !errors.Is(err, ErrOther) {
		t.Errorf("an answer to another question: %v", err)
	}
}
