package hardening

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
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
	// Acts are kinds of act by which somebody is told of it, beside those that follow from its type: who is not told of all of
	// them is not shown it.
	Acts []string
	// Release is from when on it exists for others; zero: never. What always exists has the node's own beginning.
	Release time.Time
	Body    map[string]any
	// Views keeps what was made of a document that is served again and again. Nil: nothing is kept.
	Views *Views
}

// Serve returns the bytes of a document as a viewer sees it, which are not to be changed, after writing that down.
// [ErrUnreleased] and [ErrHidden] mean that the viewer gets the answer for what does not exist.
func (g *Gate) Serve(ctx context.Context, v Viewer, d Document) ([]byte, error) {
	seen, err := d.seenUnder(g.Policy().For(v.Domain))
	if err != nil {
		return nil, err
	}
	if err := g.pulled(ctx, v, d.kind(), d.Object, seen.shown, len(seen.body)); err != nil {
		return nil, err
	}
	return seen.body, nil
}

// Tells says whether a viewer's domain may be told of an act of that kind about an object; what they are not told of is not to
// stand in a list that they read.
func (g *Gate) Tells(v Viewer, act, object string) bool {
	p := g.Policy()
	return p.tells(p.For(v.Domain), act, object)
}

// kind is what the document is of.
func (d Document) kind() string {
	if d.Kind != "" {
		return d.Kind
	}
	kind, _ := d.Body["type"].(string)
	return kind
}

// seenUnder is what is seen of the document by who is under some rules. Errors: [ErrUnreleased], [ErrHidden], or a fault.
func (d Document) seenUnder(rules *Rules) (view, error) {
	if err := released(d.Release); err != nil {
		return view{}, err
	}
	for _, act := range slices.Concat(d.Acts, toldBy(d.kind())) {
		if !rules.Tells(act) {
			return view{}, ErrHidden
		}
	}
	seen, err := d.Views.of(rules, func() (view, error) { return show(d.Kind, d.Body, rules) })
	switch {
	case errors.Is(err, redact.ErrBelowFloor), errors.Is(err, redact.ErrUnknownKind):
		return view{}, fmt.Errorf("%w: %w", ErrHidden, err)
	case err != nil:
		return view{}, fmt.Errorf("view for a viewer: %w", err)
	case len(seen.shown) == 0:
		return view{}, ErrHidden // a kind without a floor, of which the policy shows no field
	}
	return seen, nil
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
	rules := g.Policy().For(v.Domain)
	fields := rules.Fields
	switch seen, err := d.seenUnder(rules); {
	case err == nil:
		p.Body = seen.body
	case errors.Is(err, ErrHidden):
		fields = nil
	default:
		return Preview{}, err
	}
	if p.Withheld, err = redact.Withheld(d.Kind, d.Body, fields); err != nil {
		return Preview{}, fmt.Errorf("what is withheld of a document: %w", err)
	}
	return p, nil
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
