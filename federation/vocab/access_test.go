package vocab

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func parse(t testing.TB, doc string) Object {
	t.Helper()
	o, err := Parse([]byte(doc))
	if err != nil {
		t.Fatalf("%v: %s", err, doc)
	}
	return o
}

func TestIDAndTypes(t *testing.T) {
	for _, tc := range []struct {
		doc, id string
		types   []string
	}{
		{`{"id":"https://v.example/1","type":"Note"}`, "https://v.example/1", []string{"Note"}},
		{`{"id":["https://v.example/1"],"type":["Note","https://v.example/ns#X"]}`, "", []string{"Note", "https://v.example/ns#X"}},
		{`{"id":{"id":"https://v.example/1"},"type":{"id":"Note"}}`, "", nil},
		{`{"id":null,"type":[null,1,"",["Person"],"Note"]}`, "", []string{"Note"}},
		{`{"@id":"https://v.example/1","@type":"Note"}`, "", nil},
	} {
		o := parse(t, tc.doc)
		if o.ID() != tc.id || !reflect.DeepEqual(o.Types(), tc.types) {
			t.Errorf("%s: id %q, types %q", tc.doc, o.ID(), o.Types())
		}
		for _, want := range tc.types {
			if !o.Is("Nothing", want) {
				t.Errorf("%s: Is(%q) = false", tc.doc, want)
			}
		}
		if o.Is() || o.Is("", "note", "Person") {
			t.Errorf("%s is what it is not", tc.doc)
		}
	}
}

func TestReferences(t *testing.T) {
	const a, b = "https://v.example/a", "https://v.example/b"
	for _, tc := range []struct {
		value string
		first string
		all   []string
	}{
		{`"` + a + `"`, a, []string{a}},
		{`{"id":"` + a + `","href":"` + b + `"}`, a, []string{a}},
		{`{"type":"Link","href":"` + a + `"}`, a, []string{a}},
		{`{"type":"Mention","id":"` + b + `","href":"` + a + `"}`, a, []string{a}},
		{`{"type":"Link","id":"` + a + `"}`, a, []string{a}},
		{`{"href":"` + a + `"}`, a, []string{a}},
		{`["` + a + `","` + b + `","` + a + `",{"id":"` + b + `"}]`, a, []string{a, b}},
		{`[null,1,"",["` + b + `"],"` + a + `"]`, a, []string{a}},
		{`[{"type":"Person"},"` + a + `"]`, "", []string{a}}, // IRI speaks of the first element, as Object does
		{`{"id":["` + a + `"]}`, "", nil},
		{`null`, "", nil}, {`true`, "", nil}, {`1`, "", nil}, {`""`, "", nil}, {`[]`, "", nil}, {`{}`, "", nil}, {`[[]]`, "", nil},
	} {
		o := parse(t, `{"x":`+tc.value+`}`)
		if got := o.IRI("x"); got != tc.first {
			t.Errorf("%s: IRI = %q, want %q", tc.value, got, tc.first)
		}
		if got := o.IRIs("x"); !reflect.DeepEqual(got, tc.all) {
			t.Errorf("%s: IRIs = %q, want %q", tc.value, got, tc.all)
		}
		if o.IRI("y") != "" || o.IRIs("y") != nil {
			t.Errorf("%s: an absent field has references", tc.value)
		}
	}
}

func TestEmbedded(t *testing.T) {
	for _, tc := range []struct {
		value string
		first Object
		all   []Object
	}{
		{`{"id":"a"}`, Object{"id": "a"}, []Object{{"id": "a"}}},
		{`"a"`, nil, []Object{{"id": "a"}}},
		{`[{"id":"a"},"b"]`, Object{"id": "a"}, []Object{{"id": "a"}, {"id": "b"}}},
		{`["b",{"id":"a"}]`, nil, []Object{{"id": "b"}, {"id": "a"}}},
		{`[null,7,[{}],{"id":"a"}]`, Object{"id": "a"}, []Object{{"id": "a"}}},
		{`{}`, Object{}, []Object{{}}},
		{`null`, nil, nil}, {`7`, nil, nil}, {`[]`, nil, nil},
	} {
		o := parse(t, `{"x":`+tc.value+`}`)
		if got, ok := o.Object("x"); ok != (tc.first != nil) || !reflect.DeepEqual(got, tc.first) {
			t.Errorf("%s: Object = %v, %v", tc.value, got, ok)
		}
		if got := o.Objects("x"); !reflect.DeepEqual(got, tc.all) {
			t.Errorf("%s: Objects = %v", tc.value, got)
		}
	}
}

// CVE-2026-23962: what a list holds beyond MaxItems costs nobody anything.
func TestListsAreCut(t *testing.T) {
	var list strings.Builder
	for i := range 2 * MaxItems {
		fmt.Fprintf(&list, `"https://v.example/%d",`, i)
	}
	o := parse(t, `{"to":[`+list.String()+`null],"contentMap":{`+strings.ReplaceAll(list.String(), `",`, `":"x",`)+`"z":"x"}}`)
	if n := len(o.IRIs("to")); n != MaxItems {
		t.Errorf("%d references", n)
	}
	if n := len(o.Objects("to")); n != MaxItems {
		t.Errorf("%d objects", n)
	}
	if n := len(o.TextMap("content")); n != MaxItems {
		t.Errorf("%d languages", n)
	}
	if n := len(o["to"].([]any)); n != 2*MaxItems+1 {
		t.Errorf("the document lost some of its %d elements", n)
	}
}

func TestText(t *testing.T) {
	for _, tc := range []struct {
		doc, text string
		texts     map[string]string
	}{
		{`{"content":"x","contentMap":{"en":"y"}}`, "x", map[string]string{"en": "y"}},
		{`{"content":"","contentMap":{"en":"y"}}`, "", map[string]string{"en": "y"}},
		{`{"content":null,"contentMap":{"fr":"z","en":"y","de":7}}`, "y", map[string]string{"fr": "z", "en": "y"}},
		{`{"contentMap":{"de":7,"fr":"z"}}`, "z", map[string]string{"fr": "z"}},
		{`{"content":[7,null,"x","y"]}`, "x", nil},
		{`{"content":{"en":"x"}}`, "", nil},
		{`{"content":7,"contentMap":["en","x"]}`, "", nil},
		{`{"contentMap":[{"en":"x"}]}`, "", nil},
		{`{"contentMap":{}}`, "", nil},
		{`{}`, "", nil},
	} {
		o := parse(t, tc.doc)
		if text, texts := o.Text("content"), o.TextMap("content"); text != tc.text || !reflect.DeepEqual(texts, tc.texts) {
			t.Errorf("%s: %q, %q", tc.doc, text, texts)
		}
	}
}
