package hardening_test

import (
	"errors"
	"io"
	"net"
	"slices"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/dunnock-server/dunnock/hardening"
	records "github.com/dunnock-server/dunnock/hardening/dns"
	"github.com/dunnock-server/dunnock/hardening/egress"
)

// TestLook: a node looks at itself by the relay that it was told and by no other, whose resolver finds the name, and the ledger
// says so.
func TestLook(t *testing.T) {
	self, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	go func() {
		for {
			conn, err := self.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(conn, conn); conn.Close() }()
		}
	}()
	_, port, _ := net.SplitHostPort(self.Addr().String())
	d := newDNS(t, map[string][]string{"home.example": {"127.0.0.1"}})
	one, two := &plain{name: "one"}, &plain{name: "two"}
	w := named(t, hardening.Open(), d, one, two)
	conn, err := w.Look("two", "")(t.Context(), "tcp", "home.example:"+port)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "hello"); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 5)
	if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != "hello" {
		t.Fatal(string(answer), err)
	}
	for range 2 { // twice: it is settled once
		_ = conn.Close()
	}
	rows := w.rows("home.example:" + port)
	if len(rows) != 1 || rows[0].Exit != "two" || rows[0].Purpose != "look" || rows[0].Bytes != 5 || rows[0].SettledAt.IsZero() {
		t.Errorf("%+v", rows)
	}
	if len(one.asked) > 0 || len(d.asked) != 1 {
		t.Errorf("the other relay was asked for %v, and the resolver for %v", one.asked, d.asked)
	}

	for _, bad := range []string{"home.example", "10.0.0.1:443", "localhost.:443", "hidden.onion:80"} {
		if _, err := w.Look("two", "")(t.Context(), "tcp", bad); !errors.Is(err, egress.ErrRefused) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if _, err := w.Look("two", "hidden.onion")(t.Context(), "tcp", "hidden.onion:80"); !errors.Is(err, egress.ErrRefused) {
		t.Errorf("an onion service of ours by no tor: %v", err)
	}
	for _, nobody := range []string{"", "three"} {
		if _, err := w.Look(nobody, "")(t.Context(), "tcp", "home.example:"+port); !errors.Is(err, egress.ErrNoRelay) {
			t.Errorf("%q: %v", nobody, err)
		}
	}
	closed := named(t, hardening.Policy{}, d, &plain{name: "one"})
	if _, err := closed.Look("one", "")(t.Context(), "tcp", "home.example:"+port); !errors.Is(err, hardening.ErrWithheld) {
		t.Errorf("%v", err)
	}
	closed.silent("home.example:" + port)
}

// TestCAA: the records of a name are those of the nearest one above it that has any.
func TestCAA(t *testing.T) {
	d := newDNS(t, nil)
	at, fail := "home.example.", false
	d.spoil = func(m *dnsmessage.Message) {
		switch q := m.Questions[0]; {
		case fail:
			m.RCode = dnsmessage.RCodeServerFailure
		case q.Name.String() == at && q.Type == records.TypeCAA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, Type: q.Type, TTL: 60},
				Body: &dnsmessage.UnknownResource{Type: q.Type, Data: []byte("\x00\x05issueca.example; accounturi=x")}})
		default:
			m.RCode = dnsmessage.RCodeNameError
		}
	}
	want := []records.CAA{{Tag: "issue", Value: "ca.example; accounturi=x"}}
	w := named(t, hardening.Open(), d, &plain{name: "one"})
	for _, name := range []string{"home.example", "social.home.example"} {
		if got, err := w.CAA(t.Context(), name); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if at = "example."; len(d.asked) != 3 {
		t.Errorf("asked for %v", d.asked)
	}
	if got, err := w.CAA(t.Context(), "home.example"); err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	at = ""
	if got, err := w.CAA(t.Context(), "home.example"); err != nil || got != nil {
		t.Errorf("%+v, %v", got, err)
	}
	fail = true // which is no answer, least of all that there is no record
	if got, err := w.CAA(t.Context(), "home.example"); err == nil {
		t.Errorf("%+v", got)
	}
}
