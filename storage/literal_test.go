package storage

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ncruces/go-sqlite3"
)

func TestLift(t *testing.T) {
	for _, c := range []struct {
		query, text string
		values      []any
	}{
		{`SELECT "a1" FROM "t2" WHERE (b3 = 'it''s' AND c = 4) LIMIT 5`, `SELECT "a1" FROM "t2" WHERE (b3 = ? AND c = ?) LIMIT 5`, []any{"it's", int64(4)}},
		{`INSERT INTO "t" ("a") VALUES ('', X'00ff', -1, NULL, TRUE, 1.5, 1e3)`, `INSERT INTO "t" ("a") VALUES (?, ?, -?, NULL, TRUE, 1.5, 1e3)`, []any{"", []byte{0, 255}, int64(1)}},
		{`SELECT 1 WHERE url = 'x' AND url <> '' AND n <> 0`, `SELECT ? WHERE url = ? AND url <> '' AND n <> 0`, []any{int64(1), "x"}},
		{`SELECT "a""'1" FROM t`, `SELECT "a""'1" FROM t`, nil},
		{`SELECT '"', 'ü?:--;'`, `SELECT ?, ?`, []any{`"`, "ü?:--;"}},
		{`SELECT 99999999999999999999`, `SELECT 99999999999999999999`, nil},
		{`SAVEPOINT job`, `SAVEPOINT job`, nil},
		{`ROLLBACK TO job`, `ROLLBACK TO job`, nil},
	} {
		text, values, ok := lift(c.query, nil, nil)
		if !ok || string(text) != c.text || !slices.EqualFunc(values, c.values, reflect.DeepEqual) {
			t.Errorf("%s\n got %s %v %v\nwant %s %v", c.query, text, values, ok, c.text, c.values)
		}
	}
	for _, query := range []string{
		`SELECT ?`, `SELECT :a`, `SELECT 1; SELECT 2`, `SELECT 1 -- 'x'`, `SELECT /* ' */ 1`, `SELECT 'open`, `SELECT "open`,
		`SELECT X'0'`, `PRAGMA cache_size = 5`, `CREATE TABLE t (a INTEGER DEFAULT 1)`, `BEGIN`, `ROLLBACK`, `COMMIT`,
		`SELECT 1 IN (` + strings.Repeat("1,", maxValues) + `1)`,
	} {
		if text, values, ok := lift(query, nil, nil); ok {
			t.Errorf("%s became %s %v", query, text, values)
		}
	}
}

// What a statement with values lifted out of it returns is what it returns as it stands.
func FuzzLift(f *testing.F) {
	f.Add("it's", []byte{0, 1}, int64(-7))
	f.Add(`"?:;--/*`, []byte(nil), int64(math.MaxInt64))
	f.Add("<> ''", []byte("'"), int64(0))
	path := filepath.Join(f.TempDir(), "db")
	db, err := connect(path, "", 1)
	if err != nil {
		f.Fatal(err)
	}
	plain, err := sql.Open("sqlite3", "file:"+path)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { db.Close(); plain.Close() })
	f.Fuzz(func(t *testing.T, s string, b []byte, n int64) {
		if strings.ContainsRune(s, 0) {
			t.Skip("bun refuses it")
		}
		query := db.QueryGen().FormatQuery("SELECT ?, ?, ?, typeof(?), ? <> '', ? <> 0, \"x?1\".a1 FROM (SELECT ? AS a1) AS \"x?1\"", s, b, n, b, s, n, s)
		read := func(db *sql.DB) string {
			rows := make([]any, 7)
			into := make([]any, 7)
			for i := range rows {
				into[i] = &rows[i]
			}
			if err := db.QueryRow(query).Scan(into...); err != nil {
				t.Fatalf("%s: %v", query, err)
			}
			return fmt.Sprintf("%#v", rows)
		}
		if got, want := read(db.DB), read(plain); got != want {
			t.Errorf("%s\n got %s\nwant %s", query, got, want)
		}
	})
}

