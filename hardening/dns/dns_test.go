package dns

import (
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// packed is an answer to a question for a name, changed.
func packed(t testing.TB, change func(*dnsmessage.Message)) []byte {
	t.Helper()
	name := dnsmessage.MustNewName("good.example.")
	alias := dnsmessage.MustNewName("alias.example.")
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: 7, Response: true},
		Questions: []dnsmessage.Question{{Name: name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}},
		Answers: []dnsmessage.Resource{
			{Header: dnsmessage.ResourceHeader{Name: name, Type: dnsmessage.TypeCNAME, Class: dnsmessage.ClassINET, TTL: 40}, Body: &dnsmessage.CNAMEResource{CNAME: alias}},
			{Header: dnsmessage.ResourceHeader{Name: alias, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET, TTL: 60}, Body: &dnsmessage.AResource{A: [4]byte{45, 79, 10, 2}}},
		},
	}
	change(&m)
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAnswer(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*dnsmessage.Message)
		addrs  int
		err    error
	}{
		"as it should":  {func(*dnsmessage.Message) {}, 1, nil},
		"another case":  {func(m *dnsmessage.Message) { m.Questions[0].Name = dnsmessage.MustNewName("GOOD.example.") }, 1, nil},
		"empty":         {func(m *dnsmessage.Message) { m.Answers = nil }, 0, nil},
		"a query":       {func(m *dnsmessage.Message) { m.Response = false }, 0, ErrOther},
		"another id":    {func(m *dnsmessage.Message) { m.ID++ }, 0, ErrOther},
		"another name":  {func(m *dnsmessage.Message) { m.Questions[0].Name = dnsmessage.MustNewName("bad.example.") }, 0, ErrOther},
		"another type":  {func(m *dnsmessage.Message) { m.Questions[0].Type = dnsmessage.TypeAAAA }, 0, ErrOther},
		"no question":   {func(m *dnsmessage.Message) { m.Questions = nil }, 0, ErrOther},
		"cut":           {func(m *dnsmessage.Message) { m.Truncated = true }, 0, ErrCut},
		"failed":        {func(m *dnsmessage.Message) { m.RCode = dnsmessage.RCodeServerFailure }, 0, ErrFailed},
		"no such name":  {func(m *dnsmessage.Message) { m.RCode = dnsmessage.RCodeNameError }, 0, ErrMissing},
		"far too many":  {func(m *dnsmessage.Message) { m.Answers = append(m.Answers, many(m.Answers[1], 50)...) }, MaxAddrs, nil},
		"another's too": {func(m *dnsmessage.Message) { m.Questions = append(m.Questions, m.Questions[0]) }, 1, nil},
	} {
		addrs, ttl, err := Answer(packed(t, tt.change), 7, "good.example", dnsmessage.TypeA)
		if len(addrs) != tt.addrs || !errors.Is(err, tt.err) {
			t.Errorf("%s: %v, %v", name, addrs, err)
		}
		if tt.addrs > 0 && ttl != 40*time.Second {
			t.Errorf("%s: good for %v", name, ttl)
		}
	}
}

func many(r dnsmessage.Resource, n int) (list []dnsmessage.Resource) {
	for range n {
		list = append(list, r)
	}
	return list
}

// Whatever is sent, what is read of it is bounded.
func FuzzAnswer(f *testing.F) {
	f.Add(packed(f, func(*dnsmessage.Message) {}))
	f.Add(packed(f, func(m *dnsmessage.Message) { m.Truncated = true }))
	f.Add([]byte{0, 7, 0x80, 0})
	f.Fuzz(func(t *testing.T, message []byte) {
		addrs, ttl, err := Answer(message, 7, "good.example", dnsmessage.TypeA)
		if err != nil && addrs != nil || len(addrs) > MaxAddrs || ttl < 0 {
			t.Error(addrs, ttl, err)
		}
		for _, a := range addrs {
			if !a.Is4() {
				t.Error(a)
			}
		}
	})
}

// Questions are told apart by what they ask for and nothing else, and their padding is whole.
func TestQuestion(t *testing.T) {
	for _, name := range []string{"a.example", "good.example", strings.Repeat("long.", 40) + "example"} {
		for _, block := range []int{0, 128} {
			b, err := Question(name, dnsmessage.TypeA, 7, block)
			var m dnsmessage.Message
			if err != nil || m.Unpack(b) != nil || m.ID != 7 || !m.RecursionDesired || len(m.Questions) != 1 || m.Questions[0].Name.String() != name+"." {
				t.Errorf("%s: %v, %v", name, m, err)
			}
			if block > 0 && len(b)%block != 0 || block == 0 && len(m.Additionals) > 0 {
				t.Errorf("%s: %d bytes", name, len(b))
			}
		}
	}
	if _, err := Question(strings.Repeat("x", 300), dnsmessage.TypeA, 0, 0); err == nil || strings.Contains(err.Error(), "xx") {
		t.Error(err)
	}
}
