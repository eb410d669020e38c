package discovery

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/hardening/hostname"
)

var (
	errBadRequest = errors.New("not one resource") // RFC 7033, section 4.2
	errUnknown    = errors.New("no such resource")
)

// webfinger says which actor a handle belongs to, and which handle an actor has. What else is asked for with `rel` does
// not matter: there is one link.
func (h handler) webfinger(w http.ResponseWriter, r *http.Request) {
	view, err := h.resource(r)
	h.answer(w, typeJRD, view, err)
}

func (h handler) resource(r *http.Request) ([]byte, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || len(query["resource"]) != 1 || query.Get("resource") == "" {
		return nil, errBadRequest
	}
	actor, handle, ok := h.find(query.Get("resource"))
	if !ok {
		return nil, errUnknown
	}
	return h.view(r, "webfinger", actor, map[string]any{
		"subject": "acct:" + handle,
		"links":   []any{map[string]any{"rel": "self", "type": vocab.ContentType, "href": actor}},
	})
}

// find returns the actor that a resource names, and its handle in the one form. A handle is known under the domain that
// it belongs to and under the host that answers, since servers that only have the actor's URI ask there.
func (h handler) find(resource string) (actor, handle string, ok bool) {
	switch resource {
	case h.IDs.Owner():
		return h.IDs.Owner(), h.IDs.Handle(), true
	case h.IDs.Server():
		return h.IDs.Server(), h.IDs.ServerHandle(), true
	}
	scheme, account, _ := strings.Cut(resource, ":")
	user, host, ok := strings.Cut(account, "@")
	if !ok || !strings.EqualFold(scheme, "acct") {
		return "", "", false
	}
	host, err := hostname.Canonical(host, h.IDs.Scheme == "http") // a port belongs to trials
	if err != nil || host != h.IDs.Domain && host != h.IDs.Host {
		return "", "", false
	}
	name, _, _ := strings.Cut(h.IDs.Host, ":")
	switch {
	case strings.EqualFold(user, h.IDs.Username): // Mastodon compares names without case, and people write them so
		return h.IDs.Owner(), h.IDs.Handle(), true
	case strings.EqualFold(user, h.IDs.ServerName()), strings.EqualFold(user, name):
		return h.IDs.Server(), h.IDs.ServerHandle(), true
	}
	return "", "", false
}
