package storage

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/uptrace/bun"
)

// maxGroup bounds how many writes share one commit: enough to hide an fsync, few enough that none waits long.
const maxGroup = 128

// patience is how long a write that may wait does so for others: see Patient.
const patience = 20 * time.Millisecond

// ErrClosed says that the database has been closed.
var ErrClosed = errors.New("database is closed")

// writer owns the one connection that writes.
type writer struct {
	db    *bun.DB
	log   *slog.Logger
	jobs  chan *job
	idle  chan struct{} // closed when the loop has ended
	self  atomic.Int64  // see DB.Self
	edits atomic.Int64  // see DB.Edits

	standings  standings
	insertions map[insertion]string // see Tx.insert

	mu     sync.RWMutex // held for reading while a job is handed over, for writing while closing
	closed bool
}

type job struct {
	ctx     context.Context
	fn      func(context.Context, Tx) error
	again   bool // fn may run again: see DB.WriteAgain
	patient bool // it waits for others: see Patient
	err     error
	done    chan struct{}
}

func newWriter(db *bun.DB, log *slog.Logger) *writer {
	w := &writer{db: db, log: log, insertions: map[insertion]string{}, jobs: make(chan *job, maxGroup), idle: make(chan struct{})}
	go w.loop()
	return w
}

func (w *writer) do(j *job) error {
	if err := j.ctx.Err(); err != nil {
		return err
	}
	j.patient, j.done = j.ctx.Value(patientKey{}) != nil, make(chan struct{})
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
		group := w.gather(j)
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

// gather returns a write with those that wait beside it, and while all of them may wait with those to come.
func (w *writer) gather(first *job) []*job {
	group, patient := []*job{first}, first.patient
	runtime.Gosched() // who is about to bring a write brings it now
	var over <-chan time.Time
	for len(group) < maxGroup {
		var next *job
		select {
		case next = <-w.jobs:
		default:
			if !patient {
				return group
			}
			if over == nil {
				over = time.After(patience)
			}
			select {
			case next = <-w.jobs:
			case <-over:
			}
		}
		if next == nil { // none came in time, or none will come
			return group
		}
		group, patient = append(group, next), patient && next.patient
	}
	return group
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
	var made made
	defer func() { // whatever became of it: a change too many costs a look
		if made.people {
			w.standings.changes.Add(1)
		}
		if made.acts {
			w.edits.Add(1)
		}
	}()
	if err := runGroup(Tx{Queries{conn}, w, &made}, group); err != nil {
		return errors.Join(err, abandon(ctx, conn))
	}
	if _, err := conn.ExecContext(ctx, "COMMIT"); err != nil {
		return errors.Join(fmt.Errorf("commit: %w", err), abandon(ctx, conn))
	}
	if made.self {
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

// runGroup runs the writes of a group. Those that may run again come first, without a savepoint, for which SQLite would copy
// each page that they change: when one of them fails, which is rare, the transaction begins anew. Then and else each runs by
// itself.
func runGroup(tx Tx, group []*job) error {
	var together, apart []*job
	for _, j := range group {
		switch j.err = j.ctx.Err(); {
		case j.err != nil:
		case j.again:
			together = append(together, j)
		default:
			apart = append(apart, j)
		}
	}
	if !runTogether(tx, together) {
		for _, statement := range []string{"ROLLBACK", begin(tx.writer.db)} {
			if _, err := tx.db.ExecContext(context.Background(), statement); err != nil {
				return fmt.Errorf("begin anew: %w", err)
			}
		}
		apart = append(together, apart...)
	}
	for _, j := range apart {
		if err := runJob(tx, j); err != nil {
			return err
		}
	}
	return nil
}

// runTogether runs writes of which all are kept or none. false says that one of them failed.
func runTogether(tx Tx, jobs []*job) bool {
	for _, j := range jobs {
		if err := j.fn(lasting(j.ctx), tx); err != nil {
			return false
		}
	}
	return true
}

// runJob runs one write inside its savepoint. An error of the job itself stays in the job. One that is returned means
// that SQLite has given up the whole transaction (a full disk, an I/O error): then no savepoint is left to go back to.
func runJob(tx Tx, j *job) error {
	ctx := lasting(j.ctx)
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

// lasting is a context that does not end: SQLite rolls the whole transaction back when a write is interrupted, and with it
// the others of the group.
func lasting(ctx context.Context) context.Context { return context.WithoutCancel(ctx) }
