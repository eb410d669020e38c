package httpsig

import (
	"net/http"
	"time"
)

// fresh checks a signed time against the window around now.
func (o Options) fresh(at time.Time) error {
	maxAge, maxSkew := o.MaxAge, o.MaxSkew
	if maxAge == 0 {
		maxAge = DefaultMaxAge
	}
	if maxSkew == 0 {
		maxSkew = DefaultMaxSkew
	}
	if at.Before(o.Now.Add(-maxAge)) {
		return refuse("signed too long ago")
	}
	if at.After(o.Now.Add(maxSkew)) {
		return refuse("signed in the future")
	}
	return nil
}

// times collects what a signature says about when it holds.
type times struct {
	signed  []time.Time // each has to be fresh
	expires time.Time   // zero: never
}

// addDate adds the Date field, which has to be there once and well formed.
func (t *times) addDate(m *message) error {
	value, ok := m.single("date")
	if !ok {
		return refuse("not one date")
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return refuse("date does not parse")
	}
	t.signed = append(t.signed, at)
	return nil
}

// check gives the earliest signed time if all of them are in the window and the expiry has not passed. No tolerance
// is added to the expiry: the sender chose it.
func (t *times) check(o Options) (time.Time, error) {
	if len(t.signed) == 0 {
		return time.Time{}, refuse("no time covered")
	}
	if !t.expires.IsZero() && o.Now.After(t.expires) {
		return time.Time{}, refuse("expired")
	}
	earliest := t.signed[0]
	for _, at := range t.signed {
		if err := o.fresh(at); err != nil {
			return time.Time{}, err
		}
		if at.Before(earliest) {
			earliest = at
		}
	}
	return earliest.UTC(), nil
}
