package hardening_test

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/egress"
)

// dns is a resolver with DNS over HTTPS that knows some names.
type dns struct {
	*httptest.Server
	known  map[string][]string // addresses by name
	mu     sync.Mutex
	asked  []string // type and name of each question
	sizes  []int
	agents []string                  // what it is told of the program
	spoil  func(*dnsmessage.Message) // of answers; may be nil
	status int                       // of the answer; 0: 200
}

func newDNS(t *testing.T, known map[string][]string) *dns {
	d := &dns{known: known}
	d.Server = httptest.NewTLSServer(d)
	t.Cleanup(d.Close)
	return d
}

func (d *dns) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var m dnsmessage.Message
	d.mu.Lock()
	d.agents = append(d.agents, r.Header["User-Agent"]...)
	d.mu.Unlock()
	if err := m.Unpack(body); err != nil || r.Method != "POST" || r.Header.Get("Content-Type") != "application/dns-message" || m.ID != 0 {
		http.Error(w, "bad query", http.StatusBadRequest)
		return
	}
	q := m.Questions[0]
	d.mu.Lock()
	d.asked, d.sizes = append(d.asked, strings.TrimPrefix(q.Type.String(), "Type")+" "+q.Name.String()), append(d.sizes, len(body))
	d.mu.Unlock()
	m.Response, m.Additionals = true, nil
	head := dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 300}
	for _, text := range d.known[strings.TrimSuffix(q.Name.String(), ".")] {
		switch a := netip.MustParseAddr(text); {
		case a.Is4() && q.Type == dnsmessage.TypeA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AResource{A: a.As4()}})
		case a.Is6() && q.Type == dnsmessage.TypeAAAA:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}})
		}
	}
	if d.spoil != nil {
		d.spoil(&m)
	}
	answer, _ := m.Pack()
	w.Header().Set("Content-Type", "application/dns-message")
	w.WriteHeader(max(d.status, http.StatusOK))
	_, _ = w.Write(answer)
}

// plain is a relay whose far end refuses nothing by itself.
type plain struct {
	name  string
	rules egress.Rules
	mu    sync.Mutex
	asked []string             // addresses
	conns map[string][]circuit // by address
}

type circuit = egress.Circuit

func (p *plain) Name() string { return p.name }
func (p *plain) Kind() string { return "plain" }
func (p *plain) Close() error { return nil }

func (p *plain) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	targets, err := egress.Resolve(ctx, p.rules, address)
	if err != nil {
		return nil, err
	}
	c, _ := egress.CircuitOf(ctx)
	p.mu.Lock()
	p.asked = append(p.asked, targets[0].String())
	if p.conns == nil {
		p.conns = make(map[string][]circuit)
	}
	p.conns[targets[0].String()] = append(p.conns[targets[0].String()], c)
	p.mu.Unlock()
	var d net.Dialer
	return d.DialContext(ctx, network, targets[0].String())
}

