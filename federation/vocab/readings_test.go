package vocab

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden file")

// The golden file says how each document of each kind of software is read.
func TestReadings(t *testing.T) {
	files := corpus(t, activities, "*/*.json")
	var got strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		o, err := Parse(files[name])
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		fmt.Fprintf(&got, "%s\n", name)
		reading(&got, o, "  ")
	}
	golden := filepath.Join(activities, "readings.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	gotLines, wantLines := strings.Split(got.String(), "\n"), strings.Split(string(want), "\n")
	for i := range min(len(gotLines), len(wantLines)) {
		if gotLines[i] != wantLines[i] {
			t.Fatalf("%s:%d (if right, -update)\n got %s\nwant %s", golden, i+1, gotLines[i], wantLines[i])
		}
	}
	if len(gotLines) != len(wantLines) {
		t.Fatalf("%s has %d lines, want %d (if right, -update)", golden, len(wantLines), len(gotLines))
	}
}

// reading writes down what the accessors find in a document and the objects embedded in it.
func reading(w *strings.Builder, o Object, indent string) {
	line := func(key, value string) {
		if value != "" && value != "[]" {
			fmt.Fprintf(w, "%s%s %s\n", indent, key, value)
		}
	}
	line("type", fmt.Sprint(o.Types()))
	line("id", o.ID())
	for _, key := range []string{"actor", "attributedTo", "to", "cc", "audience", "inReplyTo", "target", "quote", "url", "icon",
		"inbox", "followers", "publicKey", "assertionMethod"} {
		line(key, fmt.Sprint(o.IRIs(key)))
	}
	for _, key := range []string{"preferredUsername", "name", "summary", "content"} {
		if text := []rune(o.Text(key)); len(text) > 60 {
			line(key, fmt.Sprintf("%q…", string(text[:60])))
		} else if len(text) > 0 {
			line(key, fmt.Sprintf("%q", string(text)))
		}
	}
	for _, key := range []string{"published", "updated", "startTime", "endTime"} {
		if at, ok := o.Time(key); ok {
			line(key, at.Format("2006-01-02T15:04:05.999999999Z07:00"))
		}
	}
	for _, key := range []string{"tag", "attachment", "oneOf", "anyOf"} {
		for _, e := range o.Objects(key) {
			line(key, fmt.Sprintf("%s %q <%s>", e.Type(), e.Text("name"), iri(e)))
		}
	}
	for _, key := range []string{"object", "instrument"} {
		if object, ok := o.Object(key); ok {
			line(key, "=")
			reading(w, object, indent+"  ")
		} else {
			line(key, fmt.Sprint(o.IRIs(key)))
		}
	}
}
