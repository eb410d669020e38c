package storage

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/migrate"
)

// Migrations are append-only: a file that has been released is never edited, a change is a new file.
//
//go:embed migrations/*.sql
var migrationFiles embed.FS

// ErrNewerSchema says that the database was written by a later version of dunnock.
var ErrNewerSchema = errors.New("the database was written by a newer version of dunnock: upgrade dunnock, or restore the backup made before the upgrade")

func migrateUp(ctx context.Context, db *bun.DB) error { return migrateFrom(ctx, db, migrationFiles) }

func discover(files fs.FS) (*migrate.Migrations, error) {
	known := migrate.NewMigrations()
	if err := known.Discover(files); err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	return known, nil
}

// migrationNames are all that this version of dunnock knows, in their order.
func migrationNames() (names []string, err error) {
	known, err := discover(migrationFiles)
	if err != nil {
		return nil, err
	}
	for _, m := range known.Sorted() {
		names = append(names, m.Name)
	}
	return names, nil
}

// understood says whether this version of dunnock knows all migrations of a database.
func understood(applied []string) error {
	known, err := migrationNames()
	if err != nil {
		return err
	}
	for _, name := range applied {
		if !slices.Contains(known, name) {
			return ErrNewerSchema
		}
	}
	return nil
}

func migrateFrom(ctx context.Context, db *bun.DB, files fs.FS) error {
	known, err := discover(files)
	if err != nil {
		return err
	}
	m := migrate.NewMigrator(db, known,
		migrate.WithTableName("migrations"), migrate.WithLocksTableName("migration_locks"))
	if err := m.Init(ctx); err != nil {
		return fmt.Errorf("prepare migrations: %w", err)
	}
	applied, err := m.AppliedMigrations(ctx)
	if err != nil {
		return fmt.Errorf("read applied migrations: %w", err)
	}
	names := known.Sorted()
	for _, a := range applied {
		if !slices.ContainsFunc(names, func(k migrate.Migration) bool { return k.Name == a.Name }) {
			return ErrNewerSchema
		}
	}
	for _, k := range names {
		if slices.ContainsFunc(applied, func(a migrate.Migration) bool { return a.Name == k.Name }) {
			continue
		}
		if err := apply(ctx, db, files, k); err != nil {
			return fmt.Errorf("migrate the database: %s: %w", k.Name, err)
		}
	}
	return nil
}

// apply runs a migration and records it in one transaction. The migrator would record it in another: after a crash between
// the two it would be run again, and fail.
func apply(ctx context.Context, db *bun.DB, files fs.FS, m migrate.Migration) error {
	name := m.Name + "_" + m.Comment + ".tx.up.sql"
	text, err := fs.ReadFile(files, name)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = fs.ReadFile(files, "migrations/"+name)
	}
	if err != nil {
		return err
	}
	t, err := template.New(name).Parse(string(text))
	if err != nil {
		return err
	}
	var sql strings.Builder
	if err := t.Execute(&sql, ddl); err != nil {
		return err
	}
	return db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.ExecContext(ctx, sql.String()); err != nil {
			return err
		}
		m.GroupID, m.MigratedAt = 1, time.Now()
		_, err := tx.NewInsert().Model(&m).ModelTableExpr("migrations").Exec(ctx)
		return err
	})
}
