package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/uptrace/bun"
)

// Copy is a new database that is filled with the rows of another one, as a [Snapshot] gave them. Its tables are those of the
// migrations, whatever the other file had: a row that does not fit is an error.
type Copy struct {
	path   string
	db     *bun.DB
	tables map[string][]string
}

// NewCopy makes a database at path, where there must be none, as the named migrations made the other one. Names that this
// version does not know are [ErrNewerSchema].
func NewCopy(ctx context.Context, path string, migrations []string) (_ *Copy, err error) {
	if err := understood(migrations); err != nil {
		return nil, err
	}
	db, err := create(path, "")
	if err != nil {
		return nil, named(path, err)
	}
	c := &Copy{path: path, db: db, tables: map[string][]string{}}
	defer func() {
		if err != nil {
			err = errors.Join(named(path, err), db.Close())
		}
	}()
	if err := migrateFrom(ctx, db, only{migrationFiles, migrations}); err != nil {
		return nil, err
	}
	names, err := column(ctx, db, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'migration%'")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if c.tables[name], err = columnsOf(ctx, db, name); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Insert adds rows to a table, all or none.
func (c *Copy) Insert(ctx context.Context, t Table, rows [][]any) error {
	columns, ok := c.tables[t.Name]
	if !ok || !slices.Equal(columns, t.Columns) {
		return fmt.Errorf("the table %q with the columns %q is none of this database", t.Name, t.Columns)
	}
	return named(c.path, c.db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if t.Name == NumbersTable { // each insert before has counted
			if _, err := tx.ExecContext(ctx, "DELETE FROM "+NumbersTable); err != nil {
				return err
			}
		}
		insert, err := tx.PrepareContext(ctx, "INSERT INTO "+quoteName(t.Name)+" ("+quoteNames(columns)+") VALUES (?"+
			strings.Repeat(", ?", len(columns)-1)+")")
		if err != nil {
			return err
		}
		defer insert.Close()
		for _, row := range rows {
			if len(row) != len(columns) {
				return fmt.Errorf("a row of %q has %d values, not %d", t.Name, len(row), len(columns))
			}
			if _, err := insert.ExecContext(ctx, row...); err != nil {
				return err
			}
		}
		return nil
	}))
}

// Close brings the database up to date, has SQLite look at every page of it, and closes it; nothing of it is left in the
// journal then. After a ctx that has ended it only closes.
func (c *Copy) Close(ctx context.Context) error {
	err := ctx.Err()
	if err == nil {
		err = migrateUp(ctx, c.db)
	}
	if err == nil {
		lines, fault := column(ctx, c.db, "PRAGMA integrity_check(1)")
		if err = fault; err == nil && !slices.Equal(lines, []string{"ok"}) {
			err = fmt.Errorf("%w: %s", ErrDamaged, strings.Join(lines, "; "))
		}
	}
	return named(c.path, errors.Join(err, c.db.Close()))
}

// only is the migrations of some names.
type only struct {
	fs.FS
	names []string
}

// ReadDir implements [fs.ReadDirFS].
func (o only) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(o.FS, name)
	return slices.DeleteFunc(entries, func(e fs.DirEntry) bool {
		number, _, _ := strings.Cut(e.Name(), "_")
		return !e.IsDir() && !slices.Contains(o.names, number)
	}), err
}
