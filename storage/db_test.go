package storage

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"
)

var update = flag.Bool("update", false, "write golden files anew")

func open(t testing.TB) *DB {
	t.Helper()
	db, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "dunnock.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// write runs fn in a transaction and fails the test on an error.
func write(t testing.TB, db *DB, fn func(context.Context, Tx) error) {
	t.Helper()
	if err := db.Write(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func schema(t *testing.T, db *DB) string {
	t.Helper()
	var rows []string
	err := db.db.NewSelect().Table("sqlite_schema").Column("sql").
		Where("sql IS NOT NULL AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'migration%'").Order("type DESC", "name").Scan(t.Context(), &rows)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(rows, ";\n\n") + ";\n"
}

func TestSchemaIsTheGoldenOne(t *testing.T) {
	got := schema(t, open(t))
	golden := filepath.Join("..", "testdata", "schema.sql")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the schema differs from %s; if that is wanted: go test ./storage -update", golden)
	}
	if n := strings.Count(got, "CREATE TABLE"); n != strings.Count(got, ") STRICT") {
		t.Errorf("not all of the %d tables are STRICT", n)
	}
}

// TestUpgradeFromEveryVersion opens a database as each earlier version left it.
func TestUpgradeFromEveryVersion(t *testing.T) {
	want := schema(t, open(t))
	files, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= len(files); n++ {
		t.Run(fmt.Sprintf("%d migrations", n), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "dunnock.db")
			earlier := fstest.MapFS{}
			for _, f := range files[:n] {
				data, err := migrationFiles.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				earlier[filepath.Base(f)] = &fstest.MapFile{Data: data}
			}
			if err := private(path); err != nil {
				t.Fatal(err)
			}
			old, err := connect(path, "", 1)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(migrateFrom(t.Context(), old, earlier), old.Close()); err != nil {
				t.Fatal(err)
			}
			db, err := Open(t.Context(), Config{Path: path})
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if schema(t, db) != want {
				t.Error("the upgraded schema differs from a new one")
			}
		})
	}
}

func TestNewerSchemaIsRefusedAndLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dunnock.db")
	db, err := Open(t.Context(), Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	write(t, db, func(ctx context.Context, tx Tx) error {
		_, err := tx.db.NewRaw("INSERT INTO migrations (name, group_id) VALUES ('9999', 9)").Exec(ctx)
		return err
	})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Config{Path: path}); !errors.Is(err, ErrNewerSchema) {
		t.Fatalf("opened a newer schema: %v", err)
	}
	if after, _ := os.ReadFile(path); string(after) != string(before) {
		t.Error("the refused file was changed")
	}
}

func TestFailedMigrationIsNotRecorded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dunnock.db")
	if err := private(path); err != nil {
		t.Fatal(err)
	}
	db, err := connect(path, "", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	bad := fstest.MapFS{"0001_bad.tx.up.sql": {Data: []byte("CREATE TABLE a (x INTEGER) STRICT; CREATE TABLE a (x INTEGER) STRICT;")}}
	if err := migrateFrom(t.Context(), db, bad); err == nil {
		t.Fatal("a broken migration passed")
	}
	good := fstest.MapFS{"0001_bad.tx.up.sql": {Data: []byte("CREATE TABLE a (x INTEGER) STRICT;")}}
	if err := migrateFrom(t.Context(), db, good); err != nil {
		t.Errorf("the mended migration does not run: %v", err)
	}
}

func TestFilesArePrivate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "data", "dunnock.db")
	db, err := Open(t.Context(), Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	write(t, db, func(ctx context.Context, tx Tx) error { return tx.SetSetting(ctx, "a", "b") })
	err = filepath.WalkDir(filepath.Dir(path), func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %04o", p, info.Mode().Perm())
		}
		return err
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Config{Path: path}); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("opened a database that others can read: %v", err)
	}
}

