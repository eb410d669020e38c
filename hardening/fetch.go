package hardening

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"

	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/exposure"
	"github.com/dunnock-server/dunnock/hardening/redact"
)

// maxRedirects bounds how many redirects one fetch follows.
const maxRedirects = 3

// Fetch is a request for something that another server has.
type Fetch struct {
	URL     string
	Purpose egress.Purpose
	Accept  string
	Sign    Signer // nil: unsigned, so that it does not say who asks
	MaxBody int64  // decoded bytes; 0: egress's own limit
	// Never says which URLs are not asked, at no hop: those of the node itself. Nil: none.
	Never func(url string) bool
}

// Fetched is the answer, after redirects.
type Fetched struct {
	URL         string // of the last hop
	Status      int
	ContentType string
	Body        []byte
}

// Fetch asks for f.URL and follows at most three redirects, each a hop with a decision, a signature and a row of its own.
// It returns [ErrBudget] once the requests of ctx are used up (see [WithBudget]), [ErrWithheld] when the policy of the
// domain does not let it be asked, an error that wraps [egress.ErrRefused] when a rule forbids the target, or the failure
// of the exchange. An answer of any status is no error.
func (g *Gate) Fetch(ctx context.Context, f Fetch) (*Fetched, error) {
	at := f.URL
	for range maxRedirects + 1 {
		u, domain, err := target(at)
		if err != nil {
			return nil, err
		}
		if f.Never != nil && f.Never(u.String()) {
			return nil, fmt.Errorf("%w: it leads to the node itself", egress.ErrRefused)
		}
		if !spend(ctx) {
			return nil, ErrBudget
		}
		if !g.Policy().For(domain).asks(ctx, f.Purpose) {
			return nil, ErrWithheld
		}
		res, err := g.exchange(ctx, egress.Request{
			Method: http.MethodGet, URL: u, Purpose: f.Purpose, MaxBody: f.MaxBody,
			Header:  http.Header{"Accept": {f.Accept}},
			Prepare: prepare(f.Sign, nil),
		}, exposure.Row{Domain: domain, Direction: exposure.Fetched, Object: u.String()}, nil)
		if err != nil {
			return nil, err
		}
		next, redirected := location(u, res)
		if !redirected {
			return &Fetched{URL: u.String(), Status: res.Status, ContentType: res.Header.Get("Content-Type"), Body: res.Body}, nil
		}
		at = next
	}
	return nil, fmt.Errorf("%w: more than %d redirects", egress.ErrRefused, maxRedirects)
}

// location is where a response sends us, if it does: a redirect that says where.
func location(from *url.URL, res *egress.Response) (string, bool) {
	switch res.Status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return "", false
	}
	if res.Header.Get("Location") == "" {
		return "", false
	}
	to, err := from.Parse(res.Header.Get("Location"))
	if err != nil {
		return "", true // refused as a target
	}
	return to.String(), true
}

type ownerKey struct{}

// WithOwner marks what is done under ctx as what the owner asks for now, which some rules let be asked of a domain that is
// otherwise left alone.
func WithOwner(ctx context.Context) context.Context { return context.WithValue(ctx, ownerKey{}, true) }

// asks says whether a domain may be asked for something.
func (r *Rules) asks(ctx context.Context, p egress.Purpose) bool {
	return slices.Contains(r.Asks, p) || ctx.Value(ownerKey{}) != nil && slices.Contains(r.Asked, p)
}

type budgetKey struct{}

// WithBudget bounds the requests that everything done under ctx may make with [Gate.Fetch] to n hops. What an arrival
// causes runs under a budget, so that no stranger can make the node a source of requests. A budget within a budget
// spends from both.
func WithBudget(ctx context.Context, n int) context.Context {
	outer, _ := ctx.Value(budgetKey{}).(*budget)
	b := &budget{outer: outer}
	b.left.Store(int64(n))
	return context.WithValue(ctx, budgetKey{}, b)
}

type budget struct {
	left  atomic.Int64
	outer *budget
}

func spend(ctx context.Context) bool {
	b, _ := ctx.Value(budgetKey{}).(*budget)
	for ; b != nil; b = b.outer {
		if b.left.Add(-1) < 0 {
			return false
		}
	}
	return true
}

// Temporary says whether a failed fetch or delivery may succeed later: not when a rule, the policy or a budget forbids it.
func Temporary(err error) bool {
	return err != nil && !slices.ContainsFunc(final, func(f error) bool { return errors.Is(err, f) })
}

// final are the errors that trying again does not mend.
var final = []error{egress.ErrRefused, egress.ErrTooLarge, ErrWithheld, ErrHidden, ErrBudget, redact.ErrBelowFloor,
	redact.ErrUnknownKind, redact.ErrNotJSON}
