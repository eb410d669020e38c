package fleet

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Arrival is one delivery that a server took.
type Arrival struct {
	Host   string // of the server
	ID     string // of the activity
	Type   string
	Object string    // its id
	Came   time.Time // before the delay of the answer
	At     time.Time // after it
	Life   int       // of the node, counted by [Fleet.NextLife]
}

type arrivals struct {
	mu      sync.Mutex
	list    []Arrival
	life    int
	changed chan struct{} // closed with the next arrival; nil: nobody waits
}

func (a *arrivals) add(d Arrival) {
	a.mu.Lock()
	defer a.mu.Unlock()
	d.Life = a.life
	a.list = append(a.list, d)
	if a.changed != nil {
		close(a.changed)
		a.changed = nil
	}
}

// Arrivals are all deliveries so far, from the nth on, in the order they were answered.
func (f *Fleet) Arrivals(from int) []Arrival {
	f.arrivals.mu.Lock()
	defer f.arrivals.mu.Unlock()
	return slices.Clone(f.arrivals.list[from:])
}

// Arrived is how many deliveries there were so far.
func (f *Fleet) Arrived() int {
	f.arrivals.mu.Lock()
	defer f.arrivals.mu.Unlock()
	return len(f.arrivals.list)
}

// NextLife marks what arrives from now on as sent by a node that was started anew.
func (f *Fleet) NextLife() {
	f.arrivals.mu.Lock()
	defer f.arrivals.mu.Unlock()
	f.arrivals.life++
}

// Await returns when there were n deliveries, or with ctx's error when it ends first.
func (f *Fleet) Await(ctx context.Context, n int) error {
	for {
		f.arrivals.mu.Lock()
		if len(f.arrivals.list) >= n {
			f.arrivals.mu.Unlock()
			return nil
		}
		if f.arrivals.changed == nil {
			f.arrivals.changed = make(chan struct{})
		}
		changed := f.arrivals.changed
		f.arrivals.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
