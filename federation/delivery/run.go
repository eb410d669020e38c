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
	done := func(_ int, err error) {
		if err != nil {
			select {
			case faults <- err:
			default:
			}
		}
		q.Wake()
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
	err := q.serve(ctx, storage.Now(), &serving, func(n int, err error) {
		mu.Lock()
		defer mu.Unlock()
		attempts, fault = attempts+n, errors.Join(fault, err)
	})
	serving.Wait()
	return attempts, errors.Join(err, fault)
}

// serve starts a goroutine for each server that is due and has none. done is called at the end of each.
func (q *Queue) serve(ctx context.Context, now storage.Time, serving *sync.WaitGroup, done func(attempts int, err error)) error {
	hosts, err := q.DB.DueHosts(ctx, now, 16*q.Parallel)
	if err != nil {
		return fmt.Errorf("read the outgoing queue: %w", err)
	}
	// The order is random: who is told first says nothing.
	rand.Shuffle(len(hosts), func(i, j int) { hosts[i], hosts[j] = hosts[j], hosts[i] })
	for _, h := range hosts {
		if !q.take(h.Host) {
			continue
		}
		serving.Go(func() {
			q.slots <- struct{}{}
			attempts, err := q.host(ctx, h.Host)
			<-q.slots
			q.leave(h.Host)
			done(attempts, err)
		})
	}
	return nil
}

// take says whether a server was free to be served, and marks it as served.
func (q *Queue) take(host string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.served[host] {
		return false
	}
	q.served[host] = true
	return true
}

func (q *Queue) leave(host string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.served, host)
}
