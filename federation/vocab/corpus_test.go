package vocab

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	activities      = "../../testdata/activities"
	activityStreams = "../../testdata/activitystreams"
)

// corpus returns the files that match a pattern below dir by their names relative to it.
func corpus(t testing.TB, dir, pattern string) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files %s in %s: %v", pattern, dir, err)
	}
	files := make(map[string][]byte)
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name, _ := filepath.Rel(dir, path)
		files[filepath.ToSlash(name)] = data
	}
	return files
}

// readable returns all documents of the corpus that Parse has to accept.
func readable(t testing.TB) map[string][]byte {
	files := corpus(t, activities, "*/*.json")
	maps.Copy(files, corpus(t, activityStreams, "good/*.json"))
	maps.Copy(files, corpus(t, activityStreams, "odd/*.json"))
	return files
}

// What Parse accepts is what encoding/json reads, and comes out again as it went in.
func TestReadableDocuments(t *testing.T) {
	for name, data := range readable(t) {
		t.Run(name, func(t *testing.T) {
			o, err := Parse(data)
			if err != nil {
				t.Fatal(err)
			}
			checkLossless(t, data, o)
			checkAccessors(t, o)
		})
	}
}

// The good examples have every type of the ActivityStreams Vocabulary.
func TestGoodDocumentsAreComplete(t *testing.T) {
	missing := make(map[string]bool)
	for name := range strings.FieldsSeq(`Object Link Activity IntransitiveActivity Collection OrderedCollection CollectionPage
		OrderedCollectionPage Accept TentativeAccept Add Arrive Create Delete Follow Ignore Join Leave Like Offer Invite Reject
		TentativeReject Remove Undo Update View Listen Read Move Travel Announce Block Flag Dislike Question Application Group
		Organization Person Service Relationship Article Document Audio Image Video Note Page Event Place Mention Profile Tombstone`) {
		missing[name] = true
	}
	for _, data := range corpus(t, activityStreams, "good/*.json") {
		for name := range missing {
			if regexp.MustCompile(`"type": ?"` + name + `"`).Match(data) {
				delete(missing, name)
			}
		}
	}
	if len(missing) > 0 {
		t.Errorf("no example of %v", slices.Collect(maps.Keys(missing)))
	}
}

// The refused documents, and why. All that are not named are no JSON.
func TestRefusedDocuments(t *testing.T) {
	reasons := map[string]error{
		"duplicate": ErrDuplicateKey, "folded": ErrFoldedKey, "too": ErrTooDeep, "unclosed": ErrTooDeep,
		"empty": ErrNotObject, "white": ErrNotObject, "nul": ErrNotObject, "array": ErrNotObject, "string": ErrNotObject,
		"number": ErrNotObject, "null": ErrNotObject, "html": ErrNotObject, "byte": ErrNotObject,
	}
	for name, data := range corpus(t, activityStreams, "refused/*.json") {
		t.Run(name, func(t *testing.T) {
			first, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(name), ".json"), "-")
			want, named := reasons[first]
			if !named || strings.HasPrefix(filepath.Base(name), "nul-") || strings.HasPrefix(filepath.Base(name), "number-") {
				want = ErrSyntax
			}
			o, err := Parse(data)
			if o != nil || !errors.Is(err, want) {
				t.Fatalf("Parse = %v, %v; want %v", o, err, want)
			}
		})
	}
}

// checkLossless compares o, parsed from data, with what encoding/json makes of data, and with itself after Marshal.
func checkLossless(t *testing.T, data []byte, o Object) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var want map[string]any
	if err := dec.Decode(&want); err != nil {
		t.Fatalf("encoding/json refuses what Parse accepted: %v", err)
	}
	if !reflect.DeepEqual(map[string]any(o), want) {
		t.Fatalf("encoding/json reads another document\n got %v\nwant %v", o, want)
	}
	out, err := o.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(out)
	if err != nil || !reflect.DeepEqual(again, o) {
		t.Fatalf("Marshal changed the document: %v\n got %s", err, out)
	}
	if twice, err := again.Marshal(); err != nil || !bytes.Equal(twice, out) {
		t.Fatalf("Marshal is not stable: %v\n%s\n%s", err, out, twice)
	}
	if bytes.Contains(out, []byte(`\u003c`)) || bytes.HasSuffix(out, []byte("\n")) {
		t.Fatalf("Marshal escapes HTML or ends in a new line: %s", out)
	}
}

// checkAccessors calls every accessor with every key on every object within o, and checks what always holds.
func checkAccessors(t *testing.T, o Object) {
	t.Helper()
	keys := slices.Collect(maps.Keys(o))
	for _, key := range append(keys, "id", "type", "actor", "content", "tag", "") {
		refs, objects := o.IRIs(key), o.Objects(key)
		if len(refs) > MaxItems || len(objects) > MaxItems || len(refs) > len(objects) {
			t.Fatalf("%q: %d references, %d objects", key, len(refs), len(objects))
		}
		if slices.Contains(refs, "") || len(slices.Compact(slices.Sorted(slices.Values(refs)))) != len(refs) {
			t.Fatalf("%q: empty or double references in %q", key, refs)
		}
		if ref := o.IRI(key); ref != "" && refs[0] != ref {
			t.Fatalf("%q: IRI is %q, the first of IRIs %q", key, ref, refs[0])
		}
		if object, ok := o.Object(key); ok && (!reflect.DeepEqual(object, objects[0]) || o.IRI(key) != iri(object)) {
			t.Fatalf("%q: Object, Objects and IRI speak of different elements", key)
		}
		if at, ok := o.Time(key); ok && (at.Year() < 1 || at.Year() > 9999 || at.Location().String() != "UTC") {
			t.Fatalf("%q: time %v", key, at)
		}
		if text, texts := o.Text(key), o.TextMap(key); o[key] == nil && len(texts) > 0 && !slices.Contains(slices.Collect(maps.Values(texts)), text) {
			t.Fatalf("%q: text %q is none of %q", key, text, texts)
		}
		o.Int(key)
		o.Bool(key)
	}
	if types := o.Types(); len(types) > 0 && (!o.Is(o.Type()) || o.Type() != types[0]) {
		t.Fatalf("type %q of %q", o.Type(), types)
	}
	if !reflect.DeepEqual(o.Clone(), o) {
		t.Fatalf("Clone differs from %v", o)
	}
	for _, v := range o {
		checkWithin(t, v)
	}
}

func checkWithin(t *testing.T, v any) {
	t.Helper()
	switch v := v.(type) {
	case map[string]any:
		checkAccessors(t, v)
	case []any:
		for _, e := range v {
			checkWithin(t, e)
		}
	}
}
