package certs

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mholt/acmez/v3/acme"

	"github.com/dunnock-server/dunnock/hardening/egress"
)

func TestIssue(t *testing.T) {
	p, store := startPebble(t, "PEBBLE_WFE_NONCEREJECT=20"), new(memory)
	m, stop := serve(t, p, store, nil)
	await(t, "a certificate", func() bool { return !m.State().Until.IsZero() })
	res, err := p.visit(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(res.Body)
	res.Body.Close()
	if string(body) != name+" says hello" || res.TLS.NegotiatedProtocol != "" || !m.IsOurs(res.TLS.PeerCertificates[0].PublicKey) {
		t.Errorf("%q, %q", body, res.TLS.NegotiatedProtocol)
	}
	if m.IsOurs(res.TLS.PeerCertificates[1].PublicKey) {
		t.Error("the authority's key passes for ours")
	}
	s := m.State()
	if s.Reason != "" || !strings.HasPrefix(s.CAA, `CAA 0 issue "127.0.0.1; accounturi=https://`) || s.Next.Before(time.Now()) || s.Next.After(s.Until) {
		t.Errorf("%+v", s)
	}
	if want := []string{accountName, accountName, certificateName}; !slices.Equal(store.puts, want) {
		t.Errorf("kept %q, want %q", store.puts, want)
	}

	// Who does not know the name learns nothing: the same alert for no name and a wrong one, and for a challenge nobody has set.
	var said []string
	for _, change := range []func(*tls.Config){
		func(c *tls.Config) { c.ServerName, c.InsecureSkipVerify = "", true },
		func(c *tls.Config) { c.ServerName = "other.example" },
		func(c *tls.Config) { c.ServerName = "127.0.0.1" }, // which no client sends
		func(c *tls.Config) { c.ServerName = "www." + name },
	} {
		_, err := p.visit(t, change)
		var alert tls.AlertError
		var op *net.OpError
		if !errors.As(err, &op) && !errors.As(err, &alert) {
			t.Errorf("no alert: %v", err)
			continue
		}
		said = append(said, err.Error())
	}
	if len(slices.Compact(said)) != 1 || !strings.Contains(said[0], "unrecognized name") {
		t.Errorf("different answers: %q", said)
	}
	if _, err := p.visit(t, func(c *tls.Config) { c.NextProtos = []string{alpn} }); err == nil || !strings.Contains(err.Error(), "no application protocol") {
		t.Errorf("a challenge that nobody has set: %v", err)
	}

	// After a restart it serves at once what it has, and asks for nothing.
	stop()
	m, stop = serve(t, p, store, func(c *Config) { c.Transport = refusing{t} })
	await(t, "the certificate that was kept", func() bool { return !m.State().Until.IsZero() })
	if res, err = p.visit(t, nil); err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if m.State().CAA != s.CAA {
		t.Errorf("the account was lost: %+v", m.State())
	}
	stop()

	// For another name, it is as good as none.
	m, _ = serve(t, p, store, func(c *Config) { c.Names = []string{name, "also.example"} })
	await(t, "a certificate for both", func() bool { return !m.State().Until.IsZero() })
	for _, host := range m.c.Names {
		if res, err = p.visit(t, func(c *tls.Config) { c.ServerName = host }); err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
	}
	if m.State().CAA != s.CAA {
		t.Error("another account was made")
	}
}

// refusing is for who must not be asked.
type refusing struct{ t *testing.T }

func (r refusing) RoundTrip(*http.Request) (*http.Response, error) {
	r.t.Error("the authority was asked")
	return nil, errors.New("refused")
}

// now has a new certificate asked for.
func (m *Manager) now() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state.Next = time.Now()
}

func (m *Manager) serial() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.cert.Leaf.SerialNumber.String()
}

// While the authority is away the old certificate serves; when it is back, even with no memory of the account, there is a new one.
func TestRenew(t *testing.T) {
	p := startPebble(t, "PEBBLE_WFE_NONCEREJECT=0")
	m, _ := serve(t, p, new(memory), nil)
	await(t, "a certificate", func() bool { return !m.State().Until.IsZero() })
	first, account := m.serial(), m.State().CAA
	m.now()
	await(t, "another", func() bool { return m.serial() != first })
	second := m.serial()

	p.stop()
	m.now()
	await(t, "a failure", func() bool { return m.State().Reason != "" })
	if s := m.State(); s.Next.Before(time.Now()) || s.Next.After(time.Now().Add(firstPause)) || s.Reason != "the certificate authority does not answer as it should" {
		t.Errorf("%+v", s)
	}
	p.start(t)
	if res, err := p.visit(t, func(c *tls.Config) { c.InsecureSkipVerify = true }); err != nil || !m.IsOurs(res.TLS.PeerCertificates[0].PublicKey) {
		t.Fatal(err)
	}
	m.now()
	await(t, "that the account is not known", func() bool { return strings.Contains(m.State().Reason, "does not know the account") })
	m.now()
	await(t, "a third certificate", func() bool { return m.serial() != second })
	if s := m.State(); s.CAA == account || s.Reason != "" {
		t.Errorf("%+v", s)
	}
}

