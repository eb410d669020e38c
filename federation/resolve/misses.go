package resolve

import (
	"errors"
	"time"

	"github.com/dunnock-server/dunnock/hardening/egress"
)

const (
	maxMisses   = 4096
	missRoom    = maxMisses / 8   // how many are dropped when the table is full
	missFor     = 2 * time.Minute // what may work again
	missGoneFor = time.Hour       // what the origin denied, or a rule forbids
)

// misses remembers what could not be had, so that it is not asked for with every arrival that names it. It is bounded:
// when full, any entries make room, which costs no more than a request.
type misses map[string]miss

type miss struct {
	err   error
	until time.Time
}

// get returns the error that key failed with, if it is still to be remembered.
func (m misses) get(key string) error {
	e, ok := m[key]
	if !ok || time.Now().After(e.until) {
		return nil
	}
	return e.err
}

// put remembers what key failed with, if that says something about it.
func (m misses) put(key string, err error) {
	wait := lasting(err)
	if wait == 0 {
		delete(m, key)
		return
	}
	if len(m) >= maxMisses {
		room := missRoom
		for k := range m {
			if room == 0 {
				break
			}
			delete(m, k)
			room--
		}
	}
	m[key] = miss{err, time.Now().Add(wait)}
}

// lasting is how long a failure is remembered: not at all if it is the node's own, or a used-up budget.
func lasting(err error) time.Duration {
	switch {
	case errors.Is(err, egress.ErrNoRelay):
		return 0
	case errors.Is(err, ErrGone), errors.Is(err, ErrRefused):
		return missGoneFor
	case errors.Is(err, ErrUnreachable), errors.Is(err, ErrUnverified):
		return missFor
	}
	return 0
}
