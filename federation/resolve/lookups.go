package resolve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/sanitize"
)

// lookFor is how long one look-up may take in all, redirects and second tries included. Servers that deliver to us wait
// for about as long.
const lookFor = 15 * time.Second

// lookups are questions of one kind to other servers, each with a key. Those who ask the same thing at the same time share
// one look-up, and what failed is not asked again for a while.
//
// A look-up belongs to nobody who waits for it. It goes on when they leave: so who hangs up early can neither fail the
// others, nor have a third server asked again and again. It spends the budget of whoever started it; when that is used
// up, those who joined ask again with their own.
type lookups[T any] struct {
	all *sync.WaitGroup
	log *slog.Logger

	mu      sync.Mutex
	running map[string]*lookup[T]
	misses  misses
}

// lookup is one that is under way. What it found may be read once done is closed.
type lookup[T any] struct {
	done  chan struct{}
	value T
	err   error
}

func newLookups[T any](all *sync.WaitGroup, log *slog.Logger) *lookups[T] {
	return &lookups[T]{all: all, log: log, running: map[string]*lookup[T]{}, misses: misses{}}
}

// do returns what ask finds out, or somebody else's ask found out meanwhile. ask is given a context of its own, with the
// values of ctx. When ctx ends first, the error wraps [ErrUnreachable].
func (l *lookups[T]) do(ctx context.Context, key string, ask func(context.Context) (T, error)) (T, error) {
	var none T
	if len(key) > sanitize.MaxURL { // keys are kept, and strangers choose them
		return none, fmt.Errorf("%w: too long for an address", ErrRefused)
	}
	for ctx.Err() == nil {
		look, started, err := l.join(ctx, key, ask)
		if err != nil {
			return none, err
		}
		select {
		case <-ctx.Done():
		case <-look.done:
			if started || !errors.Is(look.err, hardening.ErrBudget) {
				return look.value, look.err
			}
		}
	}
	return none, fmt.Errorf("%w: %w", ErrUnreachable, ctx.Err())
}

// join finds the look-up of key that is under way, or starts one. The error is what the last one failed with.
func (l *lookups[T]) join(ctx context.Context, key string, ask func(context.Context) (T, error)) (look *lookup[T], started bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if look := l.running[key]; look != nil {
		return look, false, nil
	}
	if err := l.misses.get(key); err != nil {
		return nil, false, err
	}
	look = &lookup[T]{done: make(chan struct{})}
	l.running[key] = look
	l.all.Go(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookFor)
		defer cancel()
		look.value, look.err = l.guarded(ctx, ask)
		if look.err != nil {
			l.log.Debug("a look-up failed", "of", key, "err", look.err)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.misses.put(key, look.err)
		delete(l.running, key)
		close(look.done)
	})
	return look, true, nil
}

// asks says whether do would start a look-up.
func (l *lookups[T]) asks(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.running[key] == nil && l.misses.get(key) == nil
}

// fail remembers that key cannot be had, whatever a look-up would say.
func (l *lookups[T]) fail(key string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.misses.put(key, err)
}

// guarded is ask, with a panic as an error: what strangers wrote is read here, and nobody above would catch it.
func (l *lookups[T]) guarded(ctx context.Context, ask func(context.Context) (T, error)) (value T, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			l.log.Error("a look-up makes the node stumble")
			l.log.Debug("a look-up makes the node stumble", "cause", cause, "stack", string(debug.Stack()))
			err = fmt.Errorf("%w: it makes the node stumble", ErrRefused)
		}
	}()
	return ask(ctx)
}
