package documents

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path"

	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/hostname"
	"github.com/dunnock-server/dunnock/storage"
)

// Preview says what a domain would get of what the node has under a URL, at this moment, without telling anybody: a follower
// of the owner's there if there is one, else a stranger. The empty domain is a visitor without a key. The error is
// [storage.ErrNotFound] for what is not there or not for them, [hardening.ErrUnreleased], or a fault of the node.
func Preview(ctx context.Context, c Config, domain, uri string) (hardening.Preview, error) {
	h := handler{c}
	v, err := h.somebody(ctx, domain)
	if err != nil {
		return hardening.Preview{}, err
	}
	d, err := h.under(ctx, v, uri)
	if err != nil {
		return hardening.Preview{}, err
	}
	return h.Gate.Preview(hardening.Viewer{Domain: domain}, d)
}

// somebody is who asks from a domain, for a preview.
func (h handler) somebody(ctx context.Context, domain string) (viewer, error) {
	v := viewer{domain: domain}
	followers, err := h.DB.FollowerActors(ctx, h.IDs.Owner())
	if err != nil {
		return v, fmt.Errorf("read the followers: %w", err)
	}
	for _, f := range followers {
		if host, err := hostname.HostOf(f.URI); err == nil && host == domain {
			return viewer{actor: f.URI, domain: domain, follows: true}, nil
		}
	}
	return v, nil
}

// under is the document under a URL of the node's, for a viewer.
func (h handler) under(ctx context.Context, v viewer, uri string) (d hardening.Document, err error) {
	u, err := url.Parse(uri)
	if err != nil || !h.IDs.Own(uri) || path.Clean(u.Path) != u.Path {
		return hardening.Document{}, storage.ErrNotFound
	}
	switch u.Path {
	case h.ownerPath():
		return h.keep(h.owner)(ctx)
	case actorPath:
		return h.keep(h.server)(ctx)
	}
	err = storage.ErrNotFound
	if v.domain == "" { // without a key there is nothing but the actors
		return hardening.Document{}, err
	}
	mux := http.NewServeMux()
	for pattern, find := range h.finders() {
		mux.HandleFunc(pattern, func(_ http.ResponseWriter, r *http.Request) { d, err = find(ctx, v, r) })
	}
	r, bad := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if bad != nil {
		return hardening.Document{}, storage.ErrNotFound
	}
	if handler, pattern := mux.Handler(r); pattern != "" {
		handler.ServeHTTP(nil, r) // the path is clean, so it is one of the above
	}
	return d, err
}
