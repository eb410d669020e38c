package fleet

import (
	"context"
	"net"
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
	Life   int       // of the node when it connected, counted by [Fleet.NextLife]
}

type arrivals struct {
	mu      sync.Mutex
	list    []Arrival
	changed chan struct{} // closed with the next arrival; nil: nobody waits
}

func (a *arrivals) add(d Arrival) {
	a.mu.Lock()
	defer a.mu.Unlock()
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

// NextLife marks what comes over connections from now on as sent by a node that was started anew.
func (f *Fleet) NextLife() { f.life.Add(1) }

type lifeOf struct{}

// connected notes in which life of the node a connection was made: what it sent just before it was killed may be read
// long after.
func (f *Fleet) connected(ctx context.Context, _ net.Conn) context.Context {
	f.met.Add(1)
	return context.WithValue(ctx, lifeOf{}, int(f.life.Load()))
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