// Before visitors can arrive nobody is asked: each failure would count with the authority.
func TestNotReady(t *testing.T) {
	var ready atomic.Bool
	p := startPebble(t)
	asked := make(chan struct{}, 1)
	m, _ := serve(t, p, new(memory), func(c *Config) {
		c.Ready = func() bool {
			select {
			case asked <- struct{}{}:
			default:
			}
			return ready.Load()
		}
		through := c.Transport
		c.Transport = transport(func(r *http.Request) (*http.Response, error) {
			if !ready.Load() {
				t.Error("the authority was asked")
			}
			return through.RoundTrip(r)
		})
	})
	<-asked
	ready.Store(true)
	await(t, "a certificate", func() bool { return !m.State().Until.IsZero() })
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A challenge is answered by name, while it lasts, to who asks for nothing else; and a visitor never gets its certificate.
func TestChallenge(t *testing.T) {
	m, err := New(Config{Names: []string{name}, Transport: refusing{t}, Store: new(memory)})
	if err != nil {
		t.Fatal(err)
	}
	s := solver{m}
	c := acme.Challenge{Type: acme.ChallengeTypeTLSALPN01, KeyAuthorization: "a.b", Identifier: acme.Identifier{Type: "dns", Value: name}}
	other := c
	other.Identifier.Value = "other.example"
	if err := s.Present(t.Context(), other); err == nil {
		t.Error("a challenge for another's name was taken")
	}
	if err := s.Present(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	try := func(host string, protocols ...string) error {
		near, far := net.Pipe()
		defer near.Close()
		server := tls.Server(far, m.TLSConfig())
		go func() { _ = server.Handshake(); far.Close() }()
		client := tls.Client(near, &tls.Config{ServerName: host, NextProtos: protocols, InsecureSkipVerify: true})
		return client.Handshake()
	}
	if err := try(name, alpn); err != nil {
		t.Errorf("the challenge was not answered: %v", err)
	}
	for _, protocols := range [][]string{nil, {"http/1.1"}, {"http/1.1", alpn}} {
		if err := try(name, protocols...); err == nil {
			t.Errorf("a visitor that offers %q got the certificate of the challenge", protocols)
		}
	}
	if err := try("other.example", alpn); err == nil {
		t.Error("a challenge for another's name was answered")
	}
	if err := s.CleanUp(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if err := try(name, alpn); err == nil {
		t.Error("a challenge was answered that is over")
	}
}

func TestReason(t *testing.T) {
	for want, err := range map[string]error{
		"the way to the certificate authority is down":                                       egress.ErrRelayDown,
		"the certificate authority has been asked too often":                                 acme.Problem{Type: acme.ProblemTypeRateLimited, Detail: "secret"},
		"a CAA record of the domain forbids it":                                              acme.Problem{Type: acme.ProblemTypeCAA},
		"the certificate authority did not find this node at the domain's address, port 443": acme.Problem{Type: acme.ProblemTypeConnection},
		"the certificate authority refuses":                                                  acme.Problem{Type: "something"},
		"the certificate authority does not answer as it should":                             context.DeadlineExceeded,
	} {
		if got := reason(err); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}

func TestCAA(t *testing.T) {
	want := `CAA 0 issue "letsencrypt.org; accounturi=https://acme-v02.api.letsencrypt.org/acme/acct/1; validationmethods=tls-alpn-01"`
	if got := CAA(DefaultDirectory, "https://acme-v02.api.letsencrypt.org/acme/acct/1"); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := CAA("https://ca.example/dir", "x"); !strings.HasPrefix(got, `CAA 0 issue "ca.example; `) {
		t.Error(got)
	}
}

func TestConfig(t *testing.T) {
	whole := Config{Names: []string{name}, Transport: refusing{t}, Store: new(memory)}
	for what, c := range map[string]Config{
		"no name": {Transport: whole.Transport, Store: whole.Store}, "no transport": {Names: whole.Names, Store: whole.Store},
		"no store": {Names: whole.Names, Transport: whole.Transport}, "a port": {Names: []string{name + ":443"}, Transport: whole.Transport, Store: whole.Store},
		"an address": {Names: []string{"192.0.2.1"}, Transport: whole.Transport, Store: whole.Store},
		"capitals":   {Names: []string{"Alice.example"}, Transport: whole.Transport, Store: whole.Store},
	} {
		if _, err := New(c); err == nil {
			t.Errorf("%s was taken", what)
		}
	}
	broken := &memory{values: map[string][]byte{accountName: []byte("{")}}
	whole.Store = broken
	m, err := New(whole)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Run(t.Context()); err == nil || len(broken.puts) > 0 {
		t.Errorf("an account that cannot be read: %v, %q", err, broken.puts)
	}
}
