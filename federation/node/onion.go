package node

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"mime"
	"net/http"
	"net/url"

	"github.com/dunnock-server/dunnock/hardening/egress"
)

// OnionService is an onion service of ours: tor.Onion is one.
type OnionService interface {
	Host() string // with ".onion"
	State() egress.State
	Run(context.Context) error
}

// onionKeys are settings: a key for each way in that is an onion service, in hexadecimal digits.
const onionKeys = "onion_key."

// keyed gives a way in its onion service, if it is to have one. The key is made once: whoever has it is the service.
func (n *Node) keyed(ctx context.Context, w *Ingress) error {
	if w.Service == nil {
		return nil
	}
	kept := settings{n.db}
	text, err := kept.Get(ctx, onionKeys+w.Name)
	if err != nil {
		return err
	}
	if len(text) == 0 {
		seed := make([]byte, ed25519.SeedSize)
		rand.Read(seed)
		text = hex.AppendEncode(nil, seed)
		if err := kept.Put(ctx, onionKeys+w.Name, text); err != nil {
			return err
		}
	}
	key, err := hex.DecodeString(string(text))
	if err != nil {
		return fmt.Errorf("the key of the onion service %q: %w", w.Name, err)
	}
	service, err := w.Service(key)
	if err != nil {
		return err
	}
	w.Onion, w.Link, w.Run = service.Host(), service.State, service.Run
	return nil
}

// onionLocation tells who reads a page on the clear web where the same page is on the onion service at host: Tor Browser offers
// to go there, and nobody else does anything with it. Only pages say so. A document for other servers would tell each of them,
// and everyone who keeps documents, what only a reader has a use for.
func onionLocation(host string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at := url.URL{Scheme: "http", Host: host, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
		next.ServeHTTP(&page{ResponseWriter: w, onion: at.String()}, r)
	})
}

// page is an answer that may turn out to be one.
type page struct {
	http.ResponseWriter
	onion string
	begun bool
}

// Unwrap is for http.ResponseController.
func (p *page) Unwrap() http.ResponseWriter { return p.ResponseWriter }

func (p *page) WriteHeader(status int) {
	if !p.begun && status >= 200 {
		p.begun = true
		kind, _, err := mime.ParseMediaType(p.Header().Get("Content-Type"))
		if err == nil && (kind == "text/html" || kind == "application/xhtml+xml") {
			p.Header().Set("Onion-Location", p.onion)
		}
	}
	p.ResponseWriter.WriteHeader(status)
}

func (p *page) Write(b []byte) (int, error) {
	if !p.begun {
		p.WriteHeader(http.StatusOK)
	}
	return p.ResponseWriter.Write(b)
}
