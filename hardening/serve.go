package hardening

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/dunnock-server/dunnock/hardening/exposure"
	"github.com/dunnock-server/dunnock/hardening/redact"
)

// ErrHidden says that the viewer is not shown the document. From outside it must look as if there were none.
var ErrHidden = errors.New("hidden")

// Viewer is who asks: the domain of a verified key's owner in canonical form, empty for a visitor without one.
type Viewer struct{ Domain string }

// Document is something that the node may show.
type Document struct {
	// Kind names what has no type of its own ("webfinger", "jrd", "nodeinfo"); empty for ActivityStreams documents.
	Kind string
	// Object is the URI, for the ledger.
	Object string
	// Release is from when on it exists for others; zero: never. What always exists has the node's own beginning.
	Release time.Time
	Body    map[string]any
	// Views keeps what was made of a document that is served again and again. Nil: nothing is kept.
	Views *Views
}

// Serve returns the bytes of a document as a viewer sees it, which are not to be changed, after writing that down.
// [ErrUnreleased] and [ErrHidden] mean that the viewer gets the answer for what does not exist.
func (g *Gate) Serve(ctx context.Context, v Viewer, d Document) ([]byte, error) {
	if err := released(d.Release); err != nil {
		return nil, err
	}
	kind := d.Kind
	if kind == "" {
		kind, _ = d.Body["type"].(string)
	}
	rules := g.Policy().For(v.Domain)
	seen, err := d.Views.of(rules, func() (view, error) { return show(d.Kind, d.Body, rules) })
	switch {
	case errors.Is(err, redact.ErrBelowFloor), errors.Is(err, redact.ErrUnknownKind):
		return nil, fmt.Errorf("%w: %w", ErrHidden, err)
	case err != nil:
		return nil, fmt.Errorf("view for a viewer: %w", err)
	case len(seen.shown) == 0:
		return nil, ErrHidden // a kind without a floor, of which the policy shows no field
	}
	if err := g.pulled(ctx, v, kind, d.Object, seen.shown, len(seen.body)); err != nil {
		return nil, err
	}
	return seen.body, nil
}

// Preview is what a viewer would get of a document.
type Preview struct {
	// Body is what [Gate.Serve] would return; nil: nothing, as if there were no such document.
	Body []byte
	// Withheld are the fields that it has and the viewer is not shown.
	Withheld []redact.Field
}

// Preview says what [Gate.Serve] would return, and writes nothing down: nobody is told. [ErrUnreleased] means that the document
// does not exist for others yet.
func (g *Gate) Preview(v Viewer, d Document) (p Preview, err error) {
	if err := released(d.Release); err != nil {
		return Preview{}, err
	}
	rules := g.Policy().For(v.Domain)
	seen, err := show(d.Kind, d.Body, rules)
	if err == nil && len(seen.shown) > 0 {
		p.Body = seen.body
	} else if err != nil && !errors.Is(err, redact.ErrBelowFloor) && !errors.Is(err, redact.ErrUnknownKind) {
		return Preview{}, fmt.Errorf("view for a preview: %w", err)
	}
	if p.Withheld, err = redact.Withheld(d.Kind, d.Body, rules.Fields); errors.Is(err, redact.ErrUnknownKind) || errors.Is(err, redact.ErrBelowFloor) {
		err = nil
	}
	return p, err
}

// ServeMedia says whether a viewer may have a file of the owner's, and writes that down. size is in bytes.
func (g *Gate) ServeMedia(ctx context.Context, v Viewer, name string, release time.Time, size int) error {
	if err := released(release); err != nil {
		return err
	}
	if !g.Policy().For(v.Domain).Media {
		return ErrHidden
	}
	return g.pulled(ctx, v, "media", name, nil, size)
}

func released(t time.Time) error {
	if t.IsZero() || t.After(time.Now()) {
		return ErrUnreleased
	}
	return nil
}

// pulled writes down what is about to be served.
func (g *Gate) pulled(ctx context.Context, v Viewer, kind, object string, shown []string, size int) error {
	return g.ledger.Pulled(ctx, exposure.Row{At: time.Now(), Domain: v.Domain, Purpose: "serve", Act: kind,
		Object: object, Fields: shown, Bytes: int64(size), Status: http.StatusOK})
}
