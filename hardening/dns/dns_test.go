package wireguard

import (
	"errors"
	"net"
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
	missing := new(net.DNSError)
	for name, tt := range map[string]struct {
		change func(*dnsmessage.Message)
		addrs  int
		err    error
	}{
		"as it should":  {func(*dnsmessage.Message) {}, 1, nil},
		"another case":  {func(m *dnsmessage.Message) { m.Questions[0].Name = dnsmessage.MustNewName("GOOD.example.") }, 1, nil},
		"empty":         {func(m *dnsmessage.Message) { m.Answers = nil }, 0, nil},
		"a query":       {func(m *dnsmessage.Message) { m.Response = false }, 0, errAnswer},
		"another id":    {func(m *dnsmessage.Message) { m.ID++ }, 0, errAnswer},
		"another name":  {func(m *dnsmessage.Message) { m.Questions[0].Name = dnsmessage.MustNewName("bad.example.") }, 0, errAnswer},
		"another type":  {func(m *dnsmessage.Message) { m.Questions[0].Type = dnsmessage.TypeAAAA }, 0, errAnswer},
		"no question":   {func(m *dnsmessage.Message) { m.Questions = nil }, 0, errAnswer},
		"cut":           {func(m *dnsmessage.Message) { m.Truncated = true }, 0, errCut},
		"failed":        {func(m *dnsmessage.Message) { m.RCode = dnsmessage.RCodeServerFailure }, 0, errFailed},
		"no such name":  {func(m *dnsmessage.Message) { m.RCode = dnsmessage.RCodeNameError }, 0, missing},
		"far too many":  {func(m *dnsmessage.Message) { m.Answers = append(m.Answers, many(m.Answers[1], 50)...) }, maxAddrs, nil},
		"another's too": {func(m *dnsmessage.Message) { m.Questions = append(m.Questions, m.Questions[0]) }, 1, nil},
	} {
		addrs, ttl, err := answer(packed(t, tt.change), 7, "good.example", dnsmessage.TypeA)
		if len(addrs) != tt.addrs || tt.err != missing && !errors.Is(err, tt.err) || tt.err == missing && !errors.As(err, &missing) {
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
		addrs, ttl, err := answer(message, 7, "good.example", dnsmessage.TypeA)
		if err != nil && addrs != nil || len(addrs) > maxAddrs || ttl < 0 {
			t.Error(addrs, ttl, err)
		}
		for _, a := range addrs {
			if !a.Is4() {
				t.Error(a)
			}
		}
	})
}
