package vocab

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// MaxItems is how many elements of one list the accessors look at: a Note with 100,000 tags costs what one with 1,000
// does (CVE-2026-23962). The document itself keeps them all.
const MaxItems = 1000

// Object is an ActivityStreams document, or an object within one: plain JSON as Parse gives it. Objects built by hand
// may also hold Object, []string, []Object, bool, int and int64.
type Object map[string]any

// Marshal writes the object as compact JSON with sorted keys, without the HTML escapes of encoding/json, so that equal
// documents are equal bytes. What was parsed comes out with the same fields and number literals. The error is that of a
// value that has no JSON form; no parsed document has one.
func (o Object) Marshal() ([]byte, error) {
	if o == nil {
		return []byte("{}"), nil
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(map[string]any(o)); err != nil {
		return nil, fmt.Errorf("vocab: marshal: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Clone returns a copy that shares no object or list with o.
func (o Object) Clone() Object {
	if o == nil {
		return nil
	}
	return clone(o).(Object)
}

func clone(v any) any {
	switch v := v.(type) {
	case Object:
		return Object(clone(map[string]any(v)).(map[string]any))
	case map[string]any:
		c := make(map[string]any, len(v))
		for key, value := range v {
			c[key] = clone(value)
		}
		return c
	case []any:
		return cloneList(v)
	case []Object:
		return cloneList(v)
	case []string:
		return append([]string{}, v...)
	}
	return v
}

func cloneList[T any](list []T) []T {
	c := make([]T, len(list))
	for i, v := range list {
		c[i], _ = clone(v).(T)
	}
	return c
}

// ID returns "id" when it is a string, else "". A list, however short, is no id: readers that take its first element
// and readers that refuse it would see different objects (CVE-2025-25306).
func (o Object) ID() string {
	id, _ := o["id"].(string)
	return id
}

// Type returns the first of Types, "" when there is none.
func (o Object) Type() string {
	if t := o.Types(); len(t) > 0 {
		return t[0]
	}
	return ""
}

// Types returns "type": a string, or the strings of a list.
func (o Object) Types() []string {
	var types []string
	for _, v := range elements(o["type"]) {
		if t, ok := v.(string); ok {
			types = append(types, t)
		}
	}
	return types
}

// Is reports whether one of the object's types is one of types.
func (o Object) Is(types ...string) bool {
	for _, t := range o.Types() {
		for _, want := range types {
			if t == want {
				return true
			}
		}
	}
	return false
}
