package resolve

import (
	"context"
	"fmt"
	"net/url"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/egress"
)

const (
	maxDescriptor = 64 << 10 // bytes; those of real servers have about one thousand
	maxSelf       = 8        // a Lemmy community and a user of one name share a descriptor
)

// descriptor is as much of a JSON Resource Descriptor (RFC 7033, section 4.4) as is needed.
type descriptor struct {
	subject handle   // zero if it is about something else
	actors  []string // the URIs it leads to; whether they are URIs is not checked
}

// webfinger asks a handle's domain about it. The request is not signed.
func (r *Resolver) webfinger(ctx context.Context, h handle) (descriptor, error) {
	at := url.URL{Scheme: r.ids.Scheme, Host: h.domain, Path: "/.well-known/webfinger",
		RawQuery: url.Values{"resource": {"acct:" + h.user + "@" + h.domain}}.Encode()}
	return r.handles.do(ctx, at.String(), func(ctx context.Context) (descriptor, error) {
		res, err := r.get(ctx, hardening.Fetch{URL: at.String(), Purpose: egress.Lookup,
			Accept: "application/jrd+json, application/json", MaxBody: maxDescriptor})
		if err != nil {
			return descriptor{}, err
		}
		if err := denied(res.Status); err != nil {
			return descriptor{}, err
		}
		return readDescriptor(res.Body, r.ports())
	})
}

// readDescriptor reads WebFinger's answer, as strictly as documents are: a key given twice, or in capitals, would let two
// readers see two actors. The error wraps [ErrRefused].
func readDescriptor(body []byte, ports bool) (d descriptor, err error) {
	doc, err := vocab.Parse(body)
	if err != nil {
		return d, fmt.Errorf("%w: not a resource descriptor: %w", ErrRefused, err)
	}
	subject, _ := doc["subject"].(string)
	if h, err := parseHandle(subject, ports); err == nil {
		d.subject = h
	}
	for _, link := range doc.Objects("links") {
		kind, _ := link["type"].(string)
		href, _ := link["href"].(string)
		if link["rel"] == any("self") && vocab.AcceptsActivity(kind) && href != "" && len(d.actors) < maxSelf {
			d.actors = append(d.actors, href)
		}
	}
	return d, nil
}
