// Package faultdisk puts a disk that fails under SQLite, for tests: its power is cut, it is full, or it answers with errors.
//
// A [Disk] is a VFS of the SQLite driver's. Everything goes on to the real file system; beside that the disk keeps what each
// file had when it was last synced, and what was written since. When its power is cut, what was synced is still there, and
// of the rest whatever chance wants: nothing, all, some writes without those before them, or parts of writes (sectors of
// 512 bytes arrive whole or not at all). [Disk.Remains] writes that into another directory, for the database to be opened
// there.
//
// Shared memory and locks are the real ones. Files that do not go through SQLite are not touched.
package faultdisk

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/vfs"
)

const sector = 512

// Op is something that is asked of a disk.
type Op string

// What can be asked.
const (
	Write    Op = "write"
	Sync     Op = "sync"
	Truncate Op = "truncate"
	Delete   Op = "delete"
)

// Faults that a disk can be made to answer with.
var (
	Full    = vfs.SystemError(syscall.ENOSPC, sqlite3.FULL)
	Broken  = vfs.SystemError(syscall.EIO, sqlite3.IOERR)
	offline = vfs.SystemError(errors.New("the power is off"), sqlite3.IOERR)
)

// Disk is a disk that fails. The zero value is not one: see [New].
type Disk struct {
	name  string
	fault atomic.Pointer[func(Op, string) error]

	mu    sync.Mutex // never held while SQLite is called
	files map[string]*state
	ops   int // so far
	cutAt int // the operation at which the power goes; 0: never
	off   bool
}

// state is what is known of a file.
type state struct {
	there   bool // it survives a power cut
	synced  []byte
	pending []change // since
}

// change is a write, or a truncation (nil data).
type change struct {
	off  int64
	data []byte
	gone bool // the file was deleted
}

var numbered atomic.Int64

// New makes a disk and registers it under [Disk.Name]. cutAt is the operation (a write, sync, truncation or deletion) at
// which the power goes; 0: never.
func New(cutAt int) *Disk {
	d := &Disk{name: fmt.Sprintf("faultdisk%d", numbered.Add(1)), files: map[string]*state{}, cutAt: cutAt}
	vfs.Register(d.name, d)
	return d
}

// Name is what the disk is called as a VFS.
func (d *Disk) Name() string { return d.name }

// Close takes the disk away. The databases on it must be closed.
func (d *Disk) Close() { vfs.Unregister(d.name) }

// Ops is how many operations there were.
func (d *Disk) Ops() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ops
}

// Off says whether the power is off.
func (d *Disk) Off() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.off
}

// CutAfter has the power go n operations from now.
func (d *Disk) CutAfter(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cutAt = d.ops + max(n, 1)
}

// Fail asks fn before each operation, with the base name of the file; an error is the disk's answer. Nil: all is well.
func (d *Disk) Fail(fn func(op Op, file string) error) { d.fault.Store(&fn) }

// begin counts an operation, and answers for the disk if it fails.
func (d *Disk) begin(op Op, path string) error {
	if fn := d.fault.Load(); fn != nil && *fn != nil {
		if err := (*fn)(op, filepath.Base(path)); err != nil {
			return err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ops++
	if d.ops == d.cutAt {
		d.off = true
	}
	if d.off {
		return offline
	}
	return nil
}

// change notes what was done to a file.
func (d *Disk) change(path string, c change) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.files[path]; s != nil && !d.off {
		s.pending = append(s.pending, c)
	}
}

// Remains writes into dir what is left on the disk after its power was cut, as chance has it, and returns a word for how.
func (d *Disk) Remains(dir string, rng *rand.Rand) (how string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	how = []string{"nothing unsynced", "everything", "some writes", "torn writes"}[rng.IntN(4)]
	for _, path := range slices.Sorted(maps.Keys(d.files)) {
		s := d.files[path]
		data, there := slices.Clone(s.synced), s.there
		for _, c := range s.pending {
			if how == "nothing unsynced" || how == "some writes" && rng.IntN(2) == 0 {
				continue
			}
			if c.gone {
				data, there = nil, false
				continue
			}
			there = true
			data = c.apply(data, func() bool { return how != "torn writes" || rng.IntN(2) == 0 })
		}
		if !there {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(path)), data, 0o600); err != nil {
			return how, err
		}
	}
	return how, nil
}