// named is a world that reaches the world by relays that refuse nothing, with a resolver.
func named(t *testing.T, policy hardening.Policy, d *dns, relays ...egress.Relay) *world {
	t.Helper()
	rules := egress.Rules{HTTP: true, Addresses: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	for _, r := range relays {
		r.(*plain).rules = rules
	}
	roots := x509.NewCertPool()
	roots.AddCert(d.Certificate())
	w := newWorldThrough(t, policy, nil)
	client, err := egress.New(egress.Config{Relays: relays, Rules: rules, Roots: roots, Key: []byte("0123456789abcdef")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	resolver, err := hardening.ParseResolver(d.URL + "/dns-query")
	if err != nil {
		t.Fatal(err)
	}
	w.Gate = hardening.New(hardening.Config{Policy: policy, Egress: client, Ledger: w.ledger, Resolver: resolver})
	return w
}

// A name is looked up through the exit of the dial it serves, on connections that serve no other domain or purpose, with a row
// in the ledger before; what the resolver answers is dialled only where the rules permit it.
func TestNamesAreLookedUpThroughTheExit(t *testing.T) {
	remote := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") }))
	t.Cleanup(remote.Close)
	_, port, _ := net.SplitHostPort(remote.Listener.Addr().String())
	d := newDNS(t, map[string][]string{"good.example": {"127.0.0.1"}, "other.example": {"127.0.0.1"}, "private.example": {"10.0.0.1", "169.254.169.254"},
		"six.example": {"::1"}})
	relays := []egress.Relay{&plain{name: "a"}, &plain{name: "b"}}
	w := named(t, hardening.Open(), d, relays...)
	ask := func(url string, p egress.Purpose) error {
		req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := w.Transport(p).RoundTrip(req)
		if err == nil {
			res.Body.Close()
		}
		return err
	}
	for _, host := range []string{"good.example", "other.example"} {
		for _, p := range []egress.Purpose{egress.Media, egress.Lookup, egress.Media} {
			if err := ask("http://"+host+":"+port+"/", p); err != nil {
				t.Errorf("%s: %v", host, err)
			}
		}
	}
	for _, host := range []string{"private.example", "none.example", "six.example"} {
		if err := ask("http://"+host+":"+port+"/", egress.Media); err == nil {
			t.Errorf("%s was reached", host)
		}
	}
	want := []string{"A good.example.", "A good.example.", "A other.example.", "A other.example.",
		"A private.example.", "A none.example.", "AAAA none.example.", "A six.example.", "AAAA six.example."}
	if !slices.Equal(d.asked, want) {
		t.Errorf("the resolver was asked\n%q, want\n%q", d.asked, want)
	}
	if len(d.agents) > 0 {
		t.Errorf("the resolver was told %q", d.agents)
	}
	for _, n := range d.sizes {
		if n%128 != 0 {
			t.Errorf("a query of %d bytes", n)
		}
	}
	_, resolver, _ := strings.Cut(d.URL, "https://")
	exits := make(map[string]string)
	for _, r := range relays {
		p := r.(*plain)
		for _, c := range p.conns[resolver] {
			if c.Purpose != egress.Names || c.For == 0 || c.Exit != p.name {
				t.Errorf("a look-up left by %s for %+v", p.name, c)
			}
			exits[c.Domain] = p.name
		}
		for _, address := range p.asked {
			if address != resolver && address != "127.0.0.1:"+port {
				t.Errorf("a relay was asked for %s", address)
			}
		}
		for _, c := range p.conns["127.0.0.1:"+port] {
			if exits[c.Domain] != p.name {
				t.Errorf("%s was looked up through %s and dialled through %s", c.Domain, exits[c.Domain], p.name)
			}
		}
	}
	rows := w.rows(resolver)
	if len(rows) != len(want) {
		t.Errorf("%d rows for %d look-ups", len(rows), len(want))
	}
	for _, row := range rows {
		if !strings.HasPrefix(row.Object, "dns:") || row.Purpose != "names" || row.Exit == "" {
			t.Errorf("%+v", row)
		}
	}
}

// A policy that asks a resolver for nothing asks it for nothing; and no resolver is no look-up.
func TestLookUpsArePolicy(t *testing.T) {
	d := newDNS(t, map[string][]string{"good.example": {"127.0.0.1"}})
	policy := hardening.Open()
	policy.Signed.Asks = []egress.Purpose{egress.Media}
	relay := &plain{name: "a"}
	w := named(t, policy, d, relay)
	req, _ := http.NewRequestWithContext(t.Context(), "GET", "http://good.example/", nil)
	// That the resolver is not asked says nothing about what may be told to the target: it waits.
	if _, err := w.Transport(egress.Media).RoundTrip(req); !errors.Is(err, egress.ErrNames) || !hardening.Temporary(err) {
		t.Error(err)
	}
	if len(d.asked) > 0 || len(relay.asked) > 0 {
		t.Errorf("asked %q, %q", d.asked, relay.asked)
	}
	for _, bad := range []string{"", "http://9.9.9.9/dns-query", "https://dns.example/dns-query", "https://a@9.9.9.9/", "9.9.9.9", "https://[::1%25lo]/", "https://9.9.9.9/#x"} {
		if _, err := hardening.ParseResolver(bad); err == nil {
			t.Errorf("%q is a resolver", bad)
		}
	}
}

// A spoiled answer is no answer, and no fault of the name's; one that says that there is nothing is.
func TestSpoiledAnswers(t *testing.T) {
	for name, spoil := range map[string]func(*dnsmessage.Message){
		"a query":      func(m *dnsmessage.Message) { m.Response = false },
		"cut":          func(m *dnsmessage.Message) { m.Truncated = true },
		"no question":  func(m *dnsmessage.Message) { m.Questions = nil },
		"another name": func(m *dnsmessage.Message) { m.Questions[0].Name = dnsmessage.MustNewName("other.example.") },
		"another type": func(m *dnsmessage.Message) { m.Questions[0].Type = dnsmessage.TypeMX },
		"denied":       func(m *dnsmessage.Message) { m.RCode = dnsmessage.RCodeNameError },
		"failed":       func(m *dnsmessage.Message) { m.RCode = dnsmessage.RCodeServerFailure },
		"nothing":      func(m *dnsmessage.Message) { m.Answers = nil },
	} {
		d := newDNS(t, map[string][]string{"good.example": {"127.0.0.1"}})
		d.spoil = spoil
		_, port, _ := net.SplitHostPort(d.Listener.Addr().String())
		relay := &plain{name: "a"}
		w := named(t, hardening.Open(), d, relay)
		req, _ := http.NewRequestWithContext(t.Context(), "GET", "https://good.example:"+port+"/", nil)
		_, err := w.Transport(egress.Media).RoundTrip(req)
		if err == nil || strings.Contains(err.Error(), "good.example") {
			t.Errorf("%s: %v", name, err)
		}
		if ours := name != "denied" && name != "failed" && name != "nothing"; errors.Is(err, egress.ErrNames) != ours {
			t.Errorf("%s is the resolver's fault: %v; %v", name, !ours, err)
		}
		if len(relay.asked) != 1 {
			t.Errorf("%s: the relay was asked for %q", name, relay.asked)
		}
	}
}

// A resolver that cannot be asked is no fault of the target's, whatever is wrong with it.
func TestNoResolver(t *testing.T) {
	for name, break_ := range map[string]func(*dns){
		"gone":    func(d *dns) { d.Close() },
		"failing": func(d *dns) { d.status = http.StatusInternalServerError },
		"moved":   func(d *dns) { d.status = http.StatusFound },
	} {
		d := newDNS(t, map[string][]string{"good.example": {"127.0.0.1"}})
		w := named(t, hardening.Open(), d, &plain{name: "a"})
		break_(d)
		req, _ := http.NewRequestWithContext(t.Context(), "GET", "http://good.example/", nil)
		if _, err := w.Transport(egress.Media).RoundTrip(req); !errors.Is(err, egress.ErrNames) || !hardening.Temporary(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
