package documents

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/storage"
)

const (
	contentType = vocab.ContentType + "; charset=utf-8"
	// retryAfter is told when a signature cannot be verified for now, in seconds. Until then no other attempt is made to
	// get the key.
	retryAfter = "120"
	// challenge is what a signature has to cover at least (RFC 9110, section 11.6.1 demands one with a 401).
	challenge = `Signature headers="(request-target) host date"`
)

// document is the way of everything that takes a signature.
func (h handler) document(find finder) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !negotiate(w, r) {
			return
		}
		var d hardening.Document
		v, err := h.viewer(r)
		switch {
		case err != nil:
		case v.blocked:
			err = storage.ErrNotFound
		default:
			d, err = find(r.Context(), v, r)
		}
		h.answer(w, r, v, d, err)
	}
}

// negotiate sets the headers that all answers have: what they depend on, and that no cache keeps them for another viewer
// (GHSA-ccpr). It answers itself, and returns false, when the client does not take what is served: a browser.
func negotiate(w http.ResponseWriter, r *http.Request) bool {
	w.Header().Set("Vary", "Accept, Signature, Signature-Input")
	w.Header().Set("Cache-Control", "private, no-store")
	if takes(strings.Join(r.Header.Values("Accept"), ",")) {
		return true
	}
	http.Error(w, "this address answers "+vocab.ContentType, http.StatusNotAcceptable)
	return false
}

// takes reports whether an Accept header lets in an ActivityPub document: by its name, or by a wildcard that no browser
// sent.
func takes(accept string) bool {
	if accept == "" || vocab.Wanted(accept) {
		return true
	}
	taken := false
	for part := range strings.SplitSeq(accept, ",") {
		media, _, _ := strings.Cut(part, ";")
		switch strings.ToLower(strings.TrimSpace(media)) {
		case "text/html", "application/xhtml+xml":
			return false
		case "*/*", "application/*", "application/json", "application/ld+json":
			taken = true
		}
	}
	return taken
}

// answer sends what the gate makes of a document for a viewer, or what err amounts to.
func (h handler) answer(w http.ResponseWriter, r *http.Request, v viewer, d hardening.Document, err error) {
	var view []byte
	if err == nil {
		view, err = h.Gate.Serve(r.Context(), hardening.Viewer{Domain: v.domain}, d)
	}
	if err == nil { // what the gate hides is not told, and its deletion is none of their business
		err = h.told(r.Context(), v, d.Body)
	}
	if err != nil {
		h.refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(view)))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if d.Body["type"] == vocab.TypeTombstone {
		w.WriteHeader(http.StatusGone)
	}
	_, _ = w.Write(view) // who hung up needs no answer
}

// refuse answers everything that is not shown. It does not know why.
func (h handler) refuse(w http.ResponseWriter, err error) {
	// A fault of the node's own (a full disk, a ledger that cannot be written) passes: whoever asked may ask again.
	status, text := http.StatusServiceUnavailable, "try again later"
	switch {
	case errors.Is(err, errUnsigned):
		w.Header().Set("WWW-Authenticate", challenge)
		status, text = http.StatusUnauthorized, "sign the request"
	case errors.Is(err, errLater):
		text = "the signature cannot be verified for now"
	case errors.Is(err, storage.ErrNotFound), errors.Is(err, hardening.ErrHidden), errors.Is(err, hardening.ErrUnreleased):
		status, text = http.StatusNotFound, "not found"
	default:
		h.Log.Error("a document could not be served", "err", err)
	}
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", retryAfter)
	}
	http.Error(w, text, status)
}
