package ingress

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dunnock-server/dunnock/hardening/egress"
)

// signer makes certificates that the probe takes for valid.
type signer struct {
	key   *ecdsa.PrivateKey
	cert  *x509.Certificate
	roots *x509.CertPool
}

func newSigner(t *testing.T) *signer {
	s := &signer{key: newKey(t), roots: x509.NewCertPool()}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	s.cert = s.sign(t, template, template, s.key)
	s.roots.AddCert(s.cert)
	return s
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (s *signer) sign(t *testing.T, template, parent *x509.Certificate, key *ecdsa.PrivateKey) *x509.Certificate {
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(1000*time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), s.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// serves gives a TLS configuration for name.
func (s *signer) serves(t *testing.T, name string, key *ecdsa.PrivateKey) *tls.Config {
	cert := s.sign(t, &x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: []string{name}}, s.cert, key)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}}}
}

// outside is how the probe gets to the node, and all that comes back to it.
type outside struct {
	way func(ctx context.Context) (net.Conn, error)

	mu    sync.Mutex
	dials []time.Time
	sent  bytes.Buffer
	read  bytes.Buffer
}

func (o *outside) dial(ctx context.Context, network, address string) (net.Conn, error) {
	o.mu.Lock()
	o.dials = append(o.dials, time.Now())
	o.mu.Unlock()
	if network != "tcp" || !strings.HasPrefix(address, "a.example:") {
		return nil, fmt.Errorf("%s is not our name", address)
	}
	conn, err := o.way(ctx)
	if err != nil {
		return nil, err
	}
	return &heard{conn, o}, nil
}

func (o *outside) times() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.dials)
}

type heard struct {
	net.Conn
	o *outside
}

func (h *heard) Read(p []byte) (int, error) {
	n, err := h.Conn.Read(p)
	h.o.mu.Lock()
	defer h.o.mu.Unlock()
	h.o.read.Write(p[:n])
	return n, err
}

func (h *heard) Write(p []byte) (int, error) {
	h.o.mu.Lock()
	h.o.sent.Write(p)
	h.o.mu.Unlock()
	return h.Conn.Write(p)
}

// seenBy runs a server on ln that is looked at by a probe of c.
func seenBy(t *testing.T, c ProbeConfig, limits Config, ln net.Listener) (p *Probe, stop func()) {
	t.Helper()
	if c.Address == "" {
		c.Address = "a.example:443"
	}
	p, err := NewProbe(c)
	if err != nil {
		t.Fatal(err)
	}
	limits.Probe = p
	s := NewServer(http.NotFoundHandler(), limits, textLogger(io.Discard))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	go func() { ended <- s.Serve(ctx, ln) }()
	go func() { ended <- p.Run(ctx) }()
	return p, func() {
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}
}

// What does not lead to us is not up, and it is said why.
func TestProbe(t *testing.T) {
	for name, tt := range map[string]struct {
		plain, elsewhere bool // elsewhere: TLS ends at a proxy that has a key of its own
		name             string
		meddle           func(t *testing.T, s *signer, way func() (net.Conn, error)) (net.Conn, error)
		limits           Config
		reason           string
	}{
		"tls":   {},
		"plain": {plain: true},
		"refused": {meddle: func(*testing.T, *signer, func() (net.Conn, error)) (net.Conn, error) {
			return nil, errors.New("canary")
		}, reason: "no connection from outside"},
		"silence":                        {meddle: silent, reason: "a connection from outside, and no answer"},
		"silence, plain":                 {meddle: silent, plain: true, reason: "a connection from outside, and no answer"},
		"another name":                   {name: "b.example", reason: "no valid certificate for the name"},
		"somebody in our stead":          {meddle: inOurStead, plain: true, reason: "somebody else answers"},
		"somebody with a certificate":    {meddle: inBetween, reason: "another key than ours is presented: somebody else ends TLS"},
		"a proxy of ours":                {meddle: inBetween, elsewhere: true},
		"where the limits are used up":   {plain: true, limits: Config{Rate: 1e-9, Burst: 1}},
		"where strangers used theirs up": {plain: true, limits: Config{CrowdRate: 1e-9, CrowdBurst: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, key := newSigner(t), newKey(t)
				if tt.name == "" {
					tt.name = "a.example"
				}
				served := s.serves(t, tt.name, key)
				o := &outside{}
				c := ProbeConfig{Dial: o.dial, Roots: s.roots, Plain: tt.plain}
				if !tt.elsewhere {
					c.Key = func(k crypto.PublicKey) bool { return key.PublicKey.Equal(k) }
				}
				l := newPipes()
				ready := make(chan struct{})
				direct := func() (net.Conn, error) { return l.dial("1.2.3.4:5"), nil }
				o.way = func(context.Context) (net.Conn, error) {
					<-ready
					if tt.meddle != nil {
						return tt.meddle(t, s, direct)
					}
					return direct()
				}
				var ln net.Listener = tls.NewListener(l, served)
				if tt.plain {
					ln = Strangers(l)
				}
				p, stop := seenBy(t, c, tt.limits, ln)
				defer stop()
				if s := p.State(); s.Up || s.Reason != "not yet seen from outside" {
					t.Errorf("before anybody has looked: %+v", s)
				}
				close(ready)
				time.Sleep(30 * time.Minute)
				switch s := p.State(); {
				case s.Up != (tt.reason == "") || s.Reason != tt.reason || s.Up == s.Seen.IsZero() || s.Since.IsZero():
					t.Errorf("%+v", s)
				case !s.Up && time.Since(s.Next) > lookPatience+look: // one may be under way
					t.Errorf("it is not looked again: %+v", s)
				}
			})
		})
	}
}

