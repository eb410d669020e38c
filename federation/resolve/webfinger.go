package resolve

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/hostname"
	"github.com/dunnock-server/dunnock/storage"
)

// Handle returns the actor called "user@domain" (a leading @ or "acct:" does not matter). The domain must name the actor,
// and the actor's own server must say that this is its handle. Errors: those of [Resolver.Actor].
func (r *Resolver) Handle(ctx context.Context, handle string) (*storage.Actor, error) {
	user, domain, err := r.splitHandle(handle)
	if err != nil {
		return nil, err
	}
	if a, err := r.db.ActorByHandle(ctx, user+"@"+domain); err == nil && a.GoneAt.IsZero() {
		return r.Actor(ctx, a.URI)
	}
	j, err := r.webfinger(ctx, domain, user+"@"+domain)
	if err != nil {
		return nil, err
	}
	uri := j.actor()
	if uri == "" {
		return nil, fmt.Errorf("%w: the domain names no actor", ErrRefused)
	}
	a, err := r.Actor(ctx, uri)
	if err != nil {
		return nil, err
	}
	// The subject may be the canonical form of what was asked for; what counts is what the actor's own server says. It may
	// not have answered when the actor was fetched.
	subject := r.subject(j)
	if a.Handle == "" && subject != "" {
		if a, err = r.Refresh(ctx, uri); err != nil {
			return nil, err
		}
	}
	if subject == "" || a.Handle != subject {
		return nil, fmt.Errorf("%w: the handle is not the actor's", ErrRefused)
	}
	return a, nil
}

// confirm asks an actor's server for its handle, and the handle's domain too if that is another. It returns "" when the
// two do not name each other.
// Servers' own actors are not asked for theirs: nobody is to call them by it.
func (r *Resolver) confirm(ctx context.Context, a *storage.Actor) string {
	if a.Type == vocab.TypeApplication {
		return ""
	}
	j, err := r.webfinger(ctx, a.Host, a.Username+"@"+a.Host)
	if err != nil || j.actor() != a.URI {
		return ""
	}
	subject := r.subject(j)
	_, domain, ok := strings.Cut(subject, "@")
	if !ok || domain == a.Host {
		return subject
	}
	if j, err = r.webfinger(ctx, domain, subject); err != nil || j.actor() != a.URI || r.subject(j) != subject {
		return ""
	}
	return subject
}

// jrd is as much of a JSON Resource Descriptor (RFC 7033, section 4.4) as is needed.
type jrd struct {
	Subject string `json:"subject"`
	Links   []struct {
		Rel  string `json:"rel"`
		Type string `json:"type"`
		Href string `json:"href"`
	} `json:"links"`
}

// actor is the URI of the actor that a descriptor leads to.
func (j jrd) actor() string {
	for _, l := range j.Links {
		if l.Rel == "self" && vocab.AcceptsActivity(l.Type) {
			return l.Href
		}
	}
	return ""
}

// subject is the handle that a descriptor is about, in canonical form; "" if it is none.
func (r *Resolver) subject(j jrd) string {
	user, domain, err := r.splitHandle(j.Subject)
	if err != nil {
		return ""
	}
	return user + "@" + domain
}

func (r *Resolver) webfinger(ctx context.Context, domain, handle string) (jrd, error) {
	u := url.URL{Scheme: r.ids.Scheme, Host: domain, Path: "/.well-known/webfinger",
		RawQuery: url.Values{"resource": {"acct:" + handle}}.Encode()}
	return r.handles.do(ctx, u.String(), func(ctx context.Context) (jrd, error) { return r.askWebfinger(ctx, u.String()) })
}

func (r *Resolver) askWebfinger(ctx context.Context, at string) (jrd, error) {
	res, err := r.get(ctx, hardening.Fetch{URL: at, Purpose: egress.Lookup, Accept: "application/jrd+json, application/json"})
	if err != nil {
		return jrd{}, err
	}
	if err := denied(res.Status); err != nil {
		return jrd{}, err
	}
	var j jrd
	if err := json.Unmarshal(res.Body, &j); err != nil {
		return jrd{}, fmt.Errorf("%w: not a resource descriptor", ErrRefused)
	}
	return j, nil
}

// splitHandle takes "user@domain" apart and brings the domain into canonical form. Ports belong to trials.
func (r *Resolver) splitHandle(handle string) (user, domain string, err error) {
	handle = strings.TrimPrefix(strings.TrimPrefix(handle, "acct:"), "@")
	user, domain, ok := strings.Cut(handle, "@")
	if !ok || user == "" || strings.ContainsAny(user, "/\\%:?# \t\r\n") || len(user) > 128 {
		return "", "", fmt.Errorf("%w: a handle is user@domain", ErrRefused)
	}
	if domain, err = hostname.Canonical(domain, r.ids.Scheme == "http"); err != nil {
		return "", "", fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return user, domain, nil
}
