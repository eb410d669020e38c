package resolve

import (
	"errors"
	"sync"
	"time"
)

const (
	maxMisses   = 4096
	missRoom    = maxMisses / 8   // how many are dropped when the table is full
	missFor     = 2 * time.Minute // what may work again
	missGoneFor = time.Hour       // what the origin denied, or a rule forbids
)

// misses remembers what could not be had, so that it is not asked for with every arrival that names it. It is bounded:
// when full, any entries make room, which costs no more than a request.
type misses struct {
	mu sync.Mutex
	at map[string]miss
}

type miss struct {
	err   error
	until time.Time
}

func newMisses() *misses { return &misses{at: map[string]miss{}} }

// get returns the error that uri failed with, if it is still to be remembered.
func (m *misses) get(uri string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.at[uri]
	if !ok || time.Now().After(e.until) {
		return nil
	}
	return e.err
}

// put remembers that uri failed.
func (m *misses) put(uri string, err error) {
	wait := missFor
	if errors.Is(err, ErrGone) || errors.Is(err, ErrRefused) {
		wait = missGoneFor
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.at) >= maxMisses {
		room := missRoom
		for k := range m.at {
			if room == 0 {
				break
			}
			delete(m.at, k)
			room--
		}
	}
	m.at[uri] = miss{err, time.Now().Add(wait)}
}