func silent(*testing.T, *signer, func() (net.Conn, error)) (net.Conn, error) {
	near, far := net.Pipe()
	go func() { _, _ = io.Copy(io.Discard, far); far.Close() }()
	return near, nil
}

// inOurStead answers as we do.
func inOurStead(*testing.T, *signer, func() (net.Conn, error)) (net.Conn, error) {
	near, far := net.Pipe()
	l := newPipes()
	server := &http.Server{Handler: http.NotFoundHandler()}
	go server.Serve(l)
	go func() { _ = l.Hand(context.Background(), far); l.Close() }()
	return near, nil
}

// inBetween ends TLS with a certificate that is valid, and hands on what it reads.
func inBetween(t *testing.T, s *signer, way func() (net.Conn, error)) (net.Conn, error) {
	onward, err := way()
	if err != nil {
		return nil, err
	}
	near, far := net.Pipe()
	served := tls.Server(far, s.serves(t, "a.example", newKey(t)))
	to := tls.Client(onward, &tls.Config{ServerName: "a.example", RootCAs: s.roots})
	go func() { _, _ = io.Copy(to, served); to.Close() }()
	go func() { _, _ = io.Copy(served, to); served.Close() }()
	return near, nil
}

// What the probe is answered is what anybody is, before, meanwhile and after; and its path is another each time.
func TestProbeTellsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		o := &outside{way: func(context.Context) (net.Conn, error) { return l.dial("1.2.3.4:5"), nil }}
		p, stop := seenBy(t, ProbeConfig{Dial: o.dial, Plain: true, Address: "a.example:80"}, Config{}, l)
		defer stop()
		synctest.Wait() // for the first look
		asked := regexp.MustCompile(`^GET (/[a-z2-7]{26}) HTTP/1.1\r\nHost: a.example\r\nAccept: \*/\*\r\nConnection: close\r\n\r\n$`)
		paths := map[string]bool{}
		for range 20 {
			o.sent.Reset()
			o.read.Reset()
			p.Look(t.Context())
			if s := p.State(); !s.Up {
				t.Fatalf("%+v", s)
			}
			path := asked.FindStringSubmatch(o.sent.String())
			if path == nil || paths[path[1]] {
				t.Fatalf("it asks %q", o.sent.String())
			}
			paths[path[1]] = true
			for _, request := range []string{o.sent.String(), strings.Replace(o.sent.String(), path[1], "/abcdefghijklmnopqrstuvwxyz", 1)} {
				c := l.dial("1.2.3.5:5")
				go io.WriteString(c.Conn, request)
				if all, _ := io.ReadAll(c.r); !bytes.Equal(all, o.read.Bytes()) {
					t.Errorf("a stranger is answered\n%s\nand the probe\n%s", all, o.read.Bytes())
				}
				c.Close()
			}
		}
		p.arrived.Range(func(any, any) bool { t.Error("a path is kept"); return false })
	})
}

// Nobody looks while the link is down; when it is back it counts only once it was seen; and what cannot be known stays.
func TestProbeFollowsTheLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var link egress.Link
		l := newPipes()
		var broken atomic.Pointer[error]
		o := &outside{way: func(context.Context) (net.Conn, error) {
			if err := broken.Load(); err != nil {
				return nil, *err
			}
			return l.dial("1.2.3.4:5"), nil
		}}
		link.Down("the relay cannot be reached")
		p, stop := seenBy(t, ProbeConfig{Dial: o.dial, Plain: true, Link: link.State}, Config{}, l)
		defer stop()
		breaks := func(err error) { broken.Store(&err) }
		is := func(when string, up bool, reason string, looks int) State {
			t.Helper()
			synctest.Wait()
			s := p.State()
			if s.Up != up || s.Reason != reason || o.times() != looks {
				t.Errorf("%s: %+v after %d looks", when, s, o.times())
			}
			return s
		}
		time.Sleep(24*time.Hour + look/2)
		is("down", false, "the relay cannot be reached", 0)
		link.Up()
		is("back", false, "not yet seen from outside", 0)
		time.Sleep(look)
		is("seen", true, "", 1)
		time.Sleep(20 * time.Minute)
		link.Down("lost")
		is("lost", false, "lost", 1)
		breaks(fmt.Errorf("canary: %w", egress.ErrRelayDown))
		time.Sleep(look)
		link.Up()
		is("back again", false, "not yet seen from outside", 1)
		time.Sleep(look)
		is("with no way to look", false, "there is no way out to look from", 2)
		broken.Store(nil)
		time.Sleep(2 * look)
		was := is("with a way", true, "", 3)

		o.mu.Lock()
		o.dials = nil
		o.mu.Unlock()
		time.Sleep(100 * time.Hour)
		s := p.State()
		if !s.Up || !s.Since.Equal(was.Since) || time.Since(s.Seen) > 90*time.Minute+look {
			t.Errorf("%+v, and before that %+v", s, was)
		}
		o.mu.Lock()
		dials := slices.Clone(o.dials)
		o.mu.Unlock()
		for i, at := range dials[1:] {
			if d := at.Sub(dials[i]); d < 30*time.Minute || d > 90*time.Minute+look {
				t.Errorf("looked again after %v", d)
			}
		}
		breaks(egress.ErrRelayDown)
		time.Sleep(2 * time.Hour)
		if s := p.State(); !s.Up || s.Reason != "there is no way out to look from" {
			t.Errorf("what it was is forgotten: %+v", s)
		}
		breaks(errors.New("refused"))
		time.Sleep(2 * time.Minute)
		if s := p.State(); s.Up || s.Reason != "no connection from outside" || time.Since(s.Since) > 2*time.Minute {
			t.Errorf("%+v", s)
		}
	})
}
