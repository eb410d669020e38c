package storage

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Files keeps the bytes of blobs, one file each, named as their records are.
type Files struct{ root *os.Root }

// OpenFiles opens the folder (made 0700 if it is missing).
func OpenFiles(dir string) (*Files, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the folder of files: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the folder of files: %w", err)
	}
	return &Files{root}, nil
}

// Close lets go of the folder.
func (f *Files) Close() error { return f.root.Close() }

// Put writes a file that was not there before. When it returns nil the file survives a power cut.
func (f *Files) Put(name string, data []byte) error {
	if filepath.Base(name) != name {
		return fmt.Errorf("put a file: %w", fs.ErrInvalid)
	}
	file, err := f.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("put a file: %w", nameless(err))
	}
	_, err = file.Write(data)
	if err = errors.Join(err, file.Sync(), file.Close(), f.sync()); err != nil {
		return errors.Join(fmt.Errorf("put a file: %w", nameless(err)), nameless(f.root.Remove(name)))
	}
	return nil
}

// sync makes the folder's list of names durable.
func (f *Files) sync() error {
	dir, err := f.root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Open reads a file. The error wraps [fs.ErrNotExist] when there is none.
func (f *Files) Open(name string) (io.ReadSeekCloser, error) {
	file, err := f.root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open a file: %w", nameless(err))
	}
	return file, nil
}

// Delete removes a file; one that is not there is no error.
func (f *Files) Delete(name string) error {
	if err := f.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete a file: %w", nameless(err))
	}
	return nil
}

// nameless is an error without the path that the os package puts into it: whoever has the name of a picture can fetch it,
// and errors are logged.
func nameless(err error) error {
	if at := (*fs.PathError)(nil); errors.As(err, &at) {
		return at.Err
	}
	return err
}

// Sweep removes the files that keep does not want: what a crash left between a file and its record. Nothing may be put
// meanwhile.
func (f *Files) Sweep(keep func(name string) (bool, error)) error {
	entries, err := fs.ReadDir(f.root.FS(), ".")
	if err != nil {
		return fmt.Errorf("list the files: %w", err)
	}
	for _, e := range entries {
		wanted, err := keep(e.Name())
		if err != nil {
			return err
		}
		if wanted {
			continue
		}
		if err := f.Delete(e.Name()); err != nil {
			return err
		}
	}
	return nil
}
