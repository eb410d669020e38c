package certs

import (
	"context"
	"crypto"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/dunnock-server/dunnock/hardening/hostname"
)

// DefaultDirectory is that of Let's Encrypt.
const DefaultDirectory = "https://acme-v02.api.letsencrypt.org/directory"

// Store keeps values under names, over restarts, as secret as any key. A value is put whole or not at all.
type Store interface {
	// Get gives nil for what is not there.
	Get(ctx context.Context, name string) ([]byte, error)
	Put(ctx context.Context, name string, value []byte) error
}

// Config is what a Manager is made from. Names, Transport and Store must be set.
type Config struct {
	// Names are the hosts that the certificate is for, without a port. No others get a handshake.
	Names []string
	// Directory is the URL of the certificate authority. Empty: DefaultDirectory. To ask there is to agree to its terms.
	Directory string
	// Transport carries the requests to it.
	Transport http.RoundTripper
	// Store keeps the account and the certificate.
	Store Store
	// Ready says whether visitors can arrive, as the authority will before it issues anything: until then it is not asked. Nil:
	// they always can.
	Ready func() bool
	// Log is told of issues and failures. Nil: nobody is.
	Log *slog.Logger
}

// Manager has a certificate, or is about to.
type Manager struct {
	c Config

	mu      sync.Mutex
	cert    *tls.Certificate            // nil: none yet
	renew   time.Time                   // of cert
	pending map[string]*tls.Certificate // challenges, by name
	account string                      // its URL; empty: there is none yet
	state   State
	pause   time.Duration
}

// State is what is known of the certificate.
type State struct {
	// Until is when it ends; zero: there is none.
	Until time.Time `json:"until,omitzero"`
	// Reason is why it could not be issued when that was last tried, in words of our own; empty: it could.
	Reason string `json:"reason,omitempty"`
	// Next is when one is asked for.
	Next time.Time `json:"next,omitzero"`
	// CAA is the record that the domain should have, once the account is there.
	CAA string `json:"caa,omitempty"`
}

// New makes a Manager, and asks nobody. An error names the fault in c.
func New(c Config) (*Manager, error) {
	if len(c.Names) == 0 || c.Transport == nil || c.Store == nil {
		return nil, errors.New("certs: names, a transport and a store are needed")
	}
	for _, name := range c.Names {
		canonical, err := hostname.Canonical(name, false)
		if _, addr := netip.ParseAddr(name); err != nil || canonical != name || addr == nil {
			return nil, fmt.Errorf("certs: %q is no name that a certificate can be for", name)
		}
	}
	if c.Directory == "" {
		c.Directory = DefaultDirectory
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Manager{c: c, pending: make(map[string]*tls.Certificate)}, nil
}

// State asks nobody.
func (m *Manager) State() State {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.state
	if m.cert != nil {
		s.Until = m.cert.Leaf.NotAfter
	}
	if m.account != "" {
		s.CAA = CAA(m.c.Directory, m.account)
	}
	return s
}

// Names are those of the certificate.
func (m *Manager) Names() []string { return slices.Clone(m.c.Names) }

// IsOurs says whether a public key is that of the certificate: that whoever presented it is this node.
func (m *Manager) IsOurs(key crypto.PublicKey) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cert == nil {
		return false
	}
	ours, ok := m.cert.Leaf.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	return ok && ours.Equal(key)
}

// alpn is the protocol of a challenge (RFC 8737 section 6.2).
const alpn = "acme-tls/1"

// TLSConfig is for the listener that visitors come to.
func (m *Manager) TLSConfig() *tls.Config {
	usual := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, GetCertificate: m.certificate}
	challenged := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{alpn}, GetCertificate: m.challenge}
	config := usual.Clone()
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == alpn && m.asked(hello.ServerName) != nil {
			return challenged, nil
		}
		return usual, nil
	}
	return config
}

// certificate gives nil for what is not ours: crypto/tls then sends unrecognized_name.
func (m *Manager) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !slices.Contains(m.c.Names, hello.ServerName) {
		return nil, nil
	}
	return m.cert, nil
}

func (m *Manager) challenge(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	return m.asked(hello.ServerName), nil
}

func (m *Manager) asked(name string) *tls.Certificate {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.pending[name]
}

const (
	firstPause = time.Minute
	lastPause  = 24 * time.Hour
	look       = time.Second // how often it is looked whether it is time
)

// Run keeps a certificate until ctx ends: it reads the one that is kept, and has a new one issued when there is none or two
// thirds of its time are over, at a time that is drawn. The old one serves until then, and after failures. It returns nil then,
// and an error where the Store cannot be read.
func (m *Manager) Run(ctx context.Context) error {
	if err := m.load(ctx); ctx.Err() != nil {
		return nil
	} else if err != nil {
		return err
	}
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		if m.due(time.Now()) {
			m.settle(m.obtain(ctx), ctx.Err() != nil)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (m *Manager) due(now time.Time) bool {
	m.mu.Lock()
	at := m.state.Next
	m.mu.Unlock()
	return !now.Before(at) && (m.c.Ready == nil || m.c.Ready())
}

// settle notes how an attempt ended.
func (m *Manager) settle(err error, over bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if over {
		return
	}
	if err == nil {
		m.pause, m.state.Reason, m.state.Next = 0, "", m.renew
		m.c.Log.Info("a certificate was issued", "until", m.cert.Leaf.NotAfter, "record", CAA(m.c.Directory, m.account))
		return
	}
	m.pause = min(max(2*m.pause, firstPause), lastPause)
	m.state.Reason, m.state.Next = reason(err), time.Now().Add(m.pause/2+rand.N(m.pause/2))
	m.c.Log.Warn("no certificate was issued", "reason", m.state.Reason, "next", m.state.Next)
	m.c.Log.Debug("no certificate was issued", "err", err)
}

// use takes a certificate into service. When it is renewed is drawn between 60 and 70 percent of its time.
func (m *Manager) use(cert *tls.Certificate) {
	m.mu.Lock()
	defer m.mu.Unlock()
	life := cert.Leaf.NotAfter.Sub(cert.Leaf.NotBefore)
	m.cert, m.renew = cert, cert.Leaf.NotBefore.Add(life/10*6+rand.N(life/10+1))
	m.state.Next = m.renew
}
