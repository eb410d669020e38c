package hardening

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/exposure"
	"github.com/dunnock-server/dunnock/hardening/redact"
)

// contentType is what acts are sent as, and documents served as. Servers take it where they take the longer form.
const contentType = "application/activity+json"

// Delivery is an act for one inbox.
type Delivery struct {
	Document map[string]any // the whole activity, before any view of it
	Object   string         // URI of what it is about, for the ledger
	Release  time.Time      // before it nothing is sent; zero: never
	Inbox    string
	Sign     Signer // nil: refused, since nobody takes an unsigned act
	// Known says that the inbox was told of what this takes back or changes: an Undo, Delete or Update of anything else is
	// [ErrWithheld], since it would tell of what was kept.
	Known bool
	// Views keeps what was made of a document that is told again and again. Nil: nothing is kept.
	Views *Views
	// Also is written with the ledger's row, before the first byte leaves. If it fails nothing does. Nil: nothing.
	Also exposure.Also
}

// Receipt is how an inbox answered.
type Receipt struct {
	Status     int
	RetryAfter time.Duration // as it asked, 0 if it did not; at most a day
}

// Deliver makes one attempt to tell a domain of an act: the view that its policy allows, signed, through its relay. A
// redirect is not followed. The error is an [*egress.Error], the failure of an exchange, or else nothing left:
// [ErrWithheld], [ErrUnreleased], that of d.Also, one that wraps [egress.ErrRefused] or one of package redact's,
// [egress.ErrNoRelay], or that of a ledger which cannot be written. An answer of any status is no error.
func (g *Gate) Deliver(ctx context.Context, d Delivery) (Receipt, error) {
	u, domain, err := target(d.Inbox)
	if err != nil {
		return Receipt{}, err
	}
	if d.Release.IsZero() || d.Release.After(time.Now()) {
		return Receipt{}, ErrUnreleased
	}
	kind, _ := d.Document["type"].(string)
	rules, ok := g.Policy().toTell(domain, kind, d)
	if !ok {
		return Receipt{}, ErrWithheld
	}
	seen, err := d.Views.of(rules, func() (view, error) { return show("", d.Document, rules) })
	if err != nil {
		return Receipt{}, fmt.Errorf("view for a delivery: %w", err)
	}
	if d.Sign == nil {
		return Receipt{}, fmt.Errorf("%w: a delivery without a signature", egress.ErrRefused)
	}
	res, err := g.exchange(ctx, egress.Request{
		Method: http.MethodPost, URL: u, Body: seen.body, Purpose: egress.Federation,
		Header:  http.Header{"Content-Type": {contentType}, "Accept": {contentType}},
		Prepare: prepare(d.Sign, seen.body),
	}, exposure.Row{Domain: domain, Direction: exposure.Pushed, Act: kind, Object: d.Object, Fields: seen.shown}, d.Also)
	if err != nil {
		return Receipt{}, err
	}
	return Receipt{Status: res.Status, RetryAfter: retryAfter(res.Header, time.Now())}, nil
}

// toTell are the rules by which a domain is told of an act; ok is false if it is not told.
func (p *Policy) toTell(domain, kind string, d Delivery) (rules *Rules, ok bool) {
	rules = p.For(domain)
	if slices.Contains([]string{"Undo", "Delete", "Update"}, kind) && !d.Known {
		return nil, false
	}
	switch {
	case rules.owes(kind) && rules.Fields[kind] == nil:
		return leastRules, true
	case rules.owes(kind), p.tells(rules, kind, d.Object):
		return rules, true
	}
	return nil, false
}

// leastRules are for what is owed to a domain that is shown nothing.
var leastRules = &Rules{Fields: redact.Least()}

// retryAfter reads the header of that name, seconds or a date (RFC 9110, section 10.2.3).
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	var wait time.Duration
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil || errors.Is(err, strconv.ErrRange) {
		wait = time.Duration(seconds) * time.Second // out of range, seconds is the most there can be
	} else if at, err := http.ParseTime(value); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), 24*time.Hour)
}
