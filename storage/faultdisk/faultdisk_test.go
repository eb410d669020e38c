package faultdisk_test

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/ncruces/go-sqlite3"

	"github.com/dunnock-server/dunnock/storage/faultdisk"
)

// TestNamesSurviveOnceTheirDirectoryIsSynced commits with a journal that is deleted to commit (FULL says that the directory is
// not synced then, EXTRA that it is, https://sqlite.org/pragma.html#pragma_synchronous). A journal whose deletion was not
// synced is back, until something else syncs the directory, as the first journal of another kind does.
func TestNamesSurviveOnceTheirDirectoryIsSynced(t *testing.T) {
	const row = "CREATE TABLE t (a); INSERT INTO t VALUES (1);"
	for _, c := range []struct {
		name, sql      string
		journal, there bool
	}{
		{"deleted, not synced", "PRAGMA synchronous=FULL; BEGIN;" + row + "COMMIT", true, false},
		{"deleted and synced", "PRAGMA synchronous=EXTRA; BEGIN;" + row + "COMMIT", false, true},
		{"synced by another", "PRAGMA synchronous=FULL; BEGIN;" + row + "COMMIT; PRAGMA journal_mode=WAL; INSERT INTO t VALUES (2)", false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			disk := faultdisk.New(0)
			defer disk.Close()
			db, err := sqlite3.Open("file:" + filepath.Join(t.TempDir(), "a.db") + "?vfs=" + disk.Name())
			if err != nil {
				t.Fatal(err)
			}
			if err := db.Exec(c.sql); err != nil {
				t.Fatal(err)
			}
			defer db.Close()

			left := remains(t, disk, "nothing unsynced")
			_, err = os.Stat(left + "-journal")
			if journal := !errors.Is(err, fs.ErrNotExist); journal != c.journal {
				t.Errorf("the journal: %v", err)
			}
			after, err := sqlite3.Open("file:" + left)
			if err != nil {
				t.Fatal(err)
			}
			defer after.Close()
			if err := after.Exec("SELECT a FROM t"); (err == nil) != c.there {
				t.Errorf("the row: %v", err)
			}
			if _, err := os.Stat(remains(t, disk, "everything") + "-journal"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the journal, when everything survived: %v", err)
			}
		})
	}
}

// remains is what is left in one of the ways.
func remains(t *testing.T, disk *faultdisk.Disk, way string) string {
	t.Helper()
	for seed := range uint64(100) {
		dir := t.TempDir()
		how, err := disk.Remains(dir, rand.New(rand.NewPCG(seed, 0)))
		if err != nil {
			t.Fatal(err)
		}
		if how == way {
			return filepath.Join(dir, "a.db")
		}
	}
	t.Fatalf("never %q", way)
	return ""
}
