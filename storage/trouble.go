package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"

	"github.com/ncruces/go-sqlite3"
)

// What a disk or another program does to a database, in words for whoever runs the node: what is wrong, then the remedy.
var (
	ErrDamaged  = errors.New("the database is damaged: `dunnock check --deep` says where; stop the node, move the data directory away and `dunnock restore` a backup")
	ErrBusy     = errors.New("another program holds the database: end it (`fuser dunnock.db` names it), and try again")
	ErrFull     = errors.New("the disk is full, or the quota used up: make room, and try again")
	ErrReadOnly = errors.New("the disk or the file is read-only: mount it for writing, or give the file to the node's user, and try again")
	ErrDisk     = errors.New("the disk fails, or a quota is used up: the system's log (`dmesg`) says more; save what can be read, and `dunnock restore` a backup on another disk")
)

// Trouble is the one of these that an error comes from, or nil for an error that is not the disk's.
func Trouble(err error) error {
	for _, t := range []struct {
		means error
		signs []error
	}{
		{ErrFull, []error{ErrFull, sqlite3.FULL, syscall.ENOSPC, syscall.EDQUOT}},
		{ErrDamaged, []error{ErrDamaged, sqlite3.CORRUPT, sqlite3.NOTADB, sqlite3.IOERR_DATA, sqlite3.IOERR_CORRUPTFS, sqlite3.IOERR_SHORT_READ}},
		{ErrBusy, []error{ErrBusy, sqlite3.BUSY, sqlite3.LOCKED, sqlite3.PROTOCOL}},
		{ErrReadOnly, []error{ErrReadOnly, sqlite3.READONLY, sqlite3.CANTOPEN, sqlite3.PERM, sqlite3.AUTH, syscall.EROFS, fs.ErrPermission}},
		{ErrDisk, []error{ErrDisk, sqlite3.IOERR, syscall.EIO}},
	} {
		for _, sign := range t.signs {
			if errors.Is(err, sign) {
				return t.means
			}
		}
	}
	return nil
}

// full tells a full disk from one that fails: the driver gives both as an I/O error.
func full(path string, err error) error {
	var disk syscall.Statfs_t
	const little = 1 << 20 // bytes: SQLite writes some pages at a time
	if Trouble(err) == ErrDisk && syscall.Statfs(filepath.Dir(path), &disk) == nil && disk.Bavail*uint64(disk.Bsize) < little {
		return fmt.Errorf("%w (%w)", ErrFull, err)
	}
	return err
}

// named is an error of the database with the file and, where it is the disk's, what it means.
func named(path string, err error) error {
	if err == nil {
		return nil
	}
	err = full(path, err)
	if means := Trouble(err); means != nil && !errors.Is(err, means) {
		return fmt.Errorf("%s: %w (%w)", path, means, err)
	}
	return fmt.Errorf("%s: %w", path, err)
}
