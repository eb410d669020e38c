package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/uptrace/bun"
)

// readers is how many connections read at once. More of them spin while the writer waits for a processor.
const readers = 3

// ErrNotFound says that a record is not there.
var ErrNotFound = errors.New("not found")

// Config says where the database is.
type Config struct {
	// Path is the database file. It and its folder are made if missing, readable by their owner only.
	Path string
	// VFS is the file system that SQLite uses. Empty: the system's. For tests, whose disks fail.
	VFS string
	// Log gets faults of the writer. Nil: discarded.
	Log *slog.Logger
}

// DB is an open database. Its methods may be called from any goroutine.
type DB struct {
	Queries
	path    string
	readers *bun.DB
	writer  *writer
}

// Queries are the reads. They run on the pool when reached through [DB], and inside the transaction through [Tx].
type Queries struct{ db bun.IDB }

// Tx is a transaction under way: all reads, and the writes. It must not be kept after the function it was given to.
type Tx struct {
	Queries
	writer *writer
	made   *made
}

// made is what the transactions of a group change that is remembered somewhere. What was rolled back may be in it.
type made struct {
	self   bool // the profile or the keys
	people bool // actors, follows or relations
	acts   bool // what acts say
}

// Open opens the database at c.Path, making or migrating it as needed. It returns [ErrNewerSchema] for a file that a
// later version of dunnock has written, and leaves that file as it was.
func Open(ctx context.Context, c Config) (*DB, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	one, err := create(c.Path, c.VFS)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", named(c.Path, err))
	}
	if err := migrateUp(ctx, one); err != nil {
		return nil, errors.Join(named(c.Path, err), one.Close())
	}
	pool, err := connect(c.Path, c.VFS, readers)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open database: %w", err), one.Close())
	}
	return &DB{Queries: Queries{pool}, path: c.Path, readers: pool, writer: newWriter(one, c.Log)}, nil
}

// create connects to a database, which is made if it is missing, readable by its owner only and with a checksum on each page.
func create(path, vfs string) (*bun.DB, error) {
	if err := private(path); err != nil {
		return nil, err
	}
	if err := checksums(path, vfs); err != nil {
		return nil, err
	}
	return connect(path, vfs, 1)
}

// private makes the folder (0700), the database and its shared memory (0600) before SQLite does, which would leave them to
// the umask.
func private(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	for _, suffix := range []string{"", "-shm"} {
		if err := privateFile(path + suffix); err != nil {
			return err
		}
	}
	return nil
}

func privateFile(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		err = fmt.Errorf("%w: %s is open to others (mode %04o): chmod 600 it", fs.ErrPermission, path, info.Mode().Perm())
	}
	return errors.Join(err, f.Close())
}

// Self counts the changes to the profile and the keys, from 0 when the database is opened: what was made from these is good
// for as long as the number is the one from before they were read.
func (d *DB) Self() int64 { return d.writer.self.Load() }

// Edits counts the changes to what acts say, from 0 when the database is opened: an act that was read is what it is now for as
// long as the number is the one from before it was read.
func (d *DB) Edits() int64 { return d.writer.edits.Load() }

// Edits is [DB.Edits], with the changes that are to be committed with this transaction.
func (tx Tx) Edits() int64 {
	n := tx.writer.edits.Load()
	if tx.made.acts {
		n++
	}
	return n
}

// Close waits for the writes under way and closes the file.
func (d *DB) Close() error {
	d.writer.close()
	return errors.Join(d.readers.Close(), d.writer.db.Close())
}

// Write runs fn in a transaction and returns once it is durable, or fn's error with nothing changed. fn may run beside
// others in one commit, so it must not wait for anything but the database. It is never interrupted: a cancelled ctx is
// noticed before fn starts, not while it runs.
func (d *DB) Write(ctx context.Context, fn func(ctx context.Context, tx Tx) error) error {
	return full(d.path, d.writer.do(&job{ctx: ctx, fn: fn}))
}

// Patient lets the writes under ctx wait a little for others to share their commit with. They take longer, and cost less.
func Patient(ctx context.Context) context.Context { return context.WithValue(ctx, patientKey{}, true) }

type patientKey struct{}

// WriteAgain is Write for what comes in great numbers. fn may run a second time, when what it changed the first time has been
// undone because another one failed: so it must do nothing beside the transaction that cannot be done twice. It costs less.
func (d *DB) WriteAgain(ctx context.Context, fn func(ctx context.Context, tx Tx) error) error {
	return full(d.path, d.writer.do(&job{ctx: ctx, fn: fn, again: true}))
}
