package hardening

import (
	"sync"

	"github.com/dunnock-server/dunnock/hardening/redact"
)

// Views are what was made of one document, which whoever changes it begins anew. The zero value holds nothing.
//
// A view is kept for the rules that it was made by, never for a domain: which rules are a domain's is asked each time.
type Views struct {
	mu   sync.Mutex
	made map[*Rules]view
}

// maxViews bounds the views of one document that are kept.
const maxViews = 64

// view is what is seen of a document.
type view struct {
	shown []string // the fields
	body  []byte
}

// of returns the view by some rules, made now if none is kept.
func (vs *Views) of(rules *Rules, show func() (view, error)) (view, error) {
	if vs == nil {
		return show()
	}
	vs.mu.Lock()
	defer vs.mu.Unlock()
	if v, ok := vs.made[rules]; ok {
		return v, nil
	}
	v, err := show()
	if err != nil {
		return view{}, err
	}
	if vs.made == nil || len(vs.made) >= maxViews {
		vs.made = map[*Rules]view{}
	}
	vs.made[rules] = v
	return v, nil
}

// show makes what rules let be seen of a document; kind names what has no type of its own. Errors are those of package redact.
func show(kind string, document map[string]any, rules *Rules) (view, error) {
	seen, shown, err := map[string]any(nil), []string(nil), error(nil)
	if kind == "" {
		seen, shown, err = redact.View(document, rules.Fields)
	} else {
		seen, shown, err = redact.ViewAs(kind, document, rules.Fields)
	}
	if err != nil {
		return view{}, err
	}
	body, err := encode(seen)
	return view{shown, body}, err
}
