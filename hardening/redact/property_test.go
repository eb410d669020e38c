package redact

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// drawPolicy gives a policy above the floor (or anywhere, for the reckless), with some names that do not exist.
func drawPolicy(t *rapid.T, reckless bool) Fields {
	f := Fields{}
	for kind, fields := range All() {
		for _, field := range fields {
			if !reckless && slices.Contains(Floor(kind), field) || rapid.Bool().Draw(t, kind+"."+field) {
				if how := kinds[kind].fields[slices.Index(fields, field)].how; how != "" && rapid.Bool().Draw(t, kind+"."+field+":"+how) {
					field += ":" + how
				}
				f[kind] = append(f[kind], field)
			}
		}
		f[kind] = append(f[kind], "bto", "bcc", "mood")
	}
	return f
}

// shows says whether a policy shows a field, transformed or not.
func shows(f Fields, kind, name string) bool {
	return slices.ContainsFunc(kinds[kind].fields, func(a attribute) bool {
		_, listed := f.listed(kind, a)
		return a.name == name && listed
	})
}

// salt adds random strings to a document: under names that are not known at every depth, and as the values of what the
// policy hides. It returns them all.
func salt(t *rapid.T, doc map[string]any, kind string, f Fields) (canaries []string) {
	canary := func() string {
		canaries = append(canaries, fmt.Sprintf("canary-%08x", rapid.Uint32().Draw(t, "canary")))
		return canaries[len(canaries)-1]
	}
	for _, a := range kinds[kind].fields {
		if _, listed := f.listed(kind, a); listed {
			continue
		}
		switch rapid.IntRange(0, 3).Draw(t, "shape") {
		case 0:
			doc[a.name] = canary()
		case 1:
			doc[a.name] = []any{canary(), map[string]any{"id": canary(), "type": "Note", "content": canary()}}
		case 2:
			doc[a.name] = map[string]any{canary(): canary()}
		}
	}
	for _, name := range []string{"bto", "bcc", "mood", "source", "Content", canary()} {
		doc[name] = []any{canary(), map[string]any{"type": "Mention", "href": canary()}}
	}
	for _, a := range kinds[kind].fields {
		inner := []any{doc[a.name]}
		if list, ok := doc[a.name].([]any); ok {
			inner = list
		}
		for _, item := range inner {
			if object, ok := item.(map[string]any); ok && shows(f, kind, a.name) && a.form != verbatim {
				if held, ok := kindOf(object, a.holds); ok {
					canaries = append(canaries, salt(t, object, held, f)...)
				}
			}
		}
		if list, ok := doc[a.name].([]any); ok && a.form != verbatim {
			doc[a.name] = append(list, map[string]any{"type": "Mood", "name": canary()}, map[string]any{canary(): canary()},
				[]any{canary()})
		}
	}
	return canaries
}

func TestCanaries(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fixture := rapid.SampledFrom(fixtures).Draw(t, "fixture")
		policy := drawPolicy(t, false)
		var clean, salted map[string]any
		for _, doc := range []*map[string]any{&clean, &salted} {
			if err := json.Unmarshal([]byte(fixture.text), doc); err != nil {
				t.Fatal(err)
			}
		}
		canaries := salt(t, salted, fixture.kind, policy)
		want, wantShown, err := ViewAs(fixture.kind, clean, policy)
		if err != nil {
			t.Fatal(err)
		}
		got, gotShown, err := ViewAs(fixture.kind, salted, policy)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := json.Marshal(got)
		for _, canary := range canaries {
			if strings.Contains(string(text), canary) {
				t.Fatalf("%s leaked in %s", canary, text)
			}
		}
		// What is hidden does not interfere: the view is the one of the document without it.
		if !reflect.DeepEqual(got, want) || !slices.Equal(gotShown, wantShown) {
			t.Fatalf("got  %s\nwant %v", text, want)
		}
	})
}

// check demands of any view what always holds.
func check(kind string, doc map[string]any, f Fields) error {
	before, _ := json.Marshal(doc)
	view, shown, err := ViewAs(kind, doc, f)
	after, _ := json.Marshal(doc)
	if string(before) != string(after) {
		return errors.New("input changed")
	}
	if err != nil {
		if view != nil || shown != nil {
			return errors.New("a view despite an error")
		}
		return nil
	}
	for name := range view {
		if !shows(f, kind, name) || !slices.Contains(All()[kind], name) || !slices.Contains(shown, name) {
			return fmt.Errorf("%q is not listed", name)
		}
	}
	again, shownAgain, err := ViewAs(kind, view, f)
	if err != nil || !reflect.DeepEqual(again, view) || !slices.Equal(shown, shownAgain) {
		return fmt.Errorf("the view of the view is another: %w", err)
	}
	scramble(view)
	if now, _ := json.Marshal(doc); string(now) != string(before) {
		return errors.New("the view shares memory with the document")
	}
	return nil
}

// scramble overwrites everything in a document.
func scramble(value any) {
	switch value := value.(type) {
	case map[string]any:
		for name, item := range value {
			scramble(item)
			value[name] = "scrambled"
		}
	case []any:
		for i, item := range value {
			scramble(item)
			value[i] = "scrambled"
		}
	}
}

func TestViewsHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fixture := rapid.SampledFrom(fixtures).Draw(t, "fixture")
		policy := drawPolicy(t, rapid.Bool().Draw(t, "reckless"))
		var doc map[string]any
		if err := json.Unmarshal([]byte(fixture.text), &doc); err != nil {
			t.Fatal(err)
		}
		salt(t, doc, fixture.kind, policy)
		if err := check(fixture.kind, doc, policy); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzView(f *testing.F) {
	for _, fixture := range fixtures {
		f.Add([]byte(fixture.text), fixture.kind, true)
		f.Add([]byte(fixture.text), fixture.kind, false)
	}
	f.Fuzz(func(t *testing.T, text []byte, kind string, all bool) {
		var doc map[string]any
		if json.Unmarshal(text, &doc) != nil {
			t.Skip()
		}
		policy := Least()
		if all {
			policy = All()
		}
		if err := check(kind, doc, policy); err != nil {
			t.Error(err)
		}
	})
}
