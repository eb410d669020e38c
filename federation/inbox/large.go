package inbox

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

const (
	// largeBody is from how many bytes on a body is large: more than activities have, but for rare ones.
	largeBody = 64 << 10
	// maxLarge bounds how many large requests are held at once, and with it their bytes to 8 MiB.
	maxLarge = 8
	// largeWait is how long a large request waits for others.
	largeWait = 2 * time.Second
)

// large is who has its turn of those with large bodies. What a stranger has us keep of theirs is bounded: how many are
// held, and of these one is read at a time, which may take many times its size.
type large struct {
	held, parsed chan struct{}
}

func newLarge() large { return large{make(chan struct{}, maxLarge), make(chan struct{}, 1)} }

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
