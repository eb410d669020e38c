package hardening

import (
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// Whatever a resolver sends, it is read within bounds, and gives addresses of the kind that was asked for.
func FuzzDNSAnswer(f *testing.F) {
	for _, kind := range []dnsmessage.Type{dnsmessage.TypeA, dnsmessage.TypeAAAA} {
		q, err := dnsQuery("good.example", kind)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(q)
		var m dnsmessage.Message
		if err := m.Unpack(q); err != nil {
			f.Fatal(err)
		}
		m.Response = true
		head := dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Class: dnsmessage.ClassINET, TTL: 60}
		m.Answers = []dnsmessage.Resource{{Header: head, Body: &dnsmessage.AResource{A: [4]byte{45, 33, 32, 156}}},
			{Header: head, Body: &dnsmessage.AAAAResource{AAAA: [16]byte{0x26}}}, {Header: head, Body: &dnsmessage.CNAMEResource{CNAME: head.Name}}}
		whole, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(whole)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, kind := range []dnsmessage.Type{dnsmessage.TypeA, dnsmessage.TypeAAAA} {
			addrs, ttl, err := dnsAnswer(body, "good.example", kind)
			if err != nil && len(addrs) > 0 || len(addrs) > mostRecords || ttl < 0 {
				t.Fatal(addrs, ttl, err)
			}
			for _, a := range addrs {
				if a.Is4() != (kind == dnsmessage.TypeA) {
					t.Fatalf("%v for %v", a, kind)
				}
			}
		}
	})
}
