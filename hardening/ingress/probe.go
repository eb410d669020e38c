package ingress

import (
	"bufio"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	mrand "math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/dunnock-server/dunnock/hardening/egress"
)

// Probe looks at a way in from outside, as any visitor would: it goes to the node's public name by another way than the one
// that it looks at, and asks for a page that there is not, at a path drawn for this one look. The answer is what everybody
// gets there. That it is we who answer is known because the request arrives: Config.Probe notes the path when it comes in on
// the same listener, before limits and handlers see it. So nothing is served that another server does not serve, and there is
// nothing by which a stranger could ask whether this is dunnock, or be told.
//
// What others see of it:
//
//   - The relay of the way in: one more visitor, now and then, from the address of the other way out; over TLS with the name
//     that all visitors ask for, and the handshake of a Go program. Who sees both relays can tell that the one address belongs
//     to the owner of the other: a look is a connection between two of the owner's relays. Where these must not be joined,
//     there must be no Probe, or one over tor.
//   - The relay of the way out, and its resolver: that somebody behind it visits this name.
//   - Who ends TLS in front of the node, or reads along where there is none: a request for a path of 26 letters, which is not
//     found. They could hand it to us by another road than visitors take, and so make a way in seem up; who answers in our
//     stead cannot.
//
// Where TLS ends at home, Key must say that the key is ours: else who holds the public address and has had a certificate
// issued for it could read along and still have every request arrive.
type Probe struct {
	c       ProbeConfig
	host    string
	arrived sync.Map // path to chan struct{}

	mu     sync.Mutex
	link   time.Time   // the link that was looked at last: when it came up
	known  State       // by the last look
	pauses egress.Link // after looks that failed, or could not be
}

// ProbeConfig says where to look, and from where. Dial and Address must be set.
type ProbeConfig struct {
	// Dial leads out by another relay than the one that holds the way in: through that one, it could be up for us alone.
	Dial egress.Dial
	// Address is the public name and port, "social.example.org:443".
	Address string
	// Plain is for where there is no TLS: an onion service, a trial.
	Plain bool
	// Roots are who may have signed the certificate. Nil: the system's.
	Roots *x509.CertPool
	// Key says whether a public key that was presented is the node's. Nil: TLS ends elsewhere, and any valid certificate will do.
	Key func(crypto.PublicKey) bool
	// Link is what is known of the way in from inside. While it is down nobody looks, and when it is back somebody looks at once.
	// Nil: it is always up.
	Link func() egress.State
	// Every is how long a look is good for, within a half. 0: an hour.
	Every time.Duration
}

// State is what is known of a way in. The zero State is one that nobody has seen from outside.
type State struct {
	// Up says that it was seen from outside, and has not been lost since.
	Up bool `json:"up"`
	// Since is when it came up, or went down; zero where it was never up.
	Since time.Time `json:"since,omitzero"`
	// Seen is when it was last seen from outside.
	Seen time.Time `json:"seen,omitzero"`
	// Reason is why it is not up, or why it cannot be seen for now, in words of our own that can be logged.
	Reason string `json:"reason,omitempty"`
	// Next is when it is looked again, or tried again.
	Next time.Time `json:"next,omitzero"`
}

const (
	// lookPatience is how long a look may take: a circuit to an onion service has to be built.
	lookPatience = time.Minute
	// maxAnswer bounds what is read of an answer, in bytes.
	maxAnswer = 64 << 10
)

// NewProbe makes one. Nobody is asked before Run.
func NewProbe(c ProbeConfig) (*Probe, error) {
	host, _, err := net.SplitHostPort(c.Address)
	if err != nil || host == "" || c.Dial == nil {
		return nil, errors.New(`ingress: a probe needs a way out, and the "host:port" to look at`)
	}
	positive(&c.Every, time.Hour)
	if c.Link == nil {
		c.Link = func() egress.State { return egress.State{} }
	}
	return &Probe{c: c, host: host}, nil
}

// State asks nobody.
func (p *Probe) State() State {
	link := p.c.Link()
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.known
	switch {
	case link.Down:
		s.Up, s.Since, s.Reason, s.Next = false, link.Since, link.Reason, link.Next
	case !link.Since.Equal(p.link):
		s.Up, s.Since, s.Reason = false, link.Since, errUnseen.Error()
	case !s.Up && s.Reason == "":
		s.Reason = errUnseen.Error()
	}
	return s
}

