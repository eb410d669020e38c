// Package redact makes the view that one domain has of one document.
//
// A view is a list of what is shown, never of what is hidden: an observer who fetches or is sent a document learns the
// fields that its domain's policy names and that this package knows, and nothing else. A field nobody thought of, an
// embedded object of a type that its field does not hold, and `bto` and `bcc` in any case, are not copied. What is known
// is one table of kinds (actors.go, posts.go, activities.go, discovery.go), each field with what it reveals.
//
// Some fields cannot be hidden without other servers breaking. They are a kind's floor, each with what breaks where.
// [Check] finds a policy below it when the configuration is read, and [View] refuses a document below it, so that
// nothing is sent rather than something that misleads.
//
// The package works on plain JSON as the encoding/json package decodes it and does no I/O. It does not choose policies,
// does not know domains, and does not ask whether an act may be told or has been released. What is shown is shown as it is, or
// by one of three transforms that tell less.
package redact

import (
	"errors"
	"maps"
	"slices"
	"strings"
)

// Fields is a policy for documents: for each kind of document, the fields that are shown. Kinds are the ActivityStreams
// types and the names in [Kinds] for what has no type of its own. Nothing is a wildcard. The zero value shows nothing.
//
// A field is named as it is spelled on the wire, or with a colon and a transform that [Known] says it has: "published:hour".
type Fields map[string][]string

// The transforms of what is shown.
const (
	Hour = "hour" // a time, rounded down to the hour (UTC)
	Zero = "zero" // a count: always 0
	ID   = "id"   // an address: that of the object itself, which is known anyhow
)

// Field is one field of a kind, with what an observer who is shown it learns.
type Field struct {
	Name, Reveals string
	Breaks        string // what breaks where if it is hidden; empty where a policy may hide it
	How           string // the transform that it has; empty: none
}

var (
	// ErrUnknownKind is returned for a document that is of no kind this package knows; it must not be sent.
	ErrUnknownKind = errors.New("document of a kind that is not sent")
	// ErrBelowFloor is what a [FloorError] is.
	ErrBelowFloor = errors.New("below the floor")
	// ErrNotJSON is returned for a document that holds, in a field that is shown, a Go value that is not plain JSON, or
	// that nests without end. It is a fault of the caller.
	ErrNotJSON = errors.New("document is not plain JSON")
)

// FloorError says which field of which kind is missing, and what breaks where without it.
type FloorError struct{ Kind, Field, Breaks string }

func (e *FloorError) Error() string {
	return e.Kind + " without " + e.Field + ": " + e.Breaks
}

// Is makes errors.Is(err, ErrBelowFloor) true.
func (e *FloorError) Is(target error) bool { return target == ErrBelowFloor }

// Kinds lists every kind of document that is sent or served, sorted.
func Kinds() []string { return slices.Sorted(maps.Keys(kinds)) }

// Known lists every field of kind that can be shown, in the order in which documentation prints them; nil for an unknown
// kind.
func Known(kind string) []Field {
	var known []Field
	for _, f := range kinds[kind].fields {
		known = append(known, Field{f.name, f.reveals, f.breaks, f.how})
	}
	return known
}

// All is the policy that shows every field of every kind.
func All() Fields {
	all := Fields{}
	for name, k := range kinds {
		all[name] = []string{}
		for _, f := range k.fields {
			all[name] = append(all[name], f.name)
		}
	}
	return all
}

// Least is the narrowest policy that [Check] accepts: the floor of every kind. It makes the stub of an unsigned GET.
func Least() Fields {
	least := Fields{}
	for name := range kinds {
		least[name] = Floor(name)
	}
	return least
}

// Floor lists the fields of kind that every policy must show; none for an unknown kind.
func Floor(kind string) []string {
	floor := []string{}
	for _, f := range kinds[kind].fields {
		if f.breaks != "" {
			floor = append(floor, f.name)
		}
	}
	return floor
}

// Check reports everything that is wrong with f, sorted by kind: a [FloorError] for each floor field that it hides, and
// kinds, fields and transforms that do not exist (such a name shows nothing, but somebody meant it to).
func Check(f Fields) []error {
	var faults []error
	for _, name := range Kinds() {
		for _, field := range kinds[name].fields {
			if _, listed := f.listed(name, field); field.breaks != "" && !listed {
				faults = append(faults, &FloorError{name, field.name, field.breaks})
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f)) {
		k, known := kinds[name]
		if !known {
			faults = append(faults, errors.New("no documents of kind \""+name+"\" are sent"))
			continue
		}
		for _, entry := range f[name] {
			field, how, transformed := strings.Cut(entry, ":")
			i := slices.IndexFunc(k.fields, func(known attribute) bool { return known.name == field })
			switch {
			case i < 0:
				faults = append(faults, errors.New(name+" has no field \""+field+"\" that is ever sent"))
			case transformed && (how != k.fields[i].how || how == ""):
				faults = append(faults, errors.New(name+"."+field+" cannot be shown as \""+how+"\""))
			}
		}
	}
	return faults
}

// listed says whether f shows a field of a kind, and how. One that is listed twice is shown transformed.
func (f Fields) listed(kind string, a attribute) (how string, ok bool) {
	for _, entry := range f[kind] {
		name, as, transformed := strings.Cut(entry, ":")
		switch {
		case name != a.name:
		case transformed && as == a.how && as != "":
			return as, true
		case !transformed:
			ok = true
		}
	}
	return "", ok
}
