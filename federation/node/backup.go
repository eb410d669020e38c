package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"filippo.io/age"

	"github.com/dunnock-server/dunnock/storage"
	"github.com/dunnock-server/dunnock/storage/backup"
)

// partialName is where a backup is unpacked, below the data directory. What a crash leaves there is removed when the node
// is opened, or another backup restored.
const partialName = "restore.partial"

// ErrFiles says that there are pictures where a backup's should go.
var ErrFiles = errors.New("there is no database, but there are pictures in its media folder: move them away")

// Backup writes a backup of the node in the data directory dir to w, whether the node runs or not. See [backup.Write];
// database and files of the source are filled in.
func Backup(ctx context.Context, w io.Writer, to []age.Recipient, dir string, from backup.Source) (*backup.Report, error) {
	from.Database, from.Files = filepath.Join(dir, databaseName), filepath.Join(dir, mediaName)
	report, err := backup.Write(ctx, w, to, from)
	if errors.Is(err, fs.ErrNotExist) && missing(from.Database) {
		return nil, ErrNone
	}
	return report, err
}

// Check looks for damage to the node in the data directory dir, whether it runs or not. See [storage.Check].
func Check(ctx context.Context, dir string) ([]storage.Fault, error) {
	path := filepath.Join(dir, databaseName)
	if missing(path) {
		return nil, ErrNone
	}
	return storage.Check(ctx, path, filepath.Join(dir, mediaName))
}

// Restored is what a backup held, and what was wrong with the node already when it was made.
type Restored struct {
	*backup.Report
	Faults []storage.Fault `json:"faults"`
}

// Restore puts what is in a backup into the data directory dir, which is made if it is missing and must hold no node
// ([ErrExists], [ErrFiles]) and not be in use ([ErrLocked]). It is all or nothing: everything is unpacked beside its place
// and verified, then accept is asked, and only when it returns nil put in place, the database last.
func Restore(ctx context.Context, r io.Reader, with []age.Identity, dir string, accept func(*Restored) error) (_ *Restored, err error) {
	fresh := missing(dir)
	lock, err := takeLock(dir)
	if err != nil {
		return nil, err
	}
	partial := filepath.Join(dir, partialName)
	defer func() {
		err = errors.Join(err, os.RemoveAll(partial))
		if err != nil && fresh {
			_, _ = os.Remove(filepath.Join(dir, lockName)), os.Remove(dir) // as it was
		}
		err = errors.Join(err, lock.Close())
	}()
	if err := vacant(dir); err != nil {
		return nil, err
	}
	if err := errors.Join(os.RemoveAll(partial), os.Mkdir(partial, 0o700)); err != nil {
		return nil, fmt.Errorf("make room to unpack: %w", err)
	}
	at := backup.Destination{Database: filepath.Join(partial, databaseName), Files: filepath.Join(partial, mediaName)}
	report, err := backup.Read(ctx, r, with, at)
	if err != nil {
		return nil, err
	}
	faults, err := storage.Check(ctx, at.Database, at.Files)
	if err != nil {
		return nil, err
	}
	restored := &Restored{report, append([]storage.Fault{}, faults...)}
	if err := accept(restored); err != nil {
		return nil, err
	}
	return restored, place(dir, partial)
}

// vacant says whether a backup may be put into a data directory.
func vacant(dir string) error {
	for _, suffix := range []string{"", "-wal", "-journal"} {
		if !missing(filepath.Join(dir, databaseName+suffix)) {
			return ErrExists
		}
	}
	pictures, err := os.ReadDir(filepath.Join(dir, mediaName))
	if len(pictures) > 0 {
		return ErrFiles
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// place moves what was unpacked to where the node looks for it. With the database the node is there; before, it is not.
func place(dir, partial string) error {
	if err := os.Remove(filepath.Join(dir, mediaName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, name := range []string{mediaName, databaseName} {
		err := os.Rename(filepath.Join(partial, name), filepath.Join(dir, name))
		if err = errors.Join(err, settle(dir)); err != nil {
			return fmt.Errorf("put the backup in place: %w", err)
		}
	}
	return nil
}

// settle makes a folder's list of names survive a power cut.
func settle(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func missing(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}