// A connection keeps statements compiled, a bounded number of them, and runs one inside of itself.
func TestCompiledStatements(t *testing.T) {
	db, err := connect(filepath.Join(t.TempDir(), "db"), "", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx := context.Background()
	one, err := db.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	kept := func() (n int) {
		one.Raw(func(c any) error { n = len(c.(*conn).compiled); return nil })
		return n
	}
	for i := range 3 * maxCompiled {
		var n int64
		query := fmt.Sprintf("SELECT %d AS a%d", i, i%(2*maxCompiled))
		if err := one.QueryRowContext(ctx, query).Scan(&n); err != nil || n != int64(i) {
			t.Fatal(query, n, err)
		}
	}
	if n := kept(); n != maxCompiled {
		t.Errorf("%d statements are kept", n)
	}
	outer, err := one.QueryContext(ctx, "SELECT value FROM json_each('[1,2,3]')")
	if err != nil {
		t.Fatal(err)
	}
	sum := int64(0)
	for outer.Next() {
		inner, err := one.QueryContext(ctx, "SELECT value FROM json_each('[10,20]')")
		if err != nil {
			t.Fatal(err)
		}
		for inner.Next() {
			var n int64
			inner.Scan(&n)
			sum += n
		}
		var n int64
		outer.Scan(&n)
		sum += n
	}
	if sum != 96 || outer.Err() != nil {
		t.Error(sum, outer.Err())
	}
	if _, err := one.ExecContext(ctx, "SELECT 1 FROM nowhere"); err == nil || !strings.Contains(err.Error(), "no such table") {
		t.Error(err)
	}
	if n := kept(); n != maxCompiled {
		t.Errorf("%d statements are kept", n)
	}
}

// Rows that are closed twice take nothing from whoever runs the same statement by then.
func TestRowsClosedTwice(t *testing.T) {
	db, err := connect(filepath.Join(t.TempDir(), "db"), "", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	one, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	err = one.Raw(func(c any) error {
		run := func() driver.Rows {
			rows, err := c.(*conn).QueryContext(t.Context(), "SELECT value FROM json_each('[1,2,3]')", nil)
			if err != nil {
				t.Fatal(err)
			}
			return rows
		}
		value := make([]driver.Value, 1)
		old := run()
		if err := errors.Join(old.Next(value), old.Close()); err != nil {
			return err
		}
		now := run() // the same statement, which was kept
		if err := errors.Join(now.Next(value), old.Close(), now.Next(value)); err != nil || value[0] != int64(2) {
			t.Errorf("%v, %v", value, err)
		}
		if err := errors.Join(now.Close(), now.Close(), old.Close()); err != nil {
			return err
		}
		last := run() // and it is not closed for good
		return errors.Join(last.Next(value), last.Close())
	})
	if err != nil {
		t.Error(err)
	}
}

// TestNothingIsCompiledAnew: what a row is read by is compiled once, however often and for whatever values it is read.
func TestNothingIsCompiledAnew(t *testing.T) {
	db := open(t)
	db.readers.SetMaxOpenConns(1)
	for i := range 5 {
		host := strconv.Itoa(i)
		_, err := db.Host(t.Context(), host)
		_, err2 := db.NextDeliveries(t.Context(), host, Now(), 10)
		_, err3 := db.NextDue(t.Context(), host)
		if err := errors.Join(err, err2, err3); err != nil {
			t.Fatal(err)
		}
	}
	c, err := db.readers.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	err = c.Raw(func(c any) error {
		for text, s := range c.(*conn).compiled {
			if n := s.Status(sqlite3.STMTSTATUS_REPREPARE, false); n > 0 {
				t.Errorf("compiled %d times more: %s", n, text)
			}
		}
		if n := len(c.(*conn).compiled); n != 3 {
			t.Errorf("%d statements are kept", n)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
