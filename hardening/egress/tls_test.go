package egress

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// secure is a relay to a TLS server for a.example, and what it saw of each handshake.
type secure struct {
	*memory
	roots *x509.CertPool
	dial  string // where the server is; empty: what memory serves

	mu     sync.Mutex
	hellos []tls.ClientHelloInfo
	states []tls.ConnectionState
}

func newSecure(t *testing.T, config *tls.Config) *secure {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "canary"}, DNSNames: []string{"a.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	s := &secure{roots: x509.NewCertPool()}
	s.roots.AddCert(cert)
	config.Certificates = []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}
	config.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		s.mu.Lock()
		s.hellos = append(s.hellos, *h)
		s.mu.Unlock()
		return nil, nil
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0") // a pipe has no buffer: two that write at once, as TLS does on failure, wait forever
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.states = append(s.states, *r.TLS)
		s.mu.Unlock()
		w.Header().Set("Connection", "close")
		io.WriteString(w, "secret")
	})}
	go server.Serve(tls.NewListener(ln, config))
	t.Cleanup(func() { server.Close() })
	s.memory = &memory{name: "memory", kind: "memory"}
	s.dial = ln.Addr().String()
	return s
}

func (s *secure) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if s.dial == "" {
		return s.memory.DialContext(ctx, network, address)
	}
	s.mu.Lock()
	s.targets = append(s.targets, address)
	s.mu.Unlock()
	var d net.Dialer
	return d.DialContext(ctx, "tcp", s.dial)
}

func (s *secure) client(t *testing.T, c Config) *Client {
	t.Helper()
	c.Relays = []Relay{s}
	client, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// By the strictest rules: https on 443. No ticket is taken or offered, so each handshake is the first one.
func TestTLS(t *testing.T) {
	s := newSecure(t, &tls.Config{NextProtos: []string{"h2", "http/1.1"}})
	c := s.client(t, Config{Roots: s.roots})
	for range 3 {
		res, err := c.Do(t.Context(), get(t, "https://A.example/x"))
		if err != nil || string(res.Body) != "secret" {
			t.Fatal(err, errors.Unwrap(err))
		}
		if res.SentBytes < 300 || res.ReceivedBytes < 500 {
			t.Errorf("without the handshake: %d, %d", res.SentBytes, res.ReceivedBytes)
		}
	}
	if len(s.states) != 3 || s.targets[0] != "a.example:443" {
		t.Fatalf("%d requests to %q", len(s.states), s.targets)
	}
	for i, state := range s.states {
		h := s.hellos[i]
		if state.DidResume {
			t.Error("a session was resumed: the connections are joined")
		}
		for _, ext := range h.Extensions {
			if ext == 35 || ext == 41 { // session_ticket, pre_shared_key
				t.Errorf("extension %d", ext)
			}
		}
		if h.ServerName != "a.example" || strings.Join(h.SupportedProtos, " ") != "http/1.1" || state.Version != tls.VersionTLS13 {
			t.Errorf("%q %q %x", h.ServerName, h.SupportedProtos, state.Version)
		}
		for _, v := range h.SupportedVersions {
			if v < tls.VersionTLS12 {
				t.Errorf("offers %x", v)
			}
		}
	}
}

func TestTLSRefused(t *testing.T) {
	good := newSecure(t, &tls.Config{})
	old := newSecure(t, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
	plain := says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	tests := []struct {
		name, url string
		server    *secure
		roots     *x509.CertPool
		text      string
	}{
		{"unknown authority", "https://a.example/", good, x509.NewCertPool(), "certificate not valid"},
		{"another name", "https://b.example/", good, good.roots, "certificate not valid"},
		{"TLS 1.1", "https://a.example/", old, old.roots, "failed"},
		{"no TLS", "https://a.example/", &secure{memory: plain}, good.roots, "failed"},
	}
	for _, tt := range tests {
		c := tt.server.client(t, Config{Roots: tt.roots})
		_, err := c.Do(t.Context(), get(t, tt.url))
		var e *Error
		if !errors.As(err, &e) || e.Stage != StageTLS || err.Error() != "egress: tls: "+tt.text {
			t.Errorf("%s: %v: %v", tt.name, err, errors.Unwrap(err))
			continue
		}
		// The handshake has told the target our exit and the relay the name: the row has bytes.
		if e.SentBytes == 0 || e.Exit != "memory" {
			t.Errorf("%s: %+v", tt.name, e)
		}
	}
}
