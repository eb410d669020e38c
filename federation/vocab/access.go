package vocab

import (
	"maps"
	"slices"
)

// elements returns what a field holds as a list: in ActivityStreams a single value and a list of one mean the same. Only
// non-empty strings and objects count, null, numbers and nested lists are skipped; objects come as Object. At most
// MaxItems elements are looked at.
func elements(v any) []any {
	switch v := v.(type) {
	case []any:
		list := make([]any, 0, min(len(v), MaxItems))
		for _, e := range v[:min(len(v), MaxItems)] {
			if e := element(e); e != nil {
				list = append(list, e)
			}
		}
		return list
	case []string:
		return elements(widen(v))
	case []Object:
		return elements(widen(v))
	}
	if e := element(v); e != nil {
		return []any{e}
	}
	return nil
}

func element(v any) any {
	switch v := v.(type) {
	case string:
		if v != "" {
			return v
		}
	case map[string]any:
		return Object(v)
	case Object:
		return v
	}
	return nil
}

func widen[T any](list []T) []any {
	wide := make([]any, len(list))
	for i, v := range list {
		wide[i] = v
	}
	return wide
}

// iri returns what an element refers to: a string itself, the href of a Link, the id of any other object.
func iri(e any) string {
	switch e := e.(type) {
	case string:
		return e
	case Object:
		href, _ := e["href"].(string)
		if id := e.ID(); id != "" && !(href != "" && IsLink(e.Type())) {
			return id
		}
		return href
	}
	return ""
}

// IRI returns the reference in a field: a string, the id of an embedded object, the href of a Link, or that of the first
// element of a list; "" when that has none. IRI and Object always speak of the same element. The result is any string:
// whether it is a URL is not checked.
func (o Object) IRI(key string) string {
	for _, e := range elements(o[key]) {
		return iri(e)
	}
	return ""
}

// IRIs returns all references in a field, in order, without duplicates, at most MaxItems.
func (o Object) IRIs(key string) []string {
	var refs []string
	seen := make(map[string]bool)
	for _, e := range elements(o[key]) {
		if ref := iri(e); ref != "" && !seen[ref] {
			seen[ref] = true
			refs = append(refs, ref)
		}
	}
	return refs
}

// Object returns the embedded object of a field, or the first element of a list when that is one. It shares memory
// with o.
func (o Object) Object(key string) (Object, bool) {
	for _, e := range elements(o[key]) {
		object, ok := e.(Object)
		return object, ok
	}
	return nil, false
}

// Objects returns what a field holds as objects, at most MaxItems; a bare string becomes an object with that id. Embedded
// objects share memory with o.
func (o Object) Objects(key string) []Object {
	var objects []Object
	for _, e := range elements(o[key]) {
		switch e := e.(type) {
		case Object:
			objects = append(objects, e)
		case string:
			objects = append(objects, Object{"id": e})
		}
	}
	return objects
}

// Text returns a field in natural language: the string, the first string of a list, or, when the field is absent, one
// of its language map, that with the first tag in byte order. The text is as the peer wrote it, HTML included.
func (o Object) Text(key string) string {
	if text, ok := o[key].(string); ok {
		return text
	}
	for _, e := range elements(o[key]) {
		if text, ok := e.(string); ok {
			return text
		}
	}
	texts := o.TextMap(key)
	for _, tag := range slices.Sorted(maps.Keys(texts)) {
		return texts[tag]
	}
	return ""
}

// TextMap returns the language map of a field (contentMap for "content"): language tag to text. It is nil when there is
// none, and holds at most MaxItems entries.
func (o Object) TextMap(key string) map[string]string {
	entries, _ := element(o[key+"Map"]).(Object)
	var texts map[string]string
	for _, tag := range slices.Sorted(maps.Keys(entries)) {
		if len(texts) == MaxItems {
			break
		}
		if text, ok := entries[tag].(string); ok {
			if texts == nil {
				texts = make(map[string]string)
			}
			texts[tag] = text
		}
	}
	return texts
}
