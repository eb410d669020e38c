package storage

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// underWay is how old a file without a record is before it counts as left over: it is written before its record is.
const underWay = time.Hour

const remedyFile = "copy it from a backup (`dunnock restore --into DIR` elsewhere), or delete the post, or set the profile's picture anew"

// files compares the files in dir with their records: every one must be there, whole and unchanged. It reads them all.
func (s *Snapshot) files(ctx context.Context, dir string) (faults []Fault, err error) {
	blobs, err := s.Blobs(ctx)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) && len(blobs) == 0 {
		return nil, nil
	} else if err != nil {
		return []Fault{{dir, "the folder of pictures cannot be opened: " + nameless(err).Error(), remedyFile}}, nil
	}
	defer root.Close()
	recorded := map[string]bool{}
	for i := range blobs {
		if err := ctx.Err(); err != nil {
			return faults, err
		}
		recorded[blobs[i].Name] = true
		problem := blobs[i].fault(root)
		if problem == "" {
			continue
		}
		if there, err := s.Present(ctx, blobs[i].Name); err != nil {
			return faults, err
		} else if there { // else it was deleted just now
			faults = append(faults, Fault{"picture " + blobs[i].Name, problem, remedyFile})
		}
	}
	files, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return faults, fmt.Errorf("list %s: %w", dir, nameless(err))
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil || recorded[f.Name()] || time.Since(info.ModTime()) < underWay {
			continue
		}
		if there, err := s.Present(ctx, f.Name()); err != nil {
			return faults, err
		} else if !there {
			faults = append(faults, Fault{"picture " + f.Name(), "no record refers to it", "none is needed: the node removes it when it starts"})
		}
	}
	return faults, nil
}

// Present says whether a file has a record now, whatever it had at the moment of the snapshot.
func (s *Snapshot) Present(ctx context.Context, name string) (bool, error) {
	_, err := Queries{s.pool}.Blob(ctx, name)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// fault says what is wrong with the file of a record, if anything.
func (b *Blob) fault(dir *os.Root) string {
	f, err := dir.Open(b.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return "it is missing"
	} else if err != nil {
		return "it cannot be opened: " + nameless(err).Error()
	}
	defer f.Close()
	sum := sha256.New()
	size, err := io.Copy(sum, f)
	switch {
	case err != nil:
		return "it cannot be read: " + nameless(err).Error()
	case size != b.Size:
		return fmt.Sprintf("it has %d bytes, not %d", size, b.Size)
	case len(b.Hash) > 0 && !bytes.Equal(b.Hash, sum.Sum(nil)):
		return "its bytes are not those that were kept: the disk has changed them"
	}
	return ""
}
