package vocab

import (
	"reflect"
	"strings"
	"testing"
)

// Documents built by hand read as the same documents would after a round trip.
func TestBuiltDocuments(t *testing.T) {
	built := Object{
		"@context": ActorContext(), "type": []string{"Note", "X"}, "to": []string{PublicIRI, "https://v.example/a"}, "n": 7, "m": int64(8), "f": 1.5,
		"tag":    []Object{{"type": TypeMention, "href": "https://v.example/a", "name": "@a"}, {"type": TypeEmoji, "icon": Object{"url": []any{"x"}}}},
		"object": Object{"id": "https://v.example/1"}, "sensitive": true, "summary": nil, "content": "<p>a & b</p>",
	}
	data, err := built.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), "<p>a & b</p>") {
		t.Errorf("escaped: %s", data)
	}
	read := parse(t, string(data))
	for key := range built {
		if !reflect.DeepEqual(built.IRIs(key), read.IRIs(key)) || built.IRI(key) != read.IRI(key) || built.Text(key) != read.Text(key) ||
			len(built.Objects(key)) != len(read.Objects(key)) {
			t.Errorf("%q reads differently", key)
		}
		a, aOK := built.Int(key)
		if b, bOK := read.Int(key); a != b || aOK != bOK {
			t.Errorf("%q: %d, %v and %d, %v", key, a, aOK, b, bOK)
		}
	}
	if !reflect.DeepEqual(built.Types(), read.Types()) || built.Is("Y") || !built.Is("X") {
		t.Errorf("types %q", built.Types())
	}
}

func TestCloneSharesNothing(t *testing.T) {
	o := Object{
		"a": map[string]any{"b": []any{map[string]any{"c": "x"}}}, "d": Object{"e": "x"}, "f": []Object{{"g": "x"}}, "h": []string{"x"}, "i": []any{},
		"j": nil,
	}
	before, _ := o.Marshal()
	c := o.Clone()
	if !reflect.DeepEqual(c, o) {
		t.Fatalf("%v", c)
	}
	c["a"].(map[string]any)["b"].([]any)[0].(map[string]any)["c"] = "y"
	c["d"].(Object)["e"] = "y"
	c["f"].([]Object)[0]["g"] = "y"
	c["h"].([]string)[0] = "y"
	delete(c, "j")
	if after, _ := o.Marshal(); string(after) != string(before) {
		t.Fatalf("changing the clone changed %s to %s", before, after)
	}
	if Object(nil).Clone() != nil {
		t.Error("a clone of nothing is something")
	}
}

func TestNilObject(t *testing.T) {
	var o Object
	checkAccessors(t, o)
	if data, err := o.Marshal(); err != nil || string(data) != "{}" {
		t.Errorf("Marshal = %s, %v", data, err)
	}
}

func TestMarshalFailsOnWhatIsNoJSON(t *testing.T) {
	if data, err := (Object{"f": func() {}}).Marshal(); err == nil || data != nil {
		t.Errorf("Marshal = %s, %v", data, err)
	}
}
