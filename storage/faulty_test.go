package storage

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/storage/faultdisk"
)

// TestDiskThatFailsNowAndThen lets the disk be full, or fail to write or to sync, again and again under several writers. What
// was acknowledged stays, what was refused says why, and once the disk is well so is the database.
func TestDiskThatFailsNowAndThen(t *testing.T) {
	rng := seeded(t)
	for _, fault := range []struct {
		name string
		op   faultdisk.Op
		err  error
		want error
	}{
		{"full", faultdisk.Write, faultdisk.Full, ErrFull},
		{"does not write", faultdisk.Write, faultdisk.Broken, ErrDisk},
		{"does not sync", faultdisk.Sync, faultdisk.Broken, ErrDisk},
		{"full when synced", faultdisk.Sync, faultdisk.Full, ErrFull},
	} {
		t.Run(fault.name, func(t *testing.T) {
			disk := faultdisk.New(0)
			p := &powered{T: t, path: filepath.Join(t.TempDir(), "dunnock.db"), acked: map[string]bool{}}
			db, err := Open(t.Context(), Config{Path: p.path, VFS: disk.Name()})
			if err != nil {
				t.Fatal(err)
			}
			for range scaled(200) {
				after, lasts := int64(rng.IntN(60)), int64(1+rng.IntN(20))
				var n atomic.Int64
				disk.Fail(func(op faultdisk.Op, _ string) error {
					if op != fault.op {
						return nil
					}
					if n := n.Add(1); n <= after || n > after+lasts {
						return nil
					}
					return fault.err
				})
				var writers sync.WaitGroup
				for range 4 {
					writers.Go(func() {
						for range 10 {
							p.write(db)
						}
					})
				}
				writers.Wait()
				disk.Fail(func(op faultdisk.Op, _ string) error {
					if op == fault.op {
						return fault.err
					}
					return nil
				})
				// While all fails, so does a write, and says why; it takes a moment, not for ever.
				err := db.Write(t.Context(), func(ctx context.Context, tx Tx) error { return tx.SetSetting(ctx, "refused", "x") })
				if Trouble(err) != fault.want {
					t.Fatalf("a refused write says %v, which means %v", err, Trouble(err))
				}
				if _, err := db.Setting(t.Context(), "refused"); !errors.Is(err, ErrNotFound) {
					t.Fatalf("what was refused is there: %v", err)
				}
				disk.Fail(nil)
				if err := db.Write(t.Context(), func(ctx context.Context, tx Tx) error { return nil }); err != nil {
					t.Fatalf("the disk is well and the database is not: %v", err)
				}
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
			disk.Close()
			p.sound()
		})
	}
}

// TestSmallDisk fills a real file system, of a few megabytes: with rows, then with files.
func TestSmallDisk(t *testing.T) {
	dir := mount(t, "tmpfs", "size=3m")
	path := filepath.Join(dir, "dunnock.db")
	db, err := Open(t.Context(), Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	furnish(t, db, 3)
	kept := 0
	for err == nil {
		err = db.Write(t.Context(), func(ctx context.Context, tx Tx) error {
			return tx.InsertAct(ctx, &Act{URI: strings.Repeat("x", kept+1), Object: "https://a.example/0", Document: `"` + strings.Repeat("x", 30_000) + `"`, CreatedAt: moment})
		})
		kept++
	}
	kept--
	if Trouble(err) != ErrFull {
		t.Errorf("a full disk is %v", err)
	}
	files, err := OpenFiles(filepath.Join(dir, "media"))
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	if err := files.Put("a.png", make([]byte, 4<<20)); Trouble(err) != ErrFull {
		t.Errorf("a file that has no room: %v", err)
	}
	if _, err := files.Open("a.png"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of a file that had no room, something is left: %v", err)
	}
	n, err := db.db.NewSelect().Model((*Act)(nil)).Where("document LIKE '\"x%'").Count(t.Context())
	if err != nil || int(n) != kept || kept == 0 {
		t.Errorf("%d acknowledged, %d there, %v", kept, n, err)
	}
	if faults, err := checked(t, path); err != nil || len(faults) > 0 {
		t.Errorf("the check of a full disk: %v, %v", faults, err)
	}
	if err := db.Close(); err != nil && Trouble(err) != ErrFull {
		t.Error(err)
	}
	// There is room again once something is gone.
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT, "size=8m"); err != nil {
		t.Fatal(err)
	}
	if db, err = Open(t.Context(), Config{Path: path}); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	write(t, db, func(ctx context.Context, tx Tx) error { return tx.SetSetting(ctx, "room", "again") })
}

// TestReadOnlyDisk makes a real file system read-only: before the database is opened, and under it.
func TestReadOnlyDisk(t *testing.T) {
	dir := mount(t, "tmpfs", "size=8m")
	path := filepath.Join(dir, "dunnock.db")
	db, err := Open(t.Context(), Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	furnish(t, db, 3)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	remount := func(flags uintptr) {
		if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|flags, ""); err != nil {
			t.Fatal(err)
		}
	}
	remount(syscall.MS_RDONLY)
	if _, err := Open(t.Context(), Config{Path: path}); Trouble(err) != ErrReadOnly || !strings.Contains(err.Error(), path) {
		t.Errorf("opened on a read-only disk: %v", err)
	}
	if faults, err := checked(t, path); err != nil || len(faults) > 0 {
		t.Errorf("the check of a read-only disk: %v, %v", faults, err)
	}
	if _, err := OpenFiles(filepath.Join(dir, "media")); Trouble(err) != ErrReadOnly {
		t.Errorf("files on a read-only disk: %v", err)
	}
	remount(0)
}

// mount mounts a file system for the test.
func mount(t *testing.T, kind, options string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount(kind, dir, kind, 0, options); err != nil {
		if os.Getenv("DUNNOCK_REQUIRE_PEERS") == "1" && os.Geteuid() == 0 {
			t.Fatalf("mount: %v", err)
		}
		t.Skip("this mounts a file system: run it as root, with CAP_SYS_ADMIN")
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestLockedByAnotherProcess has another process read for long, then hold the file for itself.
func TestLockedByAnotherProcess(t *testing.T) {
	db := open(t)
	furnish(t, db, 3)
	release := hold(t, db.path, "BEGIN; SELECT * FROM posts")
	start := time.Now()
	for range 200 {
		write(t, db, func(ctx context.Context, tx Tx) error { return tx.SetSetting(ctx, "read", "beside") })
	}
	if _, err := db.Setting(t.Context(), "read"); err != nil {
		t.Error(err)
	}
	if faults, err := checked(t, db.path); err != nil || len(faults) > 0 {
		t.Errorf("the check beside a reader: %v, %v", faults, err)
	}
	if took := time.Since(start); took > 5*time.Second { // the busy timeout
		t.Errorf("a reader holds writers up: %v", took)
	}
	release()

	release = hold(t, db.path, "BEGIN IMMEDIATE")
	err := db.Write(t.Context(), func(ctx context.Context, tx Tx) error { return tx.SetSetting(ctx, "held", "x") })
	if Trouble(err) != ErrBusy {
		t.Errorf("a write beside another writer: %v", err)
	}
	if _, err := db.Setting(t.Context(), "read"); err != nil {
		t.Errorf("a read beside another writer: %v", err)
	}
	release()
	write(t, db, func(ctx context.Context, tx Tx) error { return tx.SetSetting(ctx, "held", "x") })
}

// hold has another process run a statement and keep what it locks until it is released.
func hold(t *testing.T, path, statement string) (release func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestHolder$")
	cmd.Env = append(os.Environ(), "DUNNOCK_TEST_HOLD="+path, "DUNNOCK_TEST_STATEMENT="+statement)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	return func() {
		in.Close()
		_ = cmd.Wait()
	}
}

// TestHolder is the other process.
func TestHolder(t *testing.T) {
	path := os.Getenv("DUNNOCK_TEST_HOLD")
	if path == "" {
		t.Skip("it is run by other tests")
	}
	db, err := connect(path, "", 1)
	if err != nil {
		t.Fatal(err)
	}
	for statement := range strings.SplitSeq(os.Getenv("DUNNOCK_TEST_STATEMENT"), "; ") {
		rows, err := db.QueryContext(t.Context(), statement)
		if err != nil {
			t.Fatal(err)
		}
		rows.Next()
		if !strings.HasPrefix(statement, "SELECT") {
			rows.Close()
		}
	}
	_, _ = os.Stdout.WriteString("x")
	_, _ = os.Stdin.Read(make([]byte, 1))
}
