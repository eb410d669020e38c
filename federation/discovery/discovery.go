// Package discovery answers those who look for the node's two actors by name: WebFinger (RFC 7033), host-meta (RFC 6415)
// and NodeInfo 2.1.
//
// All of it is asked for without a key, so every answer is what the policy shows a visitor without one: the gate makes it
// from the whole document and writes it down. An observer who asks learns that there is one person of that name and that
// the software is dunnock. NodeInfo has neither counts nor a version: they would tell how often the owner writes and
// which faults the node still has.
//
// The package holds fixed documents and no state. It reads no storage, fetches nothing, and does not serve actors: that is
// package documents.
package discovery

import (
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/dunnock-server/dunnock/federation/wire"
	"github.com/dunnock-server/dunnock/hardening"
)

// Content types of the answers.
const (
	typeJRD      = "application/jrd+json" // RFC 7033, section 10.2
	typeXRD      = "application/xrd+xml"
	typeJSON     = "application/json" // as RFC 6415, section 3, and the NodeInfo protocol ask for
	typeNodeInfo = `application/json; profile="http://nodeinfo.diaspora.software/ns/schema/2.1#"`
)

// always is the release of what exists as long as the node does.
var always = time.Unix(1, 0)

// Config is what discovery is made from. Gate and IDs must be set.
type Config struct {
	Gate *hardening.Gate
	IDs  wire.IDs
	// Log gets faults of the node, without what was asked for. Nil: discarded.
	Log *slog.Logger
}

type handler struct{ Config }

// New returns the handler of /.well-known/webfinger, /.well-known/host-meta, /.well-known/host-meta.json,
// /.well-known/nodeinfo and /nodeinfo/2.1, for GET and HEAD; everything else is not found there.
func New(c Config) http.Handler {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	h := handler{c}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/webfinger", h.webfinger)
	mux.HandleFunc("GET /.well-known/host-meta", h.hostMeta)
	mux.HandleFunc("GET /.well-known/host-meta.json", h.hostMetaJSON)
	mux.HandleFunc("GET /.well-known/nodeinfo", h.nodeInfoIndex)
	mux.HandleFunc("GET /nodeinfo/2.1", h.nodeInfo)
	return mux
}

// at is the URL of a path of the node.
func (h handler) at(path string) string { return h.IDs.Scheme + "://" + h.IDs.Host + path }

// view is what a visitor without a key is shown of a document. object is what it is about, for the ledger.
func (h handler) view(r *http.Request, kind, object string, doc map[string]any) ([]byte, error) {
	return h.Gate.Serve(r.Context(), hardening.Viewer{},
		hardening.Document{Kind: kind, Object: object, Release: always, Body: doc})
}

// answer sends a view, or what its absence amounts to.
func (h handler) answer(w http.ResponseWriter, contentType string, view []byte, err error) {
	w.Header().Set("Access-Control-Allow-Origin", "*") // RFC 7033, section 5: it is public, so scripts may read it
	switch {
	case err == nil:
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Content-Length", strconv.Itoa(len(view)))
		_, _ = w.Write(view) // who hung up needs no answer
	case errors.Is(err, errBadRequest):
		http.Error(w, "ask for one resource", http.StatusBadRequest)
	case errors.Is(err, errUnknown), errors.Is(err, hardening.ErrHidden), errors.Is(err, hardening.ErrUnreleased):
		http.Error(w, "not found", http.StatusNotFound)
	default:
		h.Log.Error("a question could not be answered", "err", err)
		w.Header().Set("Retry-After", "120") // a full disk, a ledger that cannot be written: it passes
		http.Error(w, "try again later", http.StatusServiceUnavailable)
	}
}
