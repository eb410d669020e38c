// Package faultdisk puts a disk that fails under SQLite, for tests: its power is cut, it is full, or it answers with errors.
//
// A [Disk] is a VFS of the SQLite driver's. Everything goes on to the real file system; beside that the disk keeps what each
// file had when it was last synced, and what was written since. When its power is cut, what was synced is still there, and
// of the rest whatever chance wants: nothing, all, some writes without those before them, or parts of writes (sectors of
// 512 bytes arrive whole or not at all). The names of files are likewise as they were when the directory was last synced,
// and those made or deleted since are there or not. [Disk.Remains] writes that into another directory, for the database to
// be opened there.
//
// Shared memory and locks are the real ones. Files that do not go through SQLite are not touched.
package faultdisk

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/vfs"
)

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

	mu sync.Mutex // never held while SQLite is called
	platter
	ops   int // so far
	cutAt int // the operation at which the power goes; 0: never
	off   bool
}

var numbered atomic.Int64

// New makes a disk and registers it under [Disk.Name]. cutAt is the operation (a write, sync, truncation or deletion) at
// which the power goes; 0: never.
func New(cutAt int) *Disk {
	d := &Disk{name: fmt.Sprintf("faultdisk%d", numbered.Add(1)), platter: newPlatter(), cutAt: cutAt}
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

// done notes what an operation did, unless the power went meanwhile.
func (d *Disk) done(note func()) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.off {
		return offline
	}
	note()
	return nil
}

// Open implements [vfs.VFS]; SQLite calls OpenFilename.
func (d *Disk) Open(string, vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	return nil, 0, sqlite3.CANTOPEN
}

// OpenFilename implements [vfs.VFSFilename].
func (d *Disk) OpenFilename(name *vfs.Filename, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	path := name.String()
	real := vfs.Find("").(vfs.VFSFilename)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.off {
		return nil, flags, offline
	}
	if path == "" { // it would not survive anyway
		return real.OpenFilename(name, flags)
	}
	if err := d.look(path, path+"-wal", path+"-journal"); err != nil {
		return nil, flags, err
	}
	f, given, err := real.OpenFilename(name, flags)
	if err != nil {
		return nil, given, err
	}
	const journals = vfs.OPEN_MAIN_JOURNAL | vfs.OPEN_SUPER_JOURNAL | vfs.OPEN_WAL
	return &file{
		File: f, disk: d, path: path, inode: d.open(path),
		names: flags&vfs.OPEN_CREATE != 0 && flags&journals != 0,
	}, given, nil
}

// Delete implements [vfs.VFS].
func (d *Disk) Delete(path string, syncDir bool) error {
	if err := d.begin(Delete, path); err != nil {
		return err
	}
	if err := vfs.Find("").Delete(path, false); err != nil {
		return err
	}
	return d.done(func() {
		d.rename(path, nil)
		if syncDir {
			d.syncNames()
		}
	})
}

// Access implements [vfs.VFS].
func (d *Disk) Access(path string, flags vfs.AccessFlag) (bool, error) {
	return vfs.Find("").Access(path, flags)
}

// FullPathname implements [vfs.VFS].
func (d *Disk) FullPathname(path string) (string, error) { return vfs.Find("").FullPathname(path) }

// file is an open file on the disk.
type file struct {
	vfs.File
	disk  *Disk
	path  string
	inode *inode
	names bool // the directory is to be synced with it, as the real VFS does once for a journal that it may have made
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
	return n, errors.Join(err, f.disk.done(func() { f.inode.write(off, p[:n]) }))
}

func (f *file) Truncate(size int64) error {
	if err := f.disk.begin(Truncate, f.path); err != nil {
		return err
	}
	if err := f.File.Truncate(size); err != nil {
		return err
	}
	return f.disk.done(func() { f.inode.truncate(size) })
}

// Sync does not wait for the real disk, which would only make the tests slow.
func (f *file) Sync(vfs.SyncFlag) error {
	if err := f.disk.begin(Sync, f.path); err != nil {
		return err
	}
	return f.disk.done(func() {
		f.inode.sync()
		if f.names {
			f.names = false
			f.disk.syncNames()
		}
	})
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
