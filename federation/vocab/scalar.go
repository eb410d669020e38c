package vocab

import (
	"encoding/json"
	"math"
	"strconv"
	"time"
)

// timeLayouts are RFC 3339 and what peers write beyond it: xsd:dateTime and ActivityStreams 2.0 section 2.3 allow no zone
// and no seconds, and some leave the colon out of the offset. time.Parse accepts a fraction wherever seconds are.
var timeLayouts = [...]string{
	"2006-01-02T15:04:05Z07:00",
	"2006-01-02T15:04:05Z0700",
	"2006-01-02T15:04Z07:00",
	"2006-01-02T15:04:05",
	"2006-01-02T15:04",
}

// Time returns a point in time in UTC, of the years 1 to 9999. A time without a zone is taken as UTC. Far-off times are
// returned as they are: whether one is plausible depends on the field.
func (o Object) Time(key string) (time.Time, bool) {
	text, _ := o[key].(string)
	if len(text) < len("2006-01-02T15:04") || len(text) > 64 {
		return time.Time{}, false
	}
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			t = t.UTC()
			return t, t.Year() >= 1 && t.Year() <= 9999
		}
	}
	return time.Time{}, false
}

// maxExact bounds the integers that are exact in the floating point numbers most peers count with.
const maxExact = 1 << 53

// Int returns a number without a fraction: an int64 literal, or one with fraction or exponent, such as 5.0 or 1e3, whose
// value is whole and at most 2^53 away from 0.
func (o Object) Int(key string) (int64, bool) {
	switch v := o[key].(type) {
	case int:
		return int64(v), true
	case int64:
		return v, true
	case float64:
		return whole(v)
	case json.Number:
		if n, err := strconv.ParseInt(string(v), 10, 64); err == nil {
			return n, true
		}
		f, err := strconv.ParseFloat(string(v), 64)
		if err != nil {
			return 0, false
		}
		return whole(f)
	}
	return 0, false
}

func whole(f float64) (int64, bool) {
	if f != math.Trunc(f) || math.Abs(f) > maxExact {
		return 0, false
	}
	return int64(f), true
}

// Bool returns a field that is true or false; ok is false for everything else, the strings "true" and "false" included.
func (o Object) Bool(key string) (value, ok bool) {
	value, ok = o[key].(bool)
	return value, ok
}
