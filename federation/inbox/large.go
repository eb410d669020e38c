package inbox

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

const (
	// largeBody is from how many bytes on a body is large: more than activities have, but for rare ones.
	largeBody = 64 << 10
	// maxLarge bounds how many large requests are held at once, and with it their bytes to 8 MiB.
	maxLarge = 8
	// largeWait is how long a large request waits for others.
	largeWait = 2 * time.Second
	// largeGrace is how long one may take to arrive while others wait.
	largeGrace = time.Second
)

// large is who has its turn of those with large bodies. What a stranger has us keep of theirs is bounded: how many are
// held, and of these one is read at a time, which may take many times its size. Who sends slowly keeps a place as long as nobody
// else wants it.
type large struct {
	held, parsed chan struct{}

	mu       sync.Mutex
	arriving map[*incoming]struct{}
}

// incoming is a large request whose body is not there as a whole.
type incoming struct {
	since time.Time
	cut   func() // ends the reading of it
}

func newLarge() *large {
	return &large{held: make(chan struct{}, maxLarge), parsed: make(chan struct{}, 1), arriving: map[*incoming]struct{}{}}
}

// hold waits for a place, and cuts off who has had one for the longest time without using it; false says that there is none,
// for now.
func (l *large) hold(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, largeWait)
	defer cancel()
	for {
		select {
		case l.held <- struct{}{}:
			return true
		default:
		}
		again := time.NewTimer(l.cut())
		select {
		case l.held <- struct{}{}:
			again.Stop()
			return true
		case <-ctx.Done():
			again.Stop()
			return false
		case <-again.C:
		}
	}
}

// cut ends the slowest arrival if it is beyond its grace, and says when to look again.
func (l *large) cut() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	var slowest *incoming
	for a := range l.arriving {
		if slowest == nil || a.since.Before(slowest.since) {
			slowest = a
		}
	}
	if slowest == nil {
		return largeGrace
	}
	if left := largeGrace - time.Since(slowest.since); left > 0 {
		return left
	}
	delete(l.arriving, slowest)
	slowest.cut()
	return largeGrace / 10 // its place is free by then
}

// arrives notes a request whose body is to be read, until it has been.
func (l *large) arrives(w http.ResponseWriter) (arrived func()) {
	a := &incoming{time.Now(), func() { _ = http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0)) }}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.arriving[a] = struct{}{}
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.arriving, a)
	}
}

// turn waits for a place; false says that there is none, for now.
func turn(ctx context.Context, places chan struct{}) bool {
	ctx, cancel := context.WithTimeout(ctx, largeWait)
	defer cancel()
	select {
	case places <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// isLarge says that a request has a large body, or may have.
func isLarge(r *http.Request) bool { return r.ContentLength < 0 || r.ContentLength > largeBody }

// read returns the body of a request, or the status to answer with.
func read(w http.ResponseWriter, r *http.Request) (body []byte, status int) {
	if r.ContentLength > MaxBody {
		return nil, http.StatusRequestEntityTooLarge
	}
	var err error
	if from := http.MaxBytesReader(w, r.Body, MaxBody); r.ContentLength >= 0 {
		body = make([]byte, r.ContentLength)
		_, err = io.ReadFull(from, body)
	} else {
		body, err = io.ReadAll(from)
	}
	switch tooLarge := (*http.MaxBytesError)(nil); {
	case errors.As(err, &tooLarge):
		return nil, http.StatusRequestEntityTooLarge
	case err != nil:
		return nil, http.StatusBadRequest
	}
	return body, 0
}