// Run looks when the way in is up, whenever it is back, and from time to time, until ctx ends. It returns nil.
func (p *Probe) Run(ctx context.Context) error {
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		if p.due(time.Now()) {
			p.Look(ctx)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (p *Probe) due(now time.Time) bool {
	link := p.c.Link()
	p.mu.Lock()
	defer p.mu.Unlock()
	return !link.Down && (!link.Since.Equal(p.link) || !now.Before(p.known.Next))
}

// Look looks once, and changes the state. It takes a minute at most.
func (p *Probe) Look(ctx context.Context) {
	link := p.c.Link()
	within, cancel := context.WithTimeout(ctx, lookPatience)
	defer cancel()
	err := p.visit(within)
	if ctx.Err() != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now, s := time.Now(), p.known
	if !link.Since.Equal(p.link) { // what is known is about another
		s.Up, s.Since, p.link = false, link.Since, link.Since
	}
	switch {
	case err == nil:
		if !s.Up {
			s.Up, s.Since = true, now
		}
		p.pauses.Up()
		s.Seen, s.Reason, s.Next = now, "", now.Add(p.c.Every/2+mrand.N(p.c.Every))
	case errors.Is(err, egress.ErrNoRelay): // which says nothing about the way in
		p.pauses.Down(err.Error())
		s.Reason, s.Next = "there is no way out to look from", now.Add(min(p.pauses.State().Next.Sub(now), time.Minute))
	default:
		if s.Up || s.Since.IsZero() {
			s.Up, s.Since = false, now
		}
		p.pauses.Down(err.Error())
		s.Reason, s.Next = err.Error(), p.pauses.State().Next
	}
	p.known = s
}

// What a visit can find. Each is all that is told of the cause.
var (
	errUnseen      = errors.New("not yet seen from outside")
	errUnreachable = errors.New("no connection from outside")
	errCertificate = errors.New("no valid certificate for the name")
	errKey         = errors.New("another key than ours is presented: somebody else ends TLS")
	errNoAnswer    = errors.New("a connection from outside, and no answer")
	errNotUs       = errors.New("somebody else answers")
)

// visit is one visit. Its error is one of ours, or wraps egress.ErrNoRelay.
func (p *Probe) visit(ctx context.Context) error {
	raw, err := p.c.Dial(ctx, "tcp", p.c.Address)
	switch {
	case errors.Is(err, egress.ErrNoRelay):
		return err
	case err != nil:
		return errUnreachable
	}
	defer raw.Close()
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	defer stop()
	conn, name := raw, strings.TrimSuffix(p.c.Address, ":80")
	if !p.c.Plain {
		name = strings.TrimSuffix(p.c.Address, ":443")
		if conn, err = p.secure(ctx, raw); err != nil {
			return err
		}
	}
	// The form of a path says nothing, and 128 bits cannot be guessed.
	path := "/" + strings.ToLower(rand.Text())
	arrived := make(chan struct{}, 1)
	p.arrived.Store(path, arrived)
	defer p.arrived.Delete(path)
	if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: "+name+"\r\nAccept: */*\r\nConnection: close\r\n\r\n"); err != nil {
		return errNoAnswer
	}
	res, err := http.ReadResponse(bufio.NewReader(io.LimitReader(conn, maxAnswer)), nil)
	if err != nil {
		return errNoAnswer
	}
	res.Body.Close()
	select {
	case <-arrived:
		return nil
	default:
		return errNotUs
	}
}

// secure checks the certificate as every visitor does, and that the key is ours as nobody else can.
func (p *Probe) secure(ctx context.Context, conn net.Conn) (net.Conn, error) {
	foreign := false
	secured := tls.Client(conn, &tls.Config{
		ServerName: p.host, RootCAs: p.c.Roots, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		VerifyConnection: func(s tls.ConnectionState) error {
			if foreign = p.c.Key != nil && !p.c.Key(s.PeerCertificates[0].PublicKey); foreign {
				return errKey
			}
			return nil
		},
	})
	err := secured.HandshakeContext(ctx)
	var invalid *tls.CertificateVerificationError
	switch {
	case foreign:
		return nil, errKey
	case errors.As(err, &invalid):
		return nil, errCertificate
	case err != nil:
		return nil, errNoAnswer
	}
	return secured, nil
}

// note is told of every request that comes in. It costs the same for all but the one that is waited for.
func (p *Probe) note(path string) {
	if p == nil {
		return
	}
	if arrived, ok := p.arrived.LoadAndDelete(path); ok {
		arrived.(chan struct{}) <- struct{}{}
	}
}
