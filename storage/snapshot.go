package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/uptrace/bun"
)

// Snapshot is a look into a database file as it was at one moment. It may be taken beside a node that runs: it keeps
// nobody waiting, and it changes nothing. While it is open the journal (dunnock.db-wal) cannot shrink.
type Snapshot struct {
	Queries
	path string
	pool *bun.DB
	tx   bun.Tx
}

// Table is a table and its columns, in their order.
type Table struct {
	Name    string
	Columns []string
}

// OpenSnapshot looks into the database at path. The error wraps [fs.ErrNotExist] when there is none, [ErrDamaged] when it
// cannot be read, and [ErrNewerSchema] when a later version of dunnock has written it.
func OpenSnapshot(ctx context.Context, path string) (_ *Snapshot, err error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	frozen, err := still(path)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	pool, err := look(path, frozen)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	s := &Snapshot{path: path, pool: pool}
	if s.tx, err = pool.BeginTx(ctx, nil); err != nil {
		return nil, errors.Join(named(path, err), pool.Close())
	}
	s.Queries = Queries{s.tx}
	applied, err := s.Migrations(ctx) // the first read makes the moment
	if err == nil {
		err = understood(applied)
	}
	if err != nil {
		return nil, errors.Join(named(path, err), s.Close())
	}
	return s, nil
}

// still says that a file cannot be changed by anybody, since what it is on is mounted read-only: SQLite then needs no shared
// memory, which it could not make. A journal that is left there has commits that cannot be read without it.
func still(path string) (bool, error) {
	err := privateFile(path + "-shm") // before SQLite makes it, which would leave it to the umask
	if err == nil || !errors.Is(Trouble(err), ErrReadOnly) {
		return false, err
	}
	if info, err := os.Stat(path + "-wal"); err == nil && info.Size() > 0 {
		return false, fmt.Errorf("%w, and %s-wal holds changes that can only be read where it can be written: copy both files to another disk", err, path)
	}
	return true, nil
}

// Close ends the look.
func (s *Snapshot) Close() error {
	_ = s.tx.Rollback() // there is nothing to undo, and a damaged page has ended it already
	return s.pool.Close()
}

// Migrations returns the names of the migrations that made the database what it is.
func (s *Snapshot) Migrations(ctx context.Context) ([]string, error) {
	return s.column(ctx, "SELECT name FROM migrations ORDER BY name")
}

// Tables returns the tables with the owner's records, and last SQLite's own list of the numbers that were given to rows.
func (s *Snapshot) Tables(ctx context.Context) ([]Table, error) {
	names, err := s.column(ctx, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"+
		" AND name NOT LIKE 'migration%' ORDER BY name")
	if err != nil {
		return nil, err
	}
	var tables []Table
	for _, name := range append(names, NumbersTable) {
		columns, err := columnsOf(ctx, s.tx, name)
		if err != nil {
			return nil, err
		}
		tables = append(tables, Table{name, columns})
	}
	return tables, nil
}

// NumbersTable is where SQLite keeps the numbers given to rows of each table, lest one be given twice.
const NumbersTable = "sqlite_sequence"

// LedgerTables are those of what was disclosed to whom, which a backup leaves out unless asked.
var LedgerTables = []string{"disclosures"}

// Count returns how many rows a table has.
func (s *Snapshot) Count(ctx context.Context, t Table) (n int64, err error) {
	err = s.tx.QueryRowContext(ctx, "SELECT count(*) FROM "+quoteName(t.Name)).Scan(&n)
	return n, err
}

// Rows calls each with every row of a table: int64, string, []byte or nil for each column. The slice is used again.
func (s *Snapshot) Rows(ctx context.Context, t Table, each func(values []any) error) (err error) {
	rows, err := s.tx.QueryContext(ctx, "SELECT "+quoteNames(t.Columns)+" FROM "+quoteName(t.Name))
	if err != nil {
		return fmt.Errorf("read %s: %w", t.Name, named(s.path, err))
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	values, into := make([]any, len(t.Columns)), make([]any, len(t.Columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return fmt.Errorf("read %s: %w", t.Name, named(s.path, err))
		}
		if err := each(values); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read %s: %w", t.Name, named(s.path, err))
	}
	return nil
}

// column returns the first column of a query, as text.
func (s *Snapshot) column(ctx context.Context, query string, args ...any) ([]string, error) {
	return column(ctx, s.tx, query, args...)
}

func column(ctx context.Context, db bun.IDB, query string, args ...any) (list []string, err error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var text sql.NullString
		if err := rows.Scan(&text); err != nil {
			return list, err
		}
		list = append(list, text.String)
	}
	return list, rows.Err()
}

func columnsOf(ctx context.Context, db bun.IDB, table string) ([]string, error) {
	return column(ctx, db, "SELECT name FROM pragma_table_info(?) ORDER BY cid", table)
}

func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func quoteNames(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = quoteName(n)
	}
	return strings.Join(quoted, ", ")
}
