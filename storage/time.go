package storage

import (
	"database/sql/driver"
	"fmt"
	"time"
)

// Time is a moment kept as Unix milliseconds. The zero Time is NULL.
type Time struct{ time.Time }

// At is t as a storage Time, cut to milliseconds and in UTC, so that what is written equals what is read.
func At(t time.Time) Time {
	if t.IsZero() {
		return Time{}
	}
	return Time{t.UTC().Truncate(time.Millisecond)}
}

// Now is the present moment.
func Now() Time { return At(time.Now()) }

// Value implements [driver.Valuer].
func (t Time) Value() (driver.Value, error) {
	if t.IsZero() {
		return nil, nil
	}
	return t.UnixMilli(), nil
}

// Scan implements sql.Scanner.
func (t *Time) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*t = Time{}
	case int64:
		*t = Time{time.UnixMilli(v).UTC()}
	default:
		return fmt.Errorf("storage: a time is an integer, not %T", src)
	}
	return nil
}
