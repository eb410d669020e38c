package vocab

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"
)

func benchmarkDocument(b *testing.B) []byte {
	data, err := os.ReadFile(activities + "/mastodon/create-note.json")
	if err != nil {
		b.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, data); err != nil {
		b.Fatal(err)
	}
	return compact.Bytes()
}

func BenchmarkParse(b *testing.B) {
	data := benchmarkDocument(b)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(data); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEncodingJSON is what BenchmarkParse is measured against: it checks neither duplicates nor depth.
func BenchmarkEncodingJSON(b *testing.B) {
	data := benchmarkDocument(b)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		var v map[string]any
		dec := json.NewDecoder(bytes.NewReader(data))
		dec.UseNumber()
		if err := dec.Decode(&v); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMarshal(b *testing.B) {
	o, err := Parse(benchmarkDocument(b))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := o.Marshal(); err != nil {
			b.Fatal(err)
		}
	}
}