func TestPragmasHoldOnEveryConnection(t *testing.T) {
	db := open(t)
	for range 8 { // more than one connection of the pool
		conn, err := db.readers.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "secure_delete": "1"} {
			var got string
			if err := conn.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
				t.Fatalf("%s = %q, %v; want %q", pragma, got, err, want)
			}
		}
		if db.readers.Stats().OpenConnections == db.readers.Stats().MaxOpenConnections {
			return
		}
	}
}

// TestWritersOfOneCommitStandAlone lets good and bad writers share commits: the bad ones leave nothing behind.
func TestWritersOfOneCommitStandAlone(t *testing.T) {
	for name, c := range map[string]struct {
		write func(*DB, int) func(context.Context, func(context.Context, Tx) error) error
		most  int // times that one runs
	}{
		"once":  {func(db *DB, _ int) func(context.Context, func(context.Context, Tx) error) error { return db.Write }, 1},
		"again": {func(db *DB, _ int) func(context.Context, func(context.Context, Tx) error) error { return db.WriteAgain }, 2},
		"both kinds": {func(db *DB, i int) func(context.Context, func(context.Context, Tx) error) error {
			if i%2 == 0 {
				return db.Write
			}
			return db.WriteAgain
		}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			db := open(t)
			refused := errors.New("refused")
			var ran [300]int
			var wg sync.WaitGroup
			gather, gathered := make(chan struct{}), make(chan struct{})
			wg.Go(func() { // the others come meanwhile
				_ = db.Write(t.Context(), func(context.Context, Tx) error { close(gather); <-gathered; return nil })
			})
			<-gather
			for i := range ran {
				wg.Go(func() {
					err := c.write(db, i)(t.Context(), func(ctx context.Context, tx Tx) error {
						ran[i]++
						if err := tx.SetSetting(ctx, fmt.Sprint(i), "x"); err != nil {
							return err
						}
						if i%3 == 0 {
							return refused
						}
						return nil
					})
					if want := i%3 == 0; errors.Is(err, refused) != want {
						t.Errorf("write %d: %v", i, err)
					}
				})
			}
			for len(db.writer.jobs) < maxGroup {
				runtime.Gosched()
			}
			close(gathered)
			wg.Wait()
			for i, times := range ran {
				_, err := db.Setting(t.Context(), fmt.Sprint(i))
				if want := i%3 == 0; errors.Is(err, ErrNotFound) != want {
					t.Errorf("setting %d: %v", i, err)
				}
				if times < 1 || times > c.most {
					t.Errorf("write %d ran %d times", i, times)
				}
			}
			if most := slices.Max(ran[:]); most != c.most {
				t.Errorf("none ran %d times", c.most)
			}
		})
	}
}

func TestCancelledWriteDoesNotStart(t *testing.T) {
	db := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := db.Write(ctx, func(context.Context, Tx) error { t.Error("it ran"); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestWriteAfterCloseIsRefused(t *testing.T) {
	db, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "dunnock.db")})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := db.Write(t.Context(), func(context.Context, Tx) error { return nil }); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

func TestTimeIsKeptToTheMillisecond(t *testing.T) {
	in := time.Date(2026, 1, 2, 3, 4, 5, 678_900_000, time.FixedZone("x", 3600))
	v, err := At(in).Value()
	if err != nil {
		t.Fatal(err)
	}
	var out Time
	if err := out.Scan(v); err != nil {
		t.Fatal(err)
	}
	if !out.Equal(At(in).Time) || out.Nanosecond() != 678_000_000 {
		t.Errorf("%v became %v", in, out)
	}
	if v, _ := (Time{}).Value(); v != nil {
		t.Errorf("the zero time is kept as %v", v)
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	k := Key{Private: Secret("canary")}
	if s := fmt.Sprintf("%v %+v %#v %s", k, k, k, k.Private); strings.Contains(s, "canary") {
		t.Errorf("printed: %s", s)
	}
}
