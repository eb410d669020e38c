package httpsig

import (
	"strings"

	"github.com/dunglas/httpsfv"
)

// parseDictionary reads a structured-field dictionary (RFC 8941). Of a key or parameter given twice that RFC keeps the
// last without a word; two readers might not agree on it. So what was read, serialised again, has to be what was sent,
// spaces aside.
func parseDictionary(lines []string) (*httpsfv.Dictionary, error) {
	text := strings.Join(lines, ",")
	if len(text) > maxHeader {
		return nil, refuse("signature header too long")
	}
	dictionary, err := httpsfv.UnmarshalDictionary(lines)
	if err != nil {
		return nil, refuse("structured field does not parse")
	}
	again, err := httpsfv.Marshal(dictionary)
	if err != nil || withoutSpaces(again) != withoutSpaces(text) {
		return nil, refuse("structured field has a key twice or is not canonical")
	}
	return dictionary, nil
}

var spaces = strings.NewReplacer(" ", "", "\t", "")

func withoutSpaces(s string) string { return spaces.Replace(s) }
