package vocab

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseFoldsOnlyWhereFieldsAre(t *testing.T) {
	for _, tc := range []struct {
		doc  string
		want error
	}{
		{`{"inReplyTo":1,"contentMap":{},"publicKeyPem":"","@context":[]}`, nil},
		{`{"inreplyto":1}`, ErrFoldedKey},
		{`{"ContentMap":{}}`, ErrFoldedKey},
		{`{"@Context":{}}`, ErrFoldedKey},
		{`{"actors":1,"Actors":2,"x-id":3,"Über":4,"über":5}`, nil},
		{`{"contentMap":{"ID":"x","TO":"y"},"@context":[{"Object":"as:Object","Deep":{"ID":"x"}}]}`, nil},
		{`{"tag":[{"contentMap":{"ID":"x"},"ID":"x"}]}`, ErrFoldedKey},
		{`{"contentMap":{"ID":"x"},"Id":"x"}`, ErrFoldedKey},
	} {
		if _, err := Parse([]byte(tc.doc)); !errors.Is(err, tc.want) {
			t.Errorf("Parse(%s): %v, want %v", tc.doc, err, tc.want)
		}
	}
}

func TestWellKnownNamesDifferWhenFolded(t *testing.T) {
	if len(wellKnown) != len(foldedNames) || len(wellKnown) != len(strings.Fields(names)) {
		t.Fatalf("%d names, %d distinct, %d folded", len(strings.Fields(names)), len(wellKnown), len(foldedNames))
	}
}

// 100,000 brackets cost neither stack nor memory, wherever they are.
func TestParseStopsAtDepth(t *testing.T) {
	for _, doc := range []string{strings.Repeat(`{"a":`, 100_000), `{"a":` + strings.Repeat("[", 100_000), `{"@context":` + strings.Repeat(`[{"a":`, 100_000)} {
		if _, err := Parse([]byte(doc)); !errors.Is(err, ErrTooDeep) {
			t.Errorf("Parse(%.12s…): %v", doc, err)
		}
	}
	for depth, want := range map[int]error{MaxDepth - 1: nil, MaxDepth: ErrTooDeep} {
		lists := `{"a":` + strings.Repeat("[", depth) + strings.Repeat("]", depth) + `}`
		if _, err := Parse([]byte(lists)); !errors.Is(err, want) {
			t.Errorf("%d lists in an object: %v, want %v", depth, err, want)
		}
	}
	wide := `{"a":[` + strings.Repeat("[[]],{},", 1000) + `0]}`
	if _, err := Parse([]byte(wide)); err != nil {
		t.Errorf("depth is not left again: %v", err)
	}
}

func TestParseErrorsQuoteNothing(t *testing.T) {
	for _, doc := range []string{`{"canary":canary}`, `{"canary":1,"canary":2}`, `{"ID":"canary"}`, `canary`, `{}canary`, "{\"canary\":\"\xff\"}"} {
		if _, err := Parse([]byte(doc)); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("Parse(%s): %v", doc, err)
		}
	}
}

func TestParseSharesNoMemory(t *testing.T) {
	data := []byte(`{"type":"Note","x":"y","n":12}`)
	o, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	for i := range data {
		data[i] = '#'
	}
	if want := (Object{"type": "Note", "x": "y", "n": json.Number("12")}); !reflect.DeepEqual(o, want) {
		t.Fatalf("got %v", o)
	}
}

// What Parse documents holds for the shapes that cost most for their length, or the most values.
func TestParseMemoryIsBounded(t *testing.T) {
	const size, factor, most = 1 << 20, 60, 16 << 20
	for piece, values := range map[string]int{`{"":0},`: 2, `[0],`: 2, `{},`: 1, `"",`: 1, `0,`: 1, `{"a":{"b":{"c":0}}},`: 4,
		`{"a":0,"b":0,"c":0,"d":0,"e":0,"f":0,"g":0,"h":0,"i":0},`: 10} {
		for _, n := range []int{100, min(size/len(piece), (MaxValues-3)/values)} {
			doc := []byte(`{"a":[` + strings.Repeat(piece, n) + `0]}`)
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			o, err := Parse(doc)
			runtime.GC()
			runtime.ReadMemStats(&after)
			if err != nil {
				t.Fatal(err)
			}
			grown := int(after.HeapAlloc) - int(before.HeapAlloc)
			if grown > most+len(doc) || n > 100 && grown > factor*len(doc) {
				t.Errorf("%s: %d bytes take %d, %d times as much", piece, len(doc), grown, grown/len(doc))
			}
			runtime.KeepAlive(o)
		}
	}
}

