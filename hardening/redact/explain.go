package redact

import (
	"maps"
	"slices"
	"strings"
)

// Withheld lists the fields of doc that policy f does not show, by their paths as [View] has them, each with what it would
// reveal; where the object around it is not shown, that alone is listed. kind is as for [ViewAs]; empty: doc has a type.
// What no policy can show is not listed: nobody ever sees it. Errors are those of [View] under a policy that shows all, so
// they do not depend on f.
func Withheld(kind string, doc map[string]any, f Fields) ([]Field, error) {
	if kind == "" {
		kind, _ = doc["type"].(string)
	}
	whole := viewer{policy: All(), shown: map[string]struct{}{}, reveals: map[string]string{}}
	if _, known := kinds[kind]; !known {
		return nil, ErrUnknownKind
	}
	if _, err := whole.object(kind, doc, "", 0); err != nil {
		return nil, err
	}
	_, shown, err := ViewAs(kind, doc, f)
	if err != nil { // nothing is shown at all
		shown = nil
	}
	var withheld []Field
	last := ""
	for _, path := range slices.Sorted(maps.Keys(whole.shown)) {
		if slices.Contains(shown, path) || last != "" && strings.HasPrefix(path, last+".") {
			continue
		}
		last = path
		withheld = append(withheld, Field{Name: path, Reveals: whole.reveals[path]})
	}
	return withheld, nil
}
