package redact

import (
	"maps"
	"slices"
)

// MaxDepth is how deep objects and lists may nest in a document.
const MaxDepth = 32

// View is what a domain under policy f sees of doc, which must be of an ActivityStreams type this package knows. The
// view shares nothing with doc. shown lists the path of every field in it, sorted and without duplicates, objects
// separated by dots and lists passed over ("object.tag.href"); it is what a ledger keeps.
//
// Fields without a value, lists left empty and embedded objects below the floor of their kind are dropped, so that what
// is hidden looks like what is not there. Errors: [ErrUnknownKind], a [FloorError], [ErrNotJSON]; then there is no view
// and nothing may be sent.
func View(doc map[string]any, f Fields) (view map[string]any, shown []string, err error) {
	wire, _ := doc["type"].(string)
	if kinds[wire].wire != wire { // kinds known by their place only come through ViewAs
		return nil, nil, ErrUnknownKind
	}
	return ViewAs(wire, doc, f)
}

// ViewAs is [View] for a document whose kind the caller knows, as with those that have no type: "webfinger", "jrd",
// "nodeinfo". Where the kind has a type, doc must carry it.
func ViewAs(kind string, doc map[string]any, f Fields) (view map[string]any, shown []string, err error) {
	k, known := kinds[kind]
	if !known || k.wire != "" && doc["type"] != any(k.wire) {
		return nil, nil, ErrUnknownKind
	}
	v := viewer{policy: f, shown: map[string]struct{}{}}
	view, err = v.object(kind, doc, "", 0)
	if err != nil {
		return nil, nil, err
	}
	return view, slices.Sorted(maps.Keys(v.shown)), nil
}

// viewer is one view in the making.
type viewer struct {
	policy Fields
	shown  map[string]struct{} // paths
	// reveals, unless nil, takes what each path reveals.
	reveals map[string]string
	below   error // why the last embedded object was dropped, if it was
}

// object copies the shown fields of one object; path is its own, with a trailing dot unless empty.
func (v *viewer) object(name string, doc map[string]any, path string, depth int) (map[string]any, error) {
	part := viewer{policy: v.policy, shown: map[string]struct{}{}, reveals: v.reveals} // told to v only if the object stays
	view := map[string]any{}
	for _, a := range kinds[name].fields {
		how, listed := v.policy.listed(name, a)
		part.below = nil
		if listed {
			value, err := part.value(a, doc[a.name], path+a.name, depth+1)
			if how != "" && err == nil {
				value = transform(how, value, doc["id"])
			}
			if err != nil {
				return nil, err
			}
			if value != nil {
				view[a.name] = value
				part.shown[path+a.name] = struct{}{}
				if v.reveals != nil {
					v.reveals[path+a.name] = a.reveals
				}
				continue
			}
		}
		switch {
		case a.breaks == "" || listed && a.lackable: // nothing to show, nothing broken
		case part.below != nil:
			return nil, part.below
		default:
			return nil, &FloorError{name, a.name, a.breaks}
		}
	}
	maps.Copy(v.shown, part.shown)
	return view, nil
}
