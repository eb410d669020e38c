package config

import (
	"reflect"
	"strings"
)

// find gives the Go type behind a key, following the tags of Config.
func find(names []string) (bool, reflect.Type) {
	t := reflect.TypeFor[Config]()
	for _, name := range names {
		field, ok := child(t, name)
		if !ok {
			return false, nil
		}
		t = field
	}
	return true, t
}

// child is the type of a key of the table t.
func child(t reflect.Type, name string) (reflect.Type, bool) {
	if t = table(t); t == nil {
		return nil, false
	}
	for i := range t.NumField() {
		if field := t.Field(i); field.Tag.Get("toml") == name {
			return field.Type, name != "-"
		}
	}
	return nil, false
}

// table is the struct behind a table or a list of tables, nil for a plain value.
func table(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	return t
}

// neighbours names the table an unknown key would be in, and the keys that table has.
func neighbours(names []string) (header string, known []string) {
	t, header, below := reflect.TypeFor[Config](), "the file", ""
	for i, name := range names {
		next, ok := child(t, name)
		if !ok || table(next) == nil {
			break
		}
		path := strings.Join(names[:i+1], ".")
		t, header, below = next, bracketed(path, next), path+"."
	}
	t = table(t)
	for i := range t.NumField() {
		name := t.Field(i).Tag.Get("toml")
		if name == "-" || name == "" {
			continue
		}
		if kind := t.Field(i).Type; table(kind) != nil {
			name = bracketed(below+name, kind)
		}
		known = append(known, name)
	}
	return header, known
}

// bracketed is the header of a table.
func bracketed(path string, t reflect.Type) string {
	if t.Kind() == reflect.Slice {
		return "[[" + path + "]]"
	}
	return "[" + path + "]"
}

// wanted says how the value of a known key is written. A path that goes on below a plain value is cut to it.
func wanted(names []string) string {
	for len(names) > 1 {
		if known, _ := find(names); known {
			break
		}
		names = names[:len(names)-1]
	}
	known, t := find(names)
	name := names[len(names)-1]
	switch {
	case !known:
		return "it as TOML 1.0"
	case table(t) != nil:
		return bracketed(strings.Join(names, "."), t) + " on a line of its own and its keys below"
	case t.Kind() == reflect.Map:
		return "a list of texts in quotes for each: \"*.example\" = [\"…\", \"…\"]"
	case t.Kind() == reflect.Int:
		return "a number: " + name + " = 443"
	case t.Kind() == reflect.Bool:
		return name + " = true or " + name + " = false"
	case t.Kind() == reflect.Slice:
		return "a list of texts in quotes: " + name + ` = ["…", "…"]`
	default:
		return "a text in quotes: " + name + ` = "…"`
	}
}
