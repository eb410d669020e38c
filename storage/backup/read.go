package backup

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"

	"filippo.io/age"

	"github.com/dunnock-server/dunnock/storage"
)

// Destination is where a backup is unpacked.
type Destination struct {
	Database string // path of a database that is not there yet
	Files    string // path of a folder that is empty or not there yet
}

// Read unpacks a backup and says what was in it. Everything is written as it comes and verified as far as the end: what
// was written is of use only when the error is nil. Errors wrap [ErrKey], [ErrFormat], [ErrCutShort] or
// [storage.ErrNewerSchema].
func Read(ctx context.Context, r io.Reader, with []age.Identity, to Destination) (*Report, error) {
	opened, err := age.Decrypt(r, with...)
	if none := (*age.NoIdentityMatchError)(nil); errors.As(err, &none) {
		return nil, fmt.Errorf("open the backup: %w", ErrKey)
	} else if err != nil {
		return nil, fmt.Errorf("open the backup: %w (%w)", ErrFormat, err)
	}
	packed, err := gzip.NewReader(opened)
	if err != nil {
		return nil, fmt.Errorf("open the backup: %w (%w)", broken(err), err)
	}
	b := &reader{tar: tar.NewReader(packed), got: end{Rows: map[string]int64{}}}
	if b.files, err = storage.OpenFiles(to.Files); err != nil {
		return nil, err
	}
	err = b.all(ctx, to)
	if err == nil {
		// The end of what is packed and of what is sealed: both are proof that nothing is missing.
		if n, fault := io.Copy(io.Discard, packed); fault != nil {
			err = fmt.Errorf("%w (%w)", ErrCutShort, fault)
		} else if n > 1<<20 {
			err = ErrFormat
		}
	}
	if b.copy != nil {
		closing := ctx
		if err != nil { // nothing is brought up to date
			stopped, stop := context.WithCancel(ctx)
			stop()
			closing = stopped
		}
		if fault := b.copy.Close(closing); err == nil {
			err = fault
		}
	}
	if err = errors.Join(err, b.files.Close()); err != nil {
		return nil, fmt.Errorf("read the backup: %w", err)
	}
	return &b.report, nil
}

type reader struct {
	tar    *tar.Reader
	copy   *storage.Copy
	files  *storage.Files
	got    end
	report Report
}

func (b *reader) all(ctx context.Context, to Destination) error {
	name, data, err := b.entry()
	if err != nil {
		return err
	}
	m := &b.report.Manifest
	if name != manifestName || json.Unmarshal(data, m) != nil || m.Format != format {
		return ErrFormat
	}
	if b.copy, err = storage.NewCopy(ctx, to.Database, m.Migrations); err != nil {
		return err
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		name, data, err := b.entry()
		if err != nil {
			return err
		}
		file, isFile := strings.CutPrefix(name, mediaDir)
		switch {
		case name == endName:
			return b.finish(data)
		case name == configName:
			b.report.Config = data
		case isFile:
			if err := b.files.Put(file, data); err != nil {
				return err
			}
			b.got.Files++
		case strings.HasPrefix(name, tablesDir):
			if err := b.rows(ctx, data); err != nil {
				return err
			}
		default:
			return fmt.Errorf("%w: it has an entry that none should have", ErrFormat)
		}
	}
}

// entry reads the next entry.
func (b *reader) entry() (name string, data []byte, err error) {
	h, err := b.tar.Next()
	if err != nil {
		return "", nil, fmt.Errorf("%w (%w)", broken(err), err)
	}
	if h.Typeflag != tar.TypeReg || h.Size > maxEntry {
		return "", nil, ErrFormat
	}
	if data, err = io.ReadAll(b.tar); err != nil {
		return "", nil, fmt.Errorf("%w (%w)", broken(err), err)
	}
	return h.Name, data, nil
}

// broken is what an error of reading means. Whoever made the stream had the key, so what is wrong inside of it was cut off
// or changed on the way.
func broken(err error) error {
	if errors.Is(err, tar.ErrHeader) || errors.Is(err, gzip.ErrHeader) {
		return ErrFormat
	}
	return ErrCutShort
}

func (b *reader) rows(ctx context.Context, data []byte) error {
	var c chunk
	if err := json.Unmarshal(data, &c); err != nil {
		return fmt.Errorf("%w (%w)", ErrFormat, err)
	}
	rows := make([][]any, len(c.Rows))
	for i, row := range c.Rows {
		rows[i] = make([]any, len(row))
		for j, v := range row {
			rows[i][j] = v.any
		}
	}
	b.got.Rows[c.Table] += int64(len(rows))
	b.report.Rows += int64(len(rows))
	return b.copy.Insert(ctx, storage.Table{Name: c.Table, Columns: c.Columns}, rows)
}

// finish compares what came with what should have.
func (b *reader) finish(data []byte) error {
	var said end
	if err := json.Unmarshal(data, &said); err != nil {
		return fmt.Errorf("%w (%w)", ErrFormat, err)
	}
	b.report.Files = b.got.Files
	if said.Files != b.got.Files || !maps.Equal(said.Rows, b.got.Rows) {
		return ErrCutShort
	}
	if _, _, err := b.entry(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: it goes on after its end", ErrFormat)
	}
	return nil
}
