package delivery

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/dunnock-server/dunnock/storage"
)

const (
	// breath is how far apart two looks at the queue are at least, so that a thousand servers that finish are one look.
	breath = 100 * time.Millisecond
	// trouble is how long to do nothing after the database failed.
	trouble = 30 * time.Second
)

// Run sends what is due until ctx ends, and returns nil then. Attempts under way are ended with it; what they were for is
// tried again by the next Run.
func (q *Queue) Run(ctx context.Context) error {
	var serving sync.WaitGroup
	defer serving.Wait()
	faults := make(chan error, 1) // the first since the last look; the others will be like it
	done := func(_ int, again bool, err error) {
		if err != nil {
			select {
			case faults <- err:
			default:
			}
		}
		if again || err != nil {
			q.Wake()
		}
	}
	for ctx.Err() == nil {
		now := storage.Now()
		var next storage.Time
		var err error
		select {
		case err = <-faults:
		default:
			if err = q.serve(ctx, now, &serving, done); err == nil {
				next, err = q.DB.NextHostDue(ctx, now)
			}
		}
		switch {
		case err != nil && ctx.Err() == nil:
			q.Log.Error("the outgoing queue stumbled", "err", err)
			sleep(ctx, trouble, nil)
		case next.IsZero():
			sleep(ctx, breath, nil)
			sleep(ctx, time.Hour, q.wake)
		default:
			sleep(ctx, breath, nil)
			sleep(ctx, time.Until(next.Time), q.wake)
		}
	}
	return nil
}

// sleep returns after d, when told to by wake, or when ctx ends.
func sleep(ctx context.Context, d time.Duration, wake <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-wake:
	case <-timer.C:
	}
}

// ProcessBatch makes one attempt at everything that is due, but for servers that another call is busy with, and goes on
// with a server until nothing of it is due or it fails. It returns the number of attempts.
func (q *Queue) ProcessBatch(ctx context.Context) (int, error) {
	var (
		serving  sync.WaitGroup
		mu       sync.Mutex
		attempts int
		fault    error
	)
	err := q.serve(ctx, storage.Now(), &serving, func(n int, _ bool, err error) {
		mu.Lock()
		defer mu.Unlock()
		attempts, fault = attempts+n, errors.Join(fault, err)
	})
	serving.Wait()
	return attempts, errors.Join(err, fault)
}

// serve starts a goroutine for each server that is due and has none. done is called at the end of each; again says that
// something was or will be due there that nobody has looked at.
func (q *Queue) serve(ctx context.Context, now storage.Time, serving *sync.WaitGroup,
	done func(attempts int, again bool, err error)) error {
	limit := 16 * q.Parallel
	due, err := q.DB.DueHosts(ctx, now, limit)
	if err != nil {
		return fmt.Errorf("read the outgoing queue: %w", err)
	}
	hosts := q.take(due, len(due) == limit)
	next := map[string][]storage.Delivery{}
	if len(hosts) >= crowd {
		alone, err := q.DB.DueAlone(ctx, now, limit)
		if err != nil {
			q.leave(hosts...)
			return fmt.Errorf("read the outgoing queue: %w", err)
		}
		for _, d := range alone {
			next[d.Host] = []storage.Delivery{d}
		}
	}
	// The order is random: who is told first says nothing.
	rand.Shuffle(len(hosts), func(i, j int) { hosts[i], hosts[j] = hosts[j], hosts[i] })
	for _, h := range hosts {
		serving.Go(func() {
			attempts, due, err := q.host(ctx, h, next[h.Host])
			again := q.leave(h)
			done(attempts, again || !due.IsZero(), err)
		})
	}
	return nil
}

// crowd is from how many servers on they are told of their acts together: what is read of the queue and written to it then
// is for all of them.
const crowd = 8

// take returns those of the servers that are free to be served, and marks them as served; the others are looked at again
// when they are. beyond says that more are due than these.
func (q *Queue) take(due []storage.Host, beyond bool) (free []storage.Host) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.beyond = beyond
	for _, h := range due {
		if _, served := q.served[h.Host]; served {
			q.served[h.Host] = true
			continue
		}
		q.served[h.Host] = false
		free = append(free, h)
	}
	return free
}

// leave says that servers are served no more, and whether they are to be looked at again. What was kept for them all goes
// with the last.
func (q *Queue) leave(hosts ...storage.Host) (again bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	again = q.beyond
	for _, h := range hosts {
		again = again || q.served[h.Host]
		delete(q.served, h.Host)
	}
	if len(q.served) == 0 {
		clear(q.letters)
	}
	return again
}
