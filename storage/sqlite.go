package storage

import (
	"database/sql"
	"fmt"
	"net/url"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
)

// What is SQLite's alone stands in this file: the driver, its pragmas and the words of its DDL. The queries elsewhere
// are SQL that PostgreSQL runs as well, which postgres_test.go holds.

// ddl are the words that migrations take from the dialect. STRICT makes SQLite check the types of columns. AUTOINCREMENT
// keeps it from giving the number of a row that is gone to the next one: the queue would take what was queued last for what
// was withdrawn under its hands, and send that.
var ddl = map[string]string{"ID": "INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT", "Int": "INTEGER", "Bool": "INTEGER", "Bytes": "BLOB", "Strict": " STRICT"}

// begin starts a transaction that writes. One that SQLite believes to be for reading cannot always be made one later.
func begin(db *bun.DB) string {
	if db.Dialect().Name() == dialect.SQLite {
		return "BEGIN IMMEDIATE"
	}
	return "BEGIN"
}

// A connection's cache of pages, in KiB, which the driver does not give back once it is full. Those that read have to read
// anew what was written since: a bigger one would be of little use to them.
const (
	readerCache = 1024
	writerCache = 8192
)

// connect opens a pool of at most n connections; the one of a pool of one is the writer's. Pragmas stand in the DSN, so that
// each connection gets them.
func connect(path, vfs string, n int) (*bun.DB, error) {
	cache := readerCache
	if n == 1 {
		cache = writerCache
	}
	q := url.Values{"_pragma": {
		"busy_timeout(5000)", // first: the others may have to wait
		"journal_mode(WAL)",
		"synchronous(FULL)",
		"foreign_keys(ON)",
		"secure_delete(ON)",
		"trusted_schema(OFF)",
		"temp_store(MEMORY)", // what a savepoint would undo is kept there
		fmt.Sprintf("cache_size(-%d)", cache),
		"journal_size_limit(67108864)",
		"wal_autocheckpoint(4000)", // 16 MiB: many pages are written often, and so once to the database for many times
	}, "_txlock": {"immediate"}, "modeof": {path}} // modeof: the journal is as private as the database
	if vfs != "" {
		q.Set("vfs", vfs)
	}
	return pool(path, q, n)
}

// look opens a pool that only reads. frozen: nobody can write the file, and no lock is taken.
func look(path string, frozen bool) (*bun.DB, error) {
	q := url.Values{"_pragma": {"busy_timeout(5000)", "trusted_schema(OFF)"}, "mode": {"ro"}, "modeof": {path}}
	if frozen {
		q.Set("immutable", "1")
	}
	return pool(path, q, 2)
}

func pool(path string, q url.Values, n int) (*bun.DB, error) {
	c, err := newConnector((&url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	return bun.NewDB(db, sqlitedialect.New()), nil
}