// apply makes a change to data, each sector of it if arrives says so.
func (c change) apply(data []byte, arrives func() bool) []byte {
	if c.data == nil {
		if arrives() && c.off < int64(len(data)) {
			data = data[:c.off]
		}
		return data
	}
	for from := int64(0); from < int64(len(c.data)); {
		to := min(int64(len(c.data)), (c.off+from)/sector*sector+sector-c.off)
		if arrives() {
			if need := c.off + to; need > int64(len(data)) {
				data = append(data, make([]byte, need-int64(len(data)))...)
			}
			copy(data[c.off+from:], c.data[from:to])
		}
		from = to
	}
	return data
}

// Open implements [vfs.VFS]; SQLite calls OpenFilename.
func (d *Disk) Open(string, vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	return nil, 0, sqlite3.CANTOPEN
}

// OpenFilename implements [vfs.VFSFilename].
func (d *Disk) OpenFilename(name *vfs.Filename, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	if d.Off() {
		return nil, flags, offline
	}
	real := vfs.Find("").(vfs.VFSFilename)
	path := name.String()
	_, missing := os.Stat(path)
	f, flags, err := real.OpenFilename(name, flags)
	if err != nil || path == "" {
		return f, flags, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.files[path] == nil {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, flags, errors.Join(err, f.Close())
		}
		d.files[path] = &state{synced: data, there: missing == nil}
	}
	const journals = vfs.OPEN_MAIN_JOURNAL | vfs.OPEN_SUPER_JOURNAL | vfs.OPEN_WAL
	return &file{File: f, disk: d, path: path, dirty: flags&vfs.OPEN_CREATE != 0 && flags&journals != 0}, flags, nil
}

// Delete implements [vfs.VFS].
func (d *Disk) Delete(path string, syncDir bool) error {
	if err := d.begin(Delete, path); err != nil {
		return err
	}
	if err := vfs.Find("").Delete(path, syncDir); err != nil {
		return err
	}
	d.change(path, change{gone: true})
	if syncDir {
		d.synced(path)
	}
	return nil
}

// Access implements [vfs.VFS].
func (d *Disk) Access(path string, flags vfs.AccessFlag) (bool, error) {
	return vfs.Find("").Access(path, flags)
}

// FullPathname implements [vfs.VFS].
func (d *Disk) FullPathname(path string) (string, error) { return vfs.Find("").FullPathname(path) }

// synced makes all that was done to a file survive.
func (d *Disk) synced(path string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.files[path]
	if s == nil || d.off {
		return
	}
	s.there = true
	for _, c := range s.pending {
		if s.there = !c.gone; c.gone {
			s.synced = nil
			continue
		}
		s.synced = c.apply(s.synced, func() bool { return true })
	}
	s.pending = nil
}

// listed makes it survive which files are there: the folder was synced.
func (d *Disk) listed() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.files {
		for i, c := range s.pending {
			if c.gone && !d.off {
				s.there, s.synced, s.pending = false, nil, s.pending[i+1:]
				break
			}
		}
	}
}

// file is an open file on the disk.
type file struct {
	vfs.File
	disk  *Disk
	path  string
	dirty bool // the real file system syncs the folder when this journal is first synced
}

func (f *file) ReadAt(p []byte, off int64) (int, error) {
	if f.disk.Off() {
		return 0, offline
	}
	return f.File.ReadAt(p, off)
}

func (f *file) WriteAt(p []byte, off int64) (int, error) {
	err := f.disk.begin(Write, f.path)
	if err != nil {
		return 0, err
	}
	n, err := f.File.WriteAt(p, off)
	f.disk.change(f.path, change{off: off, data: slices.Clone(p[:n])})
	return n, err
}

func (f *file) Truncate(size int64) error {
	if err := f.disk.begin(Truncate, f.path); err != nil {
		return err
	}
	err := f.File.Truncate(size)
	if err == nil {
		f.disk.change(f.path, change{off: size})
	}
	return err
}

// Sync does not wait for the real disk, which would only make the tests slow.
func (f *file) Sync(vfs.SyncFlag) error {
	if err := f.disk.begin(Sync, f.path); err != nil {
		return err
	}
	f.disk.synced(f.path)
	if f.dirty {
		f.dirty = false
		f.disk.listed()
	}
	return nil
}

// SharedMemory implements [vfs.FileSharedMemory].
func (f *file) SharedMemory() vfs.SharedMemory {
	if shared, ok := f.File.(vfs.FileSharedMemory); ok {
		return shared.SharedMemory()
	}
	return nil
}

// PowersafeOverwrite implements [vfs.FilePowersafeOverwrite].
func (f *file) PowersafeOverwrite() bool { return true }

// SetPowersafeOverwrite implements [vfs.FilePowersafeOverwrite].
func (f *file) SetPowersafeOverwrite(bool) {}

var (
	_ vfs.FileSharedMemory = &file{}
	_ io.ReaderAt          = &file{}
)
