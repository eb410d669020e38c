package redact

import "maps"

// kind is one shape of document or embedded object.
type kind struct {
	// wire is the `type` that such an object carries. Empty: the object is known by the field that holds it, and what it
	// has under "type", if anything, is a field like any other.
	wire   string
	fields []attribute
}

// attribute is one field of a kind.
type attribute struct {
	name, reveals string
	// breaks says what breaks where when the field is hidden; not empty for the fields of the floor.
	breaks string
	// lackable is set on a floor field that a policy must show but that not every document has.
	lackable bool
	// holds names the kinds of object that may be embedded here, alone or in a list.
	holds []string
	form  form
	// how is the transform that a policy may ask for; empty: none.
	how string
}

// form is the shape of a field's value, beside objects of the kinds that it holds.
type form uint8

const (
	scalars   form = iota // a string, number or boolean, or a list of them
	verbatim              // any JSON: only for `@context`
	languages             // strings by language tag, as in `contentMap`
	listing               // scalars, in a list that stays when it is empty, as schemas demand
)

// shown is a field that a policy may hide.
func shown(name, reveals string, holds ...string) attribute {
	return attribute{name: name, reveals: reveals, holds: holds}
}

// floor is a field that no policy may hide and no document may lack.
func floor(name, reveals, breaks string, holds ...string) attribute {
	return attribute{name: name, reveals: reveals, breaks: breaks, holds: holds}
}

// floorIfAny is a field that no policy may hide, but that a document may lack.
func floorIfAny(name, reveals, breaks string, holds ...string) attribute {
	return attribute{name: name, reveals: reveals, breaks: breaks, lackable: true, holds: holds}
}

func (a attribute) as(f form) attribute { a.form = f; return a }

// or is a field that a policy may show transformed.
func (a attribute) or(how string) attribute { a.how = how; return a }

// kinds is the whole table. Nothing writes to it.
var kinds = func() map[string]kind {
	table := map[string]kind{}
	for _, part := range []map[string]kind{actorKinds(), postKinds(), activityKinds(), discoveryKinds()} {
		maps.Copy(table, part)
	}
	return table
}()

// kindOf finds which of the kinds that a field holds an embedded object is of. An object without a type is of the only
// kind that its field holds.
func kindOf(object map[string]any, holds []string) (string, bool) {
	wire, typed := object["type"]
	for _, name := range holds {
		if k := kinds[name]; k.wire == "" || k.wire == wire || !typed && len(holds) == 1 {
			return name, true
		}
	}
	return "", false
}

// context is the field that every document but JRD and NodeInfo starts with.
func context() attribute {
	return floorIfAny("@context", "the vocabularies in use, and by them the software",
		"Mastodon and every JSON-LD processor refuse a document without its context").as(verbatim)
}
