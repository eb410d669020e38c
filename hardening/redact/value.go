package redact

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"
)

// value copies what may be shown of one field's value; nil when nothing may.
func (v *viewer) value(a attribute, value any, path string, depth int) (any, error) {
	if depth > MaxDepth {
		return nil, fmt.Errorf("%w: nested deeper than %d", ErrNotJSON, MaxDepth)
	}
	switch a.form {
	case verbatim:
		return clone(value, depth)
	case languages:
		return byLanguage(value)
	}
	list, ok := value.([]any)
	if !ok {
		return v.item(a, value, path, depth)
	}
	kept := make([]any, 0, len(list))
	for _, item := range list {
		copied, err := v.item(a, item, path, depth)
		if err != nil {
			return nil, err
		}
		if copied != nil {
			kept = append(kept, copied)
		}
	}
	if len(kept) == 0 && a.form != listing {
		return nil, nil
	}
	return kept, nil
}

// item copies one scalar, or one object of a kind that the field holds. A list within a list is not shown.
func (v *viewer) item(a attribute, value any, path string, depth int) (any, error) {
	switch value := value.(type) {
	case nil, []any:
		return nil, nil
	case map[string]any:
		name, ok := kindOf(value, a.holds)
		if !ok {
			return nil, nil
		}
		view, err := v.object(name, value, path+".", depth)
		if errors.Is(err, ErrBelowFloor) {
			v.below = err // the object is dropped; if its field is in the floor, the one around it goes too
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		return view, nil
	}
	return scalar(value)
}

// scalar passes what cannot be changed through its copy. Go's int is not decoded JSON, but encodes as such.
func scalar(value any) (any, error) {
	switch value.(type) {
	case string, bool, json.Number, float64, int, int64:
		return value, nil
	}
	return nil, fmt.Errorf("%w: it holds a %T", ErrNotJSON, value)
}

// language is a BCP 47 tag, loosely: enough that nothing but a tag is shown as one.
var language = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}$`)

// byLanguage copies strings by language tag.
func byLanguage(value any) (any, error) {
	texts, ok := value.(map[string]any)
	if !ok {
		return nil, nil
	}
	kept := map[string]any{}
	for tag, text := range texts {
		if text, ok := text.(string); ok && language.MatchString(tag) {
			kept[tag] = text
		}
	}
	if len(kept) == 0 {
		return nil, nil
	}
	return kept, nil
}

// clone copies any plain JSON.
func clone(value any, depth int) (any, error) {
	if depth > MaxDepth {
		return nil, fmt.Errorf("%w: nested deeper than %d", ErrNotJSON, MaxDepth)
	}
	switch value := value.(type) {
	case nil:
		return nil, nil
	case map[string]any:
		copied := make(map[string]any, len(value))
		for name, item := range value {
			c, err := clone(item, depth+1)
			if err != nil {
				return nil, err
			}
			copied[name] = c
		}
		return copied, nil
	case []any:
		copied := make([]any, len(value))
		for i, item := range value {
			c, err := clone(item, depth+1)
			if err != nil {
				return nil, err
			}
			copied[i] = c
		}
		return copied, nil
	}
	return scalar(value)
}

// transform makes of a value what is shown in its place, given the id of the object that it is in; nil where it is not what can
// be transformed.
func transform(how string, value, id any) any {
	switch how {
	case Hour:
		text, _ := value.(string)
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return nil
		}
		return t.UTC().Truncate(time.Hour).Format(time.RFC3339)
	case Zero:
		switch value.(type) {
		case json.Number, float64, int, int64:
			return json.Number("0")
		}
	case ID:
		if _, isText := id.(string); isText && value != nil {
			return id
		}
	}
	return nil
}
