package storage

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/dunnock-server/dunnock/storage/faultdisk"
)

// powered is a database on a disk whose power will be cut, and what was acknowledged of it, whatever happened since.
type powered struct {
	*testing.T
	path  string
	mu    sync.Mutex
	acked map[string]bool // names of writes; false: taken away again, and that acknowledged
	tried int
}

// TestPowerCut cuts the power at random moments while several write, and looks at what is left: everything that was
// acknowledged is there, no transaction is there in part, and the database is sound. The next cut goes on from there, so
// that what one recovery left behind is what the next one finds.
func TestPowerCut(t *testing.T) {
	rng := seeded(t)
	p := &powered{T: t}
	ways, opened := map[string]int{}, 0
	for i := range scaled(1000) {
		if i%20 == 0 { // from nothing: the making of the database is cut too
			p.path, p.acked = filepath.Join(t.TempDir(), "dunnock.db"), map[string]bool{}
		}
		cutAt := 1 + rng.IntN([]int{40, 400, 6000}[rng.IntN(3)]) // while it is opened, early, or about a checkpoint
		disk := faultdisk.New(cutAt)
		if p.run(disk) {
			opened++
		}
		next := filepath.Join(t.TempDir(), "dunnock.db")
		how, err := disk.Remains(filepath.Dir(next), rng)
		if err != nil {
			t.Fatal(err)
		}
		ways[how]++
		disk.Close()
		if err := os.RemoveAll(filepath.Dir(p.path)); err != nil {
			t.Fatal(err)
		}
		if p.path = next; !p.sound() {
			t.Fatalf("cut %d, at operation %d, leaving %s", i, cutAt, how)
		}
	}
	t.Logf("%d cuts, %d of them of an open database: %v", scaled(1000), opened, ways)
}

// TestPowerCutOfOneThatWasMadeThere makes a database, and cuts the power once it has outgrown its journal: the other journal,
// that of its making, must not come back to take away all that is in the file since. The same after it was closed and opened
// again, which takes the first journal away.
func TestPowerCutOfOneThatWasMadeThere(t *testing.T) {
	for _, opened := range []int{1, 2} {
		disk := faultdisk.New(0)
		defer disk.Close()
		p := &powered{T: t, path: filepath.Join(t.TempDir(), "dunnock.db"), acked: map[string]bool{}}
		for n := range opened {
			db, err := Open(t.Context(), Config{Path: p.path, VFS: disk.Name()})
			if err != nil {
				t.Fatal(err)
			}
			for range 1500 {
				p.write(db)
			}
			if info, err := os.Stat(p.path); err != nil || info.Size() < 1<<20 {
				t.Fatalf("there was no checkpoint: %v, %v", info.Size(), err)
			}
			if n == opened-1 {
				disk.CutAfter(1)
				p.write(db)
			}
			_ = db.Close() // the last one complains that there is no power
		}
		for _, way := range []string{"nothing unsynced", "everything", "some writes", "torn writes"} {
			if !p.left(disk, way) {
				t.Fatalf("opened %d times, leaving %s", opened, way)
			}
		}
	}
}

// TestPowerCutAtEachStepOfTheMaking cuts the power at each operation in turn while a database is made and migrated; what is left
// must open, and be migrated no further than it says. Everything survives, as when the process alone dies; in full, also less.
func TestPowerCutAtEachStepOfTheMaking(t *testing.T) {
	ways := []string{"everything", "nothing unsynced", "some writes", "torn writes"}
	for cutAt, made := 1, false; !made; cutAt++ {
		disk := faultdisk.New(cutAt)
		p := &powered{T: t, path: filepath.Join(t.TempDir(), "dunnock.db")}
		db, err := Open(t.Context(), Config{Path: p.path, VFS: disk.Name()})
		if made = err == nil; made {
			_ = db.Close() // complains if the power goes only now
		}
		for _, way := range ways[:max(1, scaled(len(ways)))] {
			if !p.left(disk, way) {
				t.Fatalf("at operation %d, leaving %s", cutAt, way)
			}
		}
		disk.Close()
	}
}

// left looks at what is left in one of the ways.
func (p *powered) left(disk *faultdisk.Disk, way string) bool {
	rng := rand.New(rand.NewPCG(1, 2))
	for {
		p.path = filepath.Join(p.TempDir(), "dunnock.db")
		how, err := disk.Remains(filepath.Dir(p.path), rng)
		if err != nil {
			p.Fatal(err)
		}
		if how == way {
			return p.sound()
		}
	}
}

// run lets several write until the power is gone. false: the database could not even be opened.
func (p *powered) run(disk *faultdisk.Disk) bool {
	db, err := Open(p.Context(), Config{Path: p.path, VFS: disk.Name()})
	if err != nil {
		if !disk.Off() {
			p.Fatal(err)
		}
		return false
	}
	var writers sync.WaitGroup
	for range 4 {
		writers.Go(func() {
			for !disk.Off() {
				p.write(db)
			}
		})
	}
	writers.Wait()
	_ = db.Close() // complains that there is no power
	return true
}

// write makes one write of a pair of rows that belong together, or takes one away, and notes the acknowledgement.
func (p *powered) write(db *DB) {
	p.mu.Lock()
	p.tried++
	name, old := fmt.Sprint(p.tried), fmt.Sprint(rand.IntN(p.tried)+1)
	known := p.acked[old]
	p.mu.Unlock()
	remove := known && rand.IntN(3) == 0
	err := db.Write(context.Background(), func(ctx context.Context, tx Tx) error {
		if remove {
			_, err := tx.db.NewRaw("DELETE FROM settings WHERE name = ?", old).Exec(ctx)
			return errors.Join(err, tx.ForgetActsAbout(ctx, old))
		}
		return errors.Join(tx.SetSetting(ctx, name, "x"),
			tx.InsertAct(ctx, &Act{URI: name, Object: name, Document: `"` + strings.Repeat(name, rand.IntN(1000)) + `"`, CreatedAt: moment}))
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case remove && err == nil:
		p.acked[old] = false
	case remove:
		delete(p.acked, old) // it may be there or not
	case err == nil:
		p.acked[name] = true
	}
}

// sound looks at what is left.
func (p *powered) sound() bool {
	db, err := Open(p.Context(), Config{Path: p.path})
	if err != nil {
		p.Errorf("it cannot be opened: %v", err)
		return false
	}
	defer db.Close()
	settings, err := column(p.Context(), db.db, "SELECT name FROM settings ORDER BY name")
	if err != nil {
		p.Error(err)
	}
	acts, err := column(p.Context(), db.db, "SELECT uri FROM acts ORDER BY uri")
	if err != nil {
		p.Error(err)
	}
	if !slices.Equal(settings, acts) {
		p.Errorf("half a transaction is there: %d and %d rows", len(settings), len(acts))
	}
	for name, there := range p.acked {
		if _, found := slices.BinarySearch(settings, name); found != there {
			p.Errorf("%s was acknowledged and is lost", name)
		}
	}
	faults, err := checked(p, p.path)
	faults = slices.DeleteFunc(faults, func(f Fault) bool { return f.Where == "settings identity" })
	if err != nil || len(faults) > 0 {
		p.Errorf("the check says %v, %v", faults, err)
	}
	return !p.Failed()
}
