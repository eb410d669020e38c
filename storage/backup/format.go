package backup

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// Names in the tar.
const (
	manifestName = "dunnock.json"
	configName   = "dunnock.toml"
	mediaDir     = "media/"
	tablesDir    = "tables/"
	endName      = "end.json"
)

// format is the version of what doc.go describes.
const format = 1

const (
	chunkSize = 1 << 20  // bytes of rows that are gathered before they are written
	maxEntry  = 64 << 20 // of an entry that is read
)

var (
	// ErrFormat says that a stream is not a backup, or of a later version of dunnock's.
	ErrFormat = errors.New("this is not a backup that this version of dunnock can read")
	// ErrCutShort says that the end of a backup is missing, or differs from what it says of itself.
	ErrCutShort = errors.New("the backup is not whole: take another one")
	// ErrKey says that a backup was not encrypted to the key or passphrase that was given.
	ErrKey = errors.New("the backup is encrypted to another key or passphrase")
)

// Manifest is what a backup says of itself.
type Manifest struct {
	Format     int       `json:"format"`
	MadeAt     time.Time `json:"made_at"` // real, for the owner
	Identity   string    `json:"identity"`
	Migrations []string  `json:"migrations"`
	Ledger     bool      `json:"ledger"` // the ledger of disclosures is in it
}

// end is the last entry.
type end struct {
	Rows  map[string]int64 `json:"rows"`
	Files int              `json:"files"`
}

// chunk is some rows of a table.
type chunk struct {
	Table   string    `json:"table"`
	Columns []string  `json:"columns"`
	Rows    [][]value `json:"rows"`
}

// value is int64, string, []byte or nil.
type value struct{ any }

// odd is a value that JSON has no word for.
type odd struct {
	Bytes *string `json:"bytes,omitempty"`
	Text  *string `json:"text,omitempty"`
}

func (v value) MarshalJSON() ([]byte, error) {
	switch x := v.any.(type) {
	case nil, int64:
		return json.Marshal(x)
	case string:
		if utf8.ValidString(x) {
			return json.Marshal(x)
		}
		text := base64.StdEncoding.EncodeToString([]byte(x))
		return json.Marshal(odd{Text: &text})
	case []byte:
		text := base64.StdEncoding.EncodeToString(x)
		return json.Marshal(odd{Bytes: &text})
	}
	return nil, fmt.Errorf("a value of type %T", v.any)
}

func (v *value) UnmarshalJSON(data []byte) error {
	switch {
	case string(data) == "null":
		v.any = nil
		return nil
	case data[0] == '"':
		var s string
		err := json.Unmarshal(data, &s)
		v.any = s
		return err
	case data[0] != '{':
		var n int64
		err := json.Unmarshal(data, &n)
		v.any = n
		return err
	}
	var o odd
	if err := json.Unmarshal(data, &o); err != nil {
		return err
	}
	if (o.Bytes == nil) == (o.Text == nil) {
		return errors.New("a value is neither bytes nor text")
	}
	text := o.Text
	if o.Bytes != nil {
		text = o.Bytes
	}
	decoded, err := base64.StdEncoding.DecodeString(*text)
	if v.any = decoded; o.Text != nil {
		v.any = string(decoded)
	}
	return err
}
