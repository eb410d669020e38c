package redact

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestAllShowsEverything(t *testing.T) {
	for _, fixture := range fixtures {
		t.Run(fixture.name, func(t *testing.T) {
			doc := decode(t, fixture.text)
			view, _, err := ViewAs(fixture.kind, doc, All())
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(view, doc) {
				t.Errorf("got  %s\nwant %s", encode(t, view), encode(t, doc))
			}
		})
	}
}

func TestView(t *testing.T) {
	without := func(kind string, fields ...string) Fields {
		f := All()
		f[kind] = slices.DeleteFunc(f[kind], func(name string) bool { return slices.Contains(fields, name) })
		return f
	}
	const head = `{"id": "i", "type": "Note", "attributedTo": "a", `
	for _, test := range []struct {
		name, doc string
		policy    Fields
		want      string
	}{
		{"unknown field", head + `"mood": "low", "source": {"content": "x"}, "bto": ["b"], "bcc": "b", "to": ["c"]}`,
			All(), head + `"to": ["c"]}`},
		{"bto and bcc although listed", head + `"bto": ["b"], "bcc": "b"}`,
			Fields{"Note": append(All()["Note"], "bto", "bcc")}, head[:len(head)-2] + `}`},
		{"hidden field", head + `"url": "u", "content": "c"}`, without("Note", "url"), head + `"content": "c"}`},
		{"object of no known type", head + `"tag": [{"type": "Mood", "name": "x"}, {"name": "x"}, "t"]}`, All(), head + `"tag": ["t"]}`},
		{"object of a type out of place", head + `"tag": [{"id": "x", "type": "Tombstone"}], "content": {"id": "x", "type": "Note"}}`,
			All(), head[:len(head)-2] + `}`},
		{"embedded actor", head[:len(head)-6] + `["a", {"id": "x", "type": "Person"}]}`, All(), head[:len(head)-6] + `["a"]}`},
		{"list in a list", head + `"to": [["a"], "b"]}`, All(), head + `"to": ["b"]}`},
		{"nothing left looks like nothing there", head + `"tag": [{"type": "Mention"}], "to": [], "summary": null, "contentMap": {}}`,
			All(), head[:len(head)-2] + `}`},
		{"object below its floor", head + `"attachment": [{"type": "Image", "name": "x"}, {"type": "Image", "url": "u"}]}`,
			All(), head + `"attachment": [{"type": "Image", "url": "u"}]}`},
		{"list without its count", head + `"replies": {"id": "r", "totalItems": 3, "type": "Collection", "first": "f"}}`,
			without("Collection", "totalItems"), head + `"replies": {"id": "r", "type": "Collection", "first": "f"}}`},
		{"no type where only one can be", strings.Replace(person, `{"type": "Image", `, `{`, 1), All(),
			strings.Replace(person, `{"type": "Image", `, `{`, 1)},
		{"no type where several can be", head + `"attachment": [{"url": "u"}]}`, All(), head[:len(head)-2] + `}`},
		{"language tags only", head + `"contentMap": {"en-GB": "a", "not a tag": "b", "de": ["c"], "": "d"}}`,
			All(), head + `"contentMap": {"en-GB": "a"}}`},
		{"stub", person, Least(), `{"@context": ["https://www.w3.org/ns/activitystreams", {"toot": "http://joinmastodon.org/ns#"}],
			"id": "https://d.test/a", "type": "Person", "preferredUsername": "alice",
			"inbox": "https://d.test/a/inbox", "outbox": "https://d.test/a/outbox", "followers": "https://d.test/a/followers",
			"publicKey": {"id": "https://d.test/a#main-key", "owner": "https://d.test/a", "publicKeyPem": "PEM"},
			"endpoints": {"sharedInbox": "https://d.test/inbox"}}`},
		{"poll without counts", question, without("votes", "totalItems"), strings.NewReplacer(`, "totalItems": 2`, ``,
			`, "totalItems": 1`, ``).Replace(question)},
	} {
		t.Run(test.name, func(t *testing.T) {
			view, _, err := View(decode(t, test.doc), test.policy)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := encode(t, view), encode(t, decode(t, test.want)); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestShown(t *testing.T) {
	_, got, err := View(decode(t, embedding("Create", note)), Least())
	want := []string{"actor", "id", "object", "object.@context", "object.attributedTo", "object.cc", "object.content",
		"object.id", "object.published", "object.sensitive", "object.tag", "object.tag.href", "object.tag.name",
		"object.tag.type", "object.to", "object.type", "to", "type"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v\n%q, want\n%q", err, got, want)
	}
	// An attachment that is dropped has shown nothing.
	_, got, err = View(decode(t, `{"id": "i", "type": "Note", "attributedTo": "a",
		"attachment": [{"type": "Image", "name": "x"}]}`), All())
	if want := []string{"attributedTo", "id", "type"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v %q, want %q", err, got, want)
	}
}

func TestRefused(t *testing.T) {
	endless := map[string]any{"id": "c", "type": "Collection"}
	endless["first"] = map[string]any{"type": "CollectionPage", "items": []any{map[string]any{"id": "i", "type": "Note",
		"attributedTo": "a", "replies": endless}}}
	loop := []any{nil}
	loop[0] = loop
	for _, test := range []struct {
		name   string
		doc    map[string]any
		policy Fields
		want   error
		field  string
	}{
		{"no policy", decode(t, note), nil, ErrBelowFloor, "@context"},
		{"a star is no wildcard", decode(t, note), Fields{"*": All()["Note"]}, ErrBelowFloor, "@context"},
		{"no type", map[string]any{"id": "i"}, All(), ErrUnknownKind, ""},
		{"unknown type", map[string]any{"id": "i", "type": "Mood"}, All(), ErrUnknownKind, ""},
		{"list of types", map[string]any{"id": "i", "type": []any{"Note"}}, All(), ErrUnknownKind, ""},
		{"kind known by its place", map[string]any{"id": "i", "type": "publicKey", "owner": "a", "publicKeyPem": "p"},
			All(), ErrUnknownKind, ""},
		{"document below its floor", map[string]any{"id": "i", "type": "Note"}, All(), ErrBelowFloor, "attributedTo"},
		{"object below its floor", decode(t, embedding("Create", `{"id": "i", "type": "Note"}`)), All(), ErrBelowFloor, "attributedTo"},
		{"object of another kind", decode(t, embedding("Create", person)), All(), ErrBelowFloor, "object"},
		{"key without its owner", map[string]any{"id": "i", "type": "Application", "preferredUsername": "d", "inbox": "i",
			"publicKey": map[string]any{"id": "k", "publicKeyPem": "p"}}, All(), ErrBelowFloor, "owner"},
		{"a Go list", map[string]any{"id": "i", "type": "Note", "attributedTo": "a", "to": []string{"t"}}, All(), ErrNotJSON, ""},
		{"a Go value in the context", map[string]any{"@context": []any{struct{}{}}, "id": "i", "type": "Like", "actor": "a",
			"object": "o"}, All(), ErrNotJSON, ""},
		{"endless document", endless, All(), ErrNotJSON, ""},
		{"endless context", map[string]any{"@context": loop, "id": "i", "type": "Like", "actor": "a", "object": "o"}, All(),
			ErrNotJSON, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			view, shown, err := View(test.doc, test.policy)
			if !errors.Is(err, test.want) || view != nil || shown != nil {
				t.Fatalf("got %v, %v, %v; want %v", view, shown, err, test.want)
			}
			var floor *FloorError
			if errors.As(err, &floor) && (floor.Field != test.field || floor.Breaks == "") {
				t.Errorf("%v; want one on %q", err, test.field)
			}
		})
	}
	if _, _, err := ViewAs("Note", decode(t, person), All()); !errors.Is(err, ErrUnknownKind) {
		t.Errorf("a Person passed as a Note: %v", err)
	}
	if _, _, err := ViewAs("mood", decode(t, person), All()); !errors.Is(err, ErrUnknownKind) {
		t.Errorf("an unknown kind passed: %v", err)
	}
}

func TestCheck(t *testing.T) {
	for _, f := range []Fields{All(), Least()} {
		if faults := Check(f); len(faults) > 0 {
			t.Errorf("faults in %v: %v", f, faults)
		}
	}
	floors := 0
	for _, kind := range Kinds() {
		floors += len(Floor(kind))
	}
	if faults := Check(nil); len(faults) != floors {
		t.Errorf("%d faults in a policy of nothing, want %d", len(faults), floors)
	}
	for _, kind := range Kinds() { // every floor field, hidden alone, is one fault that says what breaks
		for _, field := range Floor(kind) {
			f := All()
			f[kind] = slices.DeleteFunc(f[kind], func(name string) bool { return name == field })
			faults := Check(f)
			var floor *FloorError
			if len(faults) != 1 || !errors.As(faults[0], &floor) || floor.Kind != kind || floor.Field != field {
				t.Errorf("%s without %s: %v", kind, field, faults)
			}
		}
	}
	f := All()
	f["note"], f["Note"] = []string{"id"}, append(f["Note"], "bcc", "Content")
	if faults := Check(f); len(faults) != 3 {
		t.Errorf("want three names that do not exist, got %v", faults)
	}
}

func TestTable(t *testing.T) {
	held := map[string]bool{}
	for _, name := range Kinds() {
		k := kinds[name]
		if k.wire != "" && k.wire != name && kinds[k.wire].wire != k.wire {
			t.Errorf("%s claims the type %s, which is no kind", name, k.wire)
		}
		seen := map[string]bool{}
		for _, a := range k.fields {
			if a.name == "" || a.reveals == "" || seen[a.name] || a.name == "bto" || a.name == "bcc" || a.name == "source" {
				t.Errorf("%s.%s: bad, doubled or never sent", name, a.name)
			}
			seen[a.name] = true
			for _, inner := range a.holds {
				held[inner] = true
				if _, ok := kinds[inner]; !ok {
					t.Errorf("%s.%s holds %s, which is no kind", name, a.name, inner)
				}
			}
		}
		if k.wire != "" && !seen["type"] {
			t.Errorf("%s has a type and does not show it", name)
		}
		if len(Known(name)) != len(k.fields) {
			t.Errorf("%s: Known lists %d of %d fields", name, len(Known(name)), len(k.fields))
		}
	}
	for _, name := range Kinds() {
		if kinds[name].wire == "" && !held[name] && !slices.Contains([]string{"webfinger", "jrd", "nodeinfo"}, name) {
			t.Errorf("no field holds %s", name)
		}
	}
	All()["Note"][0] = "mood" // a copy
	if faults := Check(All()); faults != nil {
		t.Errorf("All hands out the table itself: %v", faults)
	}
}

func TestTransforms(t *testing.T) {
	with := func(kind string, entries ...string) Fields {
		f := Least()
		for _, entry := range entries {
			name, _, _ := strings.Cut(entry, ":")
			f[kind] = append(slices.DeleteFunc(f[kind], func(field string) bool { return field == name }), entry)
		}
		return f
	}
	for _, c := range []struct {
		kind, doc string
		fields    Fields
		field     string
		want      any
	}{
		{"Note", note, with("Note", "published:hour"), "published", "2026-03-01T12:00:00Z"},
		{"Note", strings.Replace(note, "12:20:00Z", "14:20:00+02:00", 1), with("Note", "published:hour"), "published", "2026-03-01T12:00:00Z"},
		{"Note", strings.Replace(note, "2026-03-01T12:20:00Z", "canary", 1), with("Note", "published:hour"), "published", nil},
		{"Note", note, with("Note", "published"), "published", "2026-03-01T12:20:00Z"},
		{"Note", note, with("Note", "published", "published:hour"), "published", "2026-03-01T12:00:00Z"},
		{"Note", `{"id":"https://d.test/o/1","type":"Note","attributedTo":"https://d.test/a","url":"https://d.test/page/1"}`, with("Note", "url:id"), "url", "https://d.test/o/1"},
		{"Note", `{"id":"https://d.test/o/1","type":"Note","attributedTo":"https://d.test/a"}`, with("Note", "url:id"), "url", nil},
		{"Question", question, with("Question", "votersCount:zero"), "votersCount", json.Number("0")},
		{"Question", strings.Replace(question, `"votersCount": 3`, `"votersCount": "canary"`, 1), with("Question", "votersCount:zero"), "votersCount", nil},
		{"Note", note, with("Note", "url:hour"), "url", nil}, // not one that it has: not shown
	} {
		view, _, err := ViewAs(c.kind, decode(t, c.doc), c.fields)
		if err != nil || !reflect.DeepEqual(view[c.field], c.want) {
			t.Errorf("%s.%s of %v: %v, %v; want %v", c.kind, c.field, c.fields[c.kind], view[c.field], err, c.want)
		}
	}
	for entry, want := range map[string]string{"published:hour": "", "published:": `cannot be shown as ""`, "published:day": `cannot be shown as "day"`,
		"content:zero": `cannot be shown as "zero"`, "mood:hour": `no field "mood"`} {
		faults := Check(with("Note", entry))
		found := slices.ContainsFunc(faults, func(err error) bool { return strings.Contains(err.Error(), want) })
		if (len(faults) > 0) != (want != "") || !found && want != "" {
			t.Errorf("%s: %v, want %q", entry, faults, want)
		}
	}
}

func TestWithheld(t *testing.T) {
	names := func(kind, doc string, f Fields) (names []string) {
		withheld, err := Withheld(kind, decode(t, doc), f)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range withheld {
			if w.Reveals == "" {
				t.Errorf("nothing is said of %s", w.Name)
			}
			names = append(names, w.Name)
		}
		return names
	}
	if got := names("", note, All()); got != nil {
		t.Errorf("withheld under a policy that shows all: %v", got)
	}
	// What is inside of what is not shown is not listed, nor is what nobody ever sees.
	if got, want := names("", strings.Replace(note, `"sensitive"`, `"mood": 1, "sensitive"`, 1), Least()),
		[]string{"attachment", "contentMap", "replies"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := names("", note, Fields{}); !slices.Contains(got, "content") || !slices.Contains(got, "id") {
		t.Errorf("withheld under a policy that shows nothing: %v", got)
	}
	if _, err := Withheld("", map[string]any{"type": "Dance"}, All()); !errors.Is(err, ErrUnknownKind) {
		t.Error(err)
	}
}
