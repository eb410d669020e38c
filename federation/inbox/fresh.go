package inbox

import "sync"

// maxFresh bounds what is kept in memory of activities that came in just now, in bytes as they were sent. What was read from
// them can be sixty times as big (see vocab.Parse).
const maxFresh = 256 << 10

// fresh are activities that came in just now, as they were read then: most take effect within moments and need not be got
// from storage, and read, once more. It is a help and no more; what is not in it is in storage all the same.
type fresh struct {
	mu    sync.Mutex
	known map[arrival]*activity
	size  int // bytes
}

// arrival names an activity.
type arrival struct{ actor, id string }

// put keeps an activity, if there is room.
func (f *fresh) put(a *activity) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.known == nil {
		f.known = map[arrival]*activity{}
	}
	key := arrival{a.actor, a.id}
	if f.known[key] == nil && f.size+a.size <= maxFresh {
		f.known[key] = a
		f.size += a.size
	}
}

// take returns an activity and forgets it; nil if it is not kept.
func (f *fresh) take(actor, id string) *activity {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := arrival{actor, id}
	a := f.known[key]
	if a != nil {
		delete(f.known, key)
		f.size -= a.size
	}
	return a
}
