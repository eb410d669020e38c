package hardening

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/exposure"
	"github.com/dunnock-server/dunnock/hardening/hostname"
)

var (
	// ErrWithheld says that the policy of the domain does not let it know. Nothing was sent, and it is not to be tried
	// again.
	ErrWithheld = errors.New("withheld by policy")
	// ErrUnreleased says that the act or object does not exist for others yet.
	ErrUnreleased = errors.New("not released")
	// ErrBudget says that an arrival has used up the requests that it may cause.
	ErrBudget = errors.New("fetch budget used up")
)

// Signer signs a request with its body, for one signature scheme. It is called last, on exactly what is sent.
type Signer func(req *http.Request, body []byte) error

// Config is what a gate is made from. All but Log must be set; the zero Policy lets nothing through.
type Config struct {
	Policy Policy
	Egress *egress.Client
	Ledger *exposure.Ledger
	// Resolver answers for relays whose far end must not look names up. It learns the names of the domains that they reach, and
	// their addresses. Nil: these relays reach literal addresses only.
	Resolver *Resolver
	Log      *slog.Logger
}

// Gate is the one door. Its methods may be called from any goroutine.
type Gate struct {
	policy atomic.Pointer[Policy]
	egress *egress.Client
	ledger *exposure.Ledger
	log    *slog.Logger

	resolver *Resolver
}

// New makes a gate. It sets how c.Egress looks names up.
func New(c Config) *Gate {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	g := &Gate{egress: c.Egress, ledger: c.Ledger, log: c.Log, resolver: c.Resolver}
	g.SetPolicy(c.Policy)
	if g.resolver != nil {
		g.egress.LookUpWith(g.lookUp)
	}
	return g
}

// Policy is the policy that holds now, which is not to be changed.
func (g *Gate) Policy() *Policy { return g.policy.Load() }

// SetPolicy has another policy hold, for everything that is decided from now on.
func (g *Gate) SetPolicy(p Policy) { g.policy.Store(&p) }

// exchange is one hop: a row with what is written also, the request, and how it ended.
func (g *Gate) exchange(ctx context.Context, req egress.Request, row exposure.Row, also exposure.Also) (*egress.Response, error) {
	exit, err := g.exit(req, row.Domain)
	if err != nil {
		return nil, err
	}
	req.Exit = exit
	row.At, row.Exit, row.Purpose = time.Now(), exit, req.Purpose.String()
	entry, err := g.ledger.Begin(ctx, row, also)
	if err != nil {
		return nil, err
	}
	res, err := g.egress.Do(ctx, req)
	status, sent := 0, int64(0)
	var failed *egress.Error
	switch {
	case err == nil:
		status, sent = res.Status, res.SentBytes
	case errors.As(err, &failed):
		sent = failed.SentBytes
	}
	if err := entry.Settle(ctx, status, sent); err != nil {
		// What left has left. The row stays unsettled, which is how the owner reads it: may have been told.
		g.log.Error("a disclosure could not be settled", "err", err)
	}
	return res, err
}

// exit is the relay that a request will leave by.
func (g *Gate) exit(req egress.Request, domain string) (string, error) {
	switch {
	case req.Serves != nil:
		return req.Serves.Exit, nil
	case req.Exit != "":
		return req.Exit, nil
	}
	return g.egress.Exit(domain, req.Purpose)
}

// prepare turns a signer into what egress calls.
func prepare(sign Signer, body []byte) func(*http.Request) error {
	if sign == nil {
		return nil
	}
	return func(req *http.Request) error { return sign(req, body) }
}

// target parses a URL that a remote document named, and gives its domain.
func target(raw string) (*url.URL, string, error) {
	domain, err := hostname.HostOf(raw)
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", egress.ErrRefused, err)
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, "", fmt.Errorf("%w: not a URL", egress.ErrRefused)
	}
	u.Fragment, u.RawFragment = "", ""
	return u, domain, nil
}

// encode writes a view as it goes on the wire: keys in order, so that equal views are equal bytes.
func encode(view map[string]any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(view); err != nil {
		return nil, fmt.Errorf("encode a view: %w", err)
	}
	return bytes.TrimRight(buf.Bytes(), "\n"), nil
}
