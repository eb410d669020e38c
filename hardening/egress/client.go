package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dunnock-server/dunnock/hardening/hostname"
)

// Config is what a Client is made from. The zero value lets nothing leave.
type Config struct {
	// Relays are all there are. Empty: every Do returns ErrNoRelay. The client owns them: Close closes them.
	Relays []Relay
	// Pool names those that carry what no route says more of. Each domain is given one and keeps it. Nil: all of them.
	Pool []string
	// Routes give some domains pools of their own. The longest match counts.
	Routes []Route
	// Ingress names the relays that the node is reached by.
	Ingress []string
	// Rules is what may be dialled. It should equal what Direct was given.
	Rules Rules
	// Key makes the choice within the pool unpredictable to others. It has to stay the same over restarts, or every
	// domain learns a new exit each time. At least 16 bytes; may be empty while the pool has one relay.
	Key []byte
	// UserAgent is sent with every request but those for names: printable ASCII without a version, so that it tells nothing but the software.
	// Empty: "dunnock". (Some servers refuse requests without one.)
	UserAgent string
	// Deadline is for a whole exchange, from the wait for a connection to the last byte of the body. 0: 30 s.
	Deadline time.Duration
	// MaxBody caps the decoded body of a response, in bytes. 0: 1 MiB. A Request can set its own.
	MaxBody int64
	// MaxCircuits bounds how many circuits are kept. Beyond it the least recently used ones that are not in use are closed.
	// 0: 256.
	MaxCircuits int
	// Roots are the certificate authorities. Nil: the system's.
	Roots *x509.CertPool
}

const (
	defaultAgent    = "dunnock"
	defaultDeadline = 30 * time.Second
	defaultMaxBody  = 1 << 20
	defaultCircuits = 256
	minKey          = 16
)

// Client makes HTTP exchanges through relays. It is safe for concurrent use.
type Client struct {
	relays   []Relay
	general  []Relay
	routes   map[string][]Relay // by match
	ingress  map[string]bool
	rules    Rules
	key      []byte
	agent    string
	deadline time.Duration
	maxBody  int64
	circuits *circuits

	ctx   context.Context // done when closed, with cause ErrClosed
	close context.CancelCauseFunc
}

// New checks c and gives a client. It dials nothing. An error names the fault in the configuration.
func New(c Config) (*Client, error) {
	if c.UserAgent == "" {
		c.UserAgent = defaultAgent
	}
	if c.Deadline == 0 {
		c.Deadline = defaultDeadline
	}
	if c.MaxBody == 0 {
		c.MaxBody = defaultMaxBody
	}
	if c.MaxCircuits == 0 {
		c.MaxCircuits = defaultCircuits
	}
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("egress: %w", err)
	}
	tlsConfig := &tls.Config{
		MinVersion: tls.VersionTLS12,
		RootCAs:    c.Roots,
		NextProtos: []string{"http/1.1"},
		// A ticket is a cookie: it tells the server, and before TLS 1.3 the path, that two connections are one client's.
		SessionTicketsDisabled: true,
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	client := &Client{
		relays:   slices.Clone(c.Relays),
		ingress:  make(map[string]bool),
		routes:   make(map[string][]Relay),
		rules:    c.Rules,
		key:      slices.Clone(c.Key),
		agent:    c.UserAgent,
		deadline: c.Deadline,
		maxBody:  c.MaxBody,
		circuits: newCircuits(c.MaxCircuits, c.Rules, tlsConfig),
		ctx:      ctx,
		close:    cancel,
	}
	for _, name := range c.Ingress {
		client.ingress[name] = true
	}
	if client.general = c.named(c.Pool); c.Pool == nil {
		client.general = client.relays
	}
	for _, r := range c.Routes {
		client.routes[r.Match] = c.named(r.Relays)
	}
	return client, nil
}

// named gives the relays of those names.
func (c Config) named(names []string) (relays []Relay) {
	for _, r := range c.Relays {
		if slices.Contains(names, r.Name()) {
			relays = append(relays, r)
		}
	}
	return relays
}

func (c Config) validate() error {
	names := make(map[string]bool)
	for _, r := range c.Relays {
		switch {
		case r == nil || r.Name() == "" || r.Kind() == "":
			return errors.New("relay without a name or kind")
		case names[r.Name()]:
			return errors.New("two relays of one name")
		}
		names[r.Name()] = true
	}
	for _, list := range append([][]string{c.Pool, c.Ingress}, routed(c.Routes)...) {
		for _, name := range list {
			if !names[name] {
				return errors.New("a pool names a relay that is not there")
			}
		}
	}
	for _, r := range c.Routes {
		if len(r.Relays) == 0 || r.Match == "" {
			return errors.New("a route without a match or a relay")
		}
	}
	if len(c.Relays) > 1 && len(c.Key) < minKey {
		return fmt.Errorf("a pool of relays needs a key of at least %d bytes", minKey)
	}
	if c.Deadline < 0 || c.MaxBody < 0 || c.MaxCircuits < 0 {
		return errors.New("negative limit")
	}
	if !printable(c.UserAgent) {
		return errors.New("user agent is not printable ASCII")
	}
	return nil
}

func routed(routes []Route) (lists [][]string) {
	for _, r := range routes {
		lists = append(lists, r.Relays)
	}
	return lists
}

// Exit tells which relay would carry a request to domain for p: what the ledger's row says before the exchange. The domain
// is in the form that Request.Domain has. Errors: ErrNoRelay, ErrRelayDown, ErrRefused.
func (c *Client) Exit(domain string, p Purpose) (string, error) {
	if !p.Valid() {
		return "", refuse("purpose")
	}
	domain, err := hostname.Canonical(domain, true)
	if err != nil {
		return "", refuse("host form")
	}
	relay, err := c.exit(domain, p)
	if err != nil {
		return "", err
	}
	return relay.Name(), nil
}

// Close ends exchanges under way (they fail with ErrClosed), closes every connection and then the relays. It can be called
// more than once.
func (c *Client) Close() error {
	if c.ctx.Err() != nil {
		return nil
	}
	c.close(ErrClosed)
	c.circuits.close()
	var errs []error
	for _, r := range c.relays {
		errs = append(errs, r.Close())
	}
	return errors.Join(errs...)
}