// TestValuesAreCounted: names are not counted, all else is, wherever it lies.
func TestValuesAreCounted(t *testing.T) {
	for _, piece := range []string{`0,`, `{"a":0},`, `[[]],`, `{"a":[],"b":{}},`} {
		values := strings.Count(piece, "0") + strings.Count(piece, "[") + strings.Count(piece, "{")
		n := (MaxValues - 2) / values // the outer list and the last number count too
		for extra, want := range map[int]error{0: nil, values: ErrTooMany} {
			doc := `{"a":[` + strings.Repeat(piece, n) + strings.Repeat(`"",`, extra) + `0]}`
			if _, err := Parse([]byte(doc)); !errors.Is(err, want) {
				t.Errorf("%d times %s and %d: %v", n, piece, extra, err)
			}
		}
	}
}

// Any JSON value whose keys are no names of ours survives a round trip and reads as in encoding/json.
func TestRoundTrip(t *testing.T) {
	key := rapid.OneOf(rapid.SampledFrom([]string{"id", "type", "actor", "to", "content", "x", "", "é", "a b", "<&>"}), rapid.StringMatching(`[0-9_]{1,3}`))
	text := rapid.String().Filter(func(s string) bool { return !strings.ContainsRune(s, 0) })
	var value func(depth int) *rapid.Generator[any]
	value = func(depth int) *rapid.Generator[any] {
		leaf := rapid.OneOf(
			rapid.Just(any(nil)), rapid.Bool().AsAny(), text.AsAny(),
			rapid.Custom(func(t *rapid.T) any {
				return json.Number(rapid.StringMatching(`-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,5})?([eE][+-]?[0-9]{1,3})?`).Draw(t, "number"))
			}),
		)
		if depth == 0 {
			return leaf
		}
		return rapid.OneOf(leaf,
			rapid.Custom(func(t *rapid.T) any { return rapid.SliceOfN(value(depth-1), 0, 4).Draw(t, "list") }),
			rapid.Custom(func(t *rapid.T) any { return rapid.MapOfN(key, value(depth-1), 0, 4).Draw(t, "object") }),
		)
	}
	rapid.Check(t, func(rt *rapid.T) {
		want := rapid.MapOfN(key, value(3), 0, 6).Draw(rt, "document")
		data, err := json.Marshal(want)
		if err != nil {
			rt.Fatal(err)
		}
		o, err := Parse(data)
		if err != nil || !reflect.DeepEqual(map[string]any(o), want) {
			rt.Fatalf("Parse(%s) = %v, %v", data, o, err)
		}
		out, err := o.Marshal()
		if err != nil {
			rt.Fatal(err)
		}
		if again, err := Parse(out); err != nil || !reflect.DeepEqual(again, o) {
			rt.Fatalf("Marshal gives %s: %v", out, err)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, data := range readable(f) {
		f.Add(data)
	}
	for _, data := range corpus(f, activityStreams, "refused/*.json") {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := Parse(data)
		if err == nil {
			checkLossless(t, data, o)
			checkAccessors(t, o)
			return
		}
		if o != nil {
			t.Fatal("a document beside an error")
		}
		// What is refused as syntax is no JSON, unless for U+0000 and broken UTF-8.
		if errors.Is(err, ErrSyntax) && json.Valid(data) && !bytes.Contains(data, []byte(`\u0000`)) && !strings.Contains(err.Error(), "UTF-8") {
			t.Fatalf("refused, but JSON: %v\n%s", err, data)
		}
	})
}
