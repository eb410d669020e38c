package certs

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"

	"github.com/dunnock-server/dunnock/hardening/egress"
)

// What is in the Store.
const (
	accountName     = "acme_account"
	certificateName = "certificate"
)

// account is at a directory. URL is empty until that has given one.
type account struct {
	Directory string `json:"directory"`
	Key       []byte `json:"key"` // SEC 1
	URL       string `json:"url,omitempty"`
}

// load takes what is kept. A certificate that is not for all names, or over, is as good as none.
func (m *Manager) load(ctx context.Context) error {
	a, err := m.loadAccount(ctx)
	if err != nil {
		return err
	}
	m.mu.Lock()
	m.account = a.URL
	m.mu.Unlock()
	data, err := m.c.Store.Get(ctx, certificateName)
	if err != nil || data == nil {
		return err
	}
	if cert, err := m.parse(data); err == nil {
		m.use(cert)
	}
	return nil
}

// parse reads a chain and its key in PEM, the form in which both are kept.
func (m *Manager) parse(data []byte) (*tls.Certificate, error) {
	cert, err := tls.X509KeyPair(data, data)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	if now.After(cert.Leaf.NotAfter) || slices.ContainsFunc(m.c.Names, func(name string) bool { return cert.Leaf.VerifyHostname(name) != nil }) {
		return nil, errors.New("certs: a certificate that is over, or for other names")
	}
	return &cert, nil
}

func (m *Manager) loadAccount(ctx context.Context) (a account, err error) {
	data, err := m.c.Store.Get(ctx, accountName)
	if err != nil || data == nil {
		return a, err
	}
	if err := json.Unmarshal(data, &a); err != nil {
		return a, fmt.Errorf("certs: the account that is kept cannot be read: %w", err)
	}
	if a.Directory != m.c.Directory {
		return account{}, nil
	}
	return a, nil
}

// patience is how long the authority may take to check a challenge, and to issue.
const patience = 2 * time.Minute

// obtain has a certificate issued, and takes it into service. What is made on the way is kept before it is used: the account's
// key before the account, the certificate before any visitor sees it.
func (m *Manager) obtain(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	client := acmez.Client{
		Client:           &acme.Client{Directory: m.c.Directory, HTTPClient: &http.Client{Transport: m.c.Transport}, PollTimeout: patience},
		ChallengeSolvers: map[string]acmez.Solver{acme.ChallengeTypeTLSALPN01: solver{m}},
	}
	who, err := m.register(ctx, client.Client)
	if err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	chains, err := client.ObtainCertificateForSANs(ctx, who, key, m.c.Names)
	if err != nil {
		return errors.Join(err, m.forget(ctx, err))
	}
	if len(chains) == 0 {
		return errors.New("certs: no certificate came of it")
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	data := slices.Concat(chains[0].ChainPEM, []byte("\n"), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}))
	cert, err := m.parse(data)
	if err != nil {
		return err
	}
	if err := m.c.Store.Put(ctx, certificateName, data); err != nil {
		return err
	}
	m.use(cert)
	return nil
}

// register gives the account, which is made if there was none yet. To ask for one with a key that has one already gives that.
func (m *Manager) register(ctx context.Context, client *acme.Client) (acme.Account, error) {
	a, err := m.loadAccount(ctx)
	if err != nil {
		return acme.Account{}, err
	}
	if a.Key == nil {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return acme.Account{}, err
		}
		a.Directory = m.c.Directory
		if a.Key, err = x509.MarshalECPrivateKey(key); err != nil {
			return acme.Account{}, err
		}
		if err := m.keep(ctx, a); err != nil {
			return acme.Account{}, err
		}
	}
	key, err := x509.ParseECPrivateKey(a.Key)
	if err != nil {
		return acme.Account{}, fmt.Errorf("certs: the account that is kept cannot be read: %w", err)
	}
	who := acme.Account{PrivateKey: key, TermsOfServiceAgreed: true, Location: a.URL}
	if a.URL != "" {
		who.Status = acme.StatusValid // or nothing can be ordered
		return who, nil
	}
	if who, err = client.NewAccount(ctx, who); err != nil {
		return acme.Account{}, err
	}
	a.URL = who.Location
	if err := m.keep(ctx, a); err != nil {
		return acme.Account{}, err
	}
	m.mu.Lock()
	m.account = a.URL
	m.mu.Unlock()
	return who, nil
}

// forget has the account made again where the authority does not know it any more.
func (m *Manager) forget(ctx context.Context, err error) error {
	var problem acme.Problem
	if !errors.As(err, &problem) || problem.Type != acme.ProblemTypeAccountDoesNotExist {
		return nil
	}
	a, err := m.loadAccount(ctx)
	if err != nil {
		return err
	}
	a.URL = ""
	return m.keep(ctx, a)
}

func (m *Manager) keep(ctx context.Context, a account) error {
	data, err := json.Marshal(a)
	if err != nil {
		return err
	}
	return m.c.Store.Put(ctx, accountName, data)
}

// solver answers challenges.
type solver struct{ m *Manager }

func (s solver) Present(_ context.Context, c acme.Challenge) error {
	if !slices.Contains(s.m.c.Names, c.Identifier.Value) {
		return errors.New("certs: a challenge for a name that is not ours")
	}
	cert, err := acmez.TLSALPN01ChallengeCert(c)
	if err != nil {
		return err
	}
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	s.m.pending[c.Identifier.Value] = cert
	return nil
}

func (s solver) CleanUp(_ context.Context, c acme.Challenge) error {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	delete(s.m.pending, c.Identifier.Value)
	return nil
}

// reason is an error in words of our own.
func reason(err error) string {
	var problem acme.Problem
	switch {
	case errors.Is(err, egress.ErrNoRelay):
		return "the way to the certificate authority is down"
	case errors.As(err, &problem):
		switch kind := problem.Type[strings.LastIndexByte(problem.Type, ':')+1:]; kind {
		case "rateLimited":
			return "the certificate authority has been asked too often"
		case "caa":
			return "a CAA record of the domain forbids it"
		case "dns":
			return "the certificate authority does not find the domain's address"
		case "connection", "tls", "unauthorized", "incorrectResponse":
			return "the certificate authority did not find this node at the domain's address, port 443"
		case "accountDoesNotExist":
			return "the certificate authority does not know the account any more"
		}
		return "the certificate authority refuses"
	}
	return "the certificate authority does not answer as it should"
}

// CAA is the record that has no other account of that authority's, and no other authority, issue certificates for a domain
// (RFC 8659, RFC 8657): the part after the domain's name.
func CAA(directory, account string) string {
	return fmt.Sprintf(`CAA 0 issue "%s; accounturi=%s; validationmethods=tls-alpn-01"`, issuerOf(directory), account)
}

// issuerOf is the name by which CAA records call the authority of a directory.
func issuerOf(directory string) string {
	issuer := directory
	if u, err := url.Parse(directory); err == nil {
		issuer = u.Hostname()
	}
	if issuer == "letsencrypt.org" || strings.HasSuffix(issuer, ".letsencrypt.org") {
		issuer = "letsencrypt.org"
	}
	return issuer
}
