package storage

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/uptrace/bun"
)

// maxGroup bounds how many writes share one commit: enough to hide an fsync, few enough that none waits long.
const maxGroup = 128

// ErrClosed says that the database has been closed.
var ErrClosed = errors.New("database is closed")

// writer owns the one connection that writes.
type writer struct {
	db   *bun.DB
	log  *slog.Logger
	jobs chan *job
	idle chan struct{} // closed when the loop has ended
	self atomic.Int64  // see DB.Self

	mu     sync.RWMutex // held for reading while a job is handed over, for writing while closing
	closed bool
}

type job struct {
	ctx  context.Context
	fn   func(context.Context, Tx) error
	err  error
	done chan struct{}
}

func newWriter(db *bun.DB, log *slog.Logger) *writer {
	w := &writer{db: db, log: log, jobs: make(chan *job, maxGroup), idle: make(chan struct{})}
	go w.loop()
	return w
}

func (w *writer) do(ctx context.Context, fn func(context.Context, Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j := &job{ctx: ctx, fn: fn, done: make(chan struct{})}
	w.mu.RLock()
	if w.closed {
		w.mu.RUnlock()
		return ErrClosed
	}
	w.jobs <- j
	w.mu.RUnlock()
	<-j.done
	return j.err
}

func (w *writer) close() {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.jobs)
	}
	w.mu.Unlock()
	<-w.idle
}

func (w *writer) loop() {
	defer close(w.idle)
	for j := range w.jobs {
		group := []*job{j}
		for len(group) < maxGroup {
			select {
			case next, ok := <-w.jobs:
				if ok {
					group = append(group, next)
					continue
				}
			default:
			}
			break
		}
		if err := w.commit(group); err != nil {
			w.log.Error("a commit failed", "writes", len(group), "err", err)
			for _, j := range group {
				j.err = errors.Join(j.err, err)
			}
		}
		for _, j := range group {
			close(j.done)
		}
	}
}

// commit runs a group in one transaction. A returned error means that nothing of the group was kept.
//
// It is one on the connection itself: what database/sql calls a transaction starts a goroutine for each statement in it.
func (w *writer) commit(group []*job) (err error) {
	ctx := context.Background()
	conn, err := w.db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close() // back to the pool, which always knows it
	if _, err := conn.ExecContext(ctx, begin(w.db)); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	self := false
	for _, j := range group {
		if j.err = j.ctx.Err(); j.err != nil {
			continue
		}
		if err := runJob(Tx{Queries{conn}, &self}, j); err != nil {
			return errors.Join(err, abandon(ctx, conn))
		}
	}
	if _, err := conn.ExecContext(ctx, "COMMIT"); err != nil {
		return errors.Join(fmt.Errorf("commit: %w", err), abandon(ctx, conn))
	}
	if self {
		w.self.Add(1)
	}
	return nil
}

// abandon ends a transaction that failed. A connection that refuses is not used again.
func abandon(ctx context.Context, conn bun.Conn) error {
	_, err := conn.ExecContext(ctx, "ROLLBACK")
	if err == nil {
		return nil
	}
	return errors.Join(err, conn.Raw(func(any) error { return driver.ErrBadConn }))
}

// runJob runs one write inside its savepoint. An error of the job itself stays in the job. One that is returned means
// that SQLite has given up the whole transaction (a full disk, an I/O error): then no savepoint is left to go back to.
func runJob(tx Tx, j *job) error {
	// SQLite rolls the whole transaction back when a write is interrupted, and with it the others of the group.
	ctx := context.WithoutCancel(j.ctx)
	if _, err := tx.db.ExecContext(ctx, "SAVEPOINT job"); err != nil {
		return fmt.Errorf("savepoint: %w", err)
	}
	if j.err = j.fn(ctx, tx); j.err != nil {
		if _, err := tx.db.ExecContext(ctx, "ROLLBACK TO job"); err != nil {
			return fmt.Errorf("roll back: %w", err)
		}
	}
	if _, err := tx.db.ExecContext(ctx, "RELEASE job"); err != nil {
		return fmt.Errorf("release: %w", err)
	}
	return nil
}
