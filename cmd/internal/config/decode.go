package config

import (
	"bytes"
	"errors"
	"reflect"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// decode fills c from data. The decoder stops at the first value of the wrong kind; so that all are told at once, what
// it refused is emptied and the rest decoded anew. Only what is not TOML at all ends that, since nothing after it is
// certain.
func decode(data []byte, path string, c *Config) (*document, Faults) {
	var faults Faults
	doc := outline(data)
	for left := data; ; {
		var fresh Config
		d := toml.NewDecoder(bytes.NewReader(left)).DisallowUnknownFields()
		err := d.Decode(&fresh)
		var unknown *toml.StrictMissingError
		var refused *toml.DecodeError
		switch {
		case errors.As(err, &unknown):
			faults = append(faults, unknownKeys(path, doc, unknown)...)
		case errors.As(err, &refused):
			fault := refusal(path, refused)
			if fault.Key == "domain" && doc.header(fault.Line) == "[[" {
				fault.Remedy = "write [[policy.domain]]: the domain of the node is written above"
			}
			faults = append(faults, fault)
			rest, ok := doc.blank(left, fault.Line)
			if ok && fault.Key != "" && len(faults) < maxFaults && !bytes.Equal(rest, left) {
				left = rest
				continue
			}
		case err != nil:
			faults = append(faults, Fault{File: path, Line: 1, Problem: err.Error(), Remedy: "write it as TOML 1.0"})
		}
		fresh.File = c.File
		*c = fresh
		return doc, append(faults, spelling(path, doc)...)
	}
}

// refusal is the fault for what the decoder stopped at; without a key, the file is not TOML there.
func refusal(path string, err *toml.DecodeError) Fault {
	line, _ := err.Position()
	message := strings.TrimPrefix(err.Error(), "toml: ")
	fault := Fault{File: path, Line: line, Key: strings.Join(err.Key(), ".")}
	switch {
	case fault.Key == "":
		fault.Problem, fault.Remedy = "not TOML: "+message, "correct this line, then check again: what follows was not read"
	case strings.Contains(message, "already"):
		fault.Problem, fault.Remedy = "written twice", "keep one of them"
	default:
		fault.Problem, fault.Remedy = "a value of the wrong kind", "write "+wanted(err.Key())
	}
	return fault
}

// unknownKeys has one fault for each key nobody knows, and one only for a table with all that is in it.
func unknownKeys(path string, doc *document, err *toml.StrictMissingError) Faults {
	var faults Faults
	for _, e := range err.Errors {
		line, column := e.Position()
		name, ok := doc.spelled(line, column)
		if !ok {
			name = strings.Join(e.Key(), ".")
		}
		if within(name, faults) {
			continue
		} else if len(faults) == maxFaults {
			break
		}
		table, known := neighbours(strings.Split(name, "."))
		faults = append(faults, Fault{File: path, Line: line, Key: name, Problem: "this version of dunnock has no such key",
			Remedy: "remove it; what " + table + " may have: " + strings.Join(known, ", ")})
	}
	return faults
}

// within reports whether a fault names the table that name is in.
func within(name string, faults Faults) bool {
	for _, f := range faults {
		if name == f.Key || strings.HasPrefix(name, f.Key+".") {
			return true
		}
	}
	return false
}

// spelling finds what the decoder lets pass: names in capitals, and one table where a list of them belongs.
func spelling(path string, doc *document) Faults {
	var faults Faults
	for _, k := range doc.keys {
		names := strings.Split(k.path, ".")
		known, kind := find(strings.Split(strings.ToLower(k.path), "."))
		switch {
		case !known:
		case k.path != strings.ToLower(k.path):
			faults = append(faults, Fault{File: path, Line: k.line, Key: k.path, Problem: "keys are written in lower case",
				Remedy: "write " + strings.ToLower(k.path)})
		case k.header == "[" && kind.Kind() == reflect.Slice:
			faults = append(faults, Fault{File: path, Line: k.line, Key: k.path, Problem: "a value of the wrong kind",
				Remedy: "write " + wanted(names)})
		}
	}
	return faults
}
