package backup

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"filippo.io/age"

	"github.com/dunnock-server/dunnock/storage"
)

// Source is what a backup is made of.
type Source struct {
	Database string // path of the database
	Files    string // path of the folder of its files; it may be missing
	Config   []byte // the configuration; nil: none is kept
	Ledger   bool   // keep the ledger of disclosures too
	// Progress is called now and then with how much of the work is done, in a unit of its own. Nil: nobody is told.
	Progress func(done, total int64)
}

// Report is what was written or read.
type Report struct {
	Manifest
	Rows    int64    `json:"rows"`
	Files   int      `json:"files"`
	Missing []string `json:"missing,omitempty"` // files that could not be read although they should be there
	Config  []byte   `json:"-"`                 // the configuration, if there is one
}

// perRow is what a row counts for beside the bytes of files, in the progress of the work.
const perRow = 512

// Write writes a backup to w, encrypted to each of the recipients (of which there must be one: nothing is written in clear).
// The node may run meanwhile. When it returns an error, what was written is of no use.
func Write(ctx context.Context, w io.Writer, to []age.Recipient, from Source) (report *Report, err error) {
	s, err := storage.OpenSnapshot(ctx, from.Database)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	sealed, err := age.Encrypt(w, to...)
	if err != nil {
		return nil, fmt.Errorf("encrypt the backup: %w", err)
	}
	packed := gzip.NewWriter(sealed)
	b := &writer{Source: from, snapshot: s, tar: tar.NewWriter(packed), gone: map[string]bool{}, end: end{Rows: map[string]int64{}}}
	if err := b.all(ctx); err != nil {
		return nil, fmt.Errorf("write the backup: %w", err)
	}
	if err := errors.Join(b.tar.Close(), packed.Close(), sealed.Close()); err != nil {
		return nil, fmt.Errorf("write the backup: %w", err)
	}
	return &b.report, nil
}

type writer struct {
	Source
	snapshot    *storage.Snapshot
	tar         *tar.Writer
	gone        map[string]bool // files that were deleted after the moment of the snapshot
	end         end
	report      Report
	done, total int64
}

func (b *writer) all(ctx context.Context) error {
	var err error
	m := &b.report.Manifest
	*m = Manifest{Format: format, MadeAt: time.Now().UTC().Truncate(time.Second), Ledger: b.Ledger}
	if m.Migrations, err = b.snapshot.Migrations(ctx); err != nil {
		return err
	}
	if m.Identity, err = b.snapshot.Setting(ctx, "identity"); err != nil {
		return fmt.Errorf("read whose node it is: %w", err)
	}
	tables, err := b.measure(ctx)
	if err != nil {
		return err
	}
	if err := b.json(manifestName, m); err != nil {
		return err
	}
	if b.Config != nil {
		if err := b.entry(configName, b.Config); err != nil {
			return err
		}
	}
	if err := b.files(ctx); err != nil {
		return err
	}
	for _, t := range tables {
		if err := b.rows(ctx, t); err != nil {
			return err
		}
	}
	return b.json(endName, b.end)
}

// measure returns the tables to write, and finds out how much that is.
func (b *writer) measure(ctx context.Context) ([]storage.Table, error) {
	tables, err := b.snapshot.Tables(ctx)
	if err != nil {
		return nil, err
	}
	if !b.Ledger {
		tables = slices.DeleteFunc(tables, func(t storage.Table) bool { return slices.Contains(storage.LedgerTables, t.Name) })
	}
	for _, t := range tables {
		n, err := b.snapshot.Count(ctx, t)
		if err != nil {
			return nil, err
		}
		b.total += n * perRow
	}
	blobs, err := b.snapshot.Blobs(ctx)
	for _, f := range blobs {
		b.total += f.Size
	}
	return tables, err
}

// files writes the files that have records. One whose record is gone by now was deleted while the backup was made; then
// its record is left out too.
func (b *writer) files(ctx context.Context) error {
	blobs, err := b.snapshot.Blobs(ctx)
	if err != nil || len(blobs) == 0 {
		return err
	}
	root, err := os.OpenRoot(b.Files)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	} else if err == nil {
		defer root.Close()
	}
	for _, f := range blobs {
		if err := ctx.Err(); err != nil {
			return err
		}
		data, fault := []byte(nil), fs.ErrNotExist
		if root != nil {
			data, fault = root.ReadFile(f.Name)
		}
		if fault != nil {
			if there, err := b.snapshot.Present(ctx, f.Name); err != nil {
				return err
			} else if there {
				b.report.Missing = append(b.report.Missing, f.Name)
			} else {
				b.gone[f.Name] = true
			}
			continue
		}
		if err := b.entry(mediaDir+f.Name, data); err != nil {
			return err
		}
		b.end.Files++
		b.step(f.Size)
	}
	b.report.Files = b.end.Files
	return nil
}

// rows writes a table.
func (b *writer) rows(ctx context.Context, t storage.Table) error {
	var rows bytes.Buffer
	n := 0
	flush := func() error {
		if rows.Len() == 0 {
			return nil
		}
		head, err := json.Marshal(chunk{Table: t.Name, Columns: t.Columns, Rows: [][]value{}})
		if err != nil {
			return err
		}
		data := slices.Concat(bytes.TrimSuffix(head, []byte("]}")), rows.Bytes(), []byte("]}"))
		rows.Reset()
		n++
		return b.entry(fmt.Sprintf("%s%s.%05d.json", tablesDir, t.Name, n), data)
	}
	row := make([]value, len(t.Columns))
	err := b.snapshot.Rows(ctx, t, func(values []any) error {
		if b.left(t, values) {
			return nil
		}
		for i, v := range values {
			row[i].any = v
		}
		if rows.Len() > 0 {
			rows.WriteByte(',')
		}
		line, err := json.Marshal(row)
		if err != nil {
			return err
		}
		rows.Write(line)
		b.end.Rows[t.Name]++
		b.report.Rows++
		b.step(perRow)
		if rows.Len() < chunkSize {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}

// left says that a row stays out: that of a file which is gone, and the count of ledger rows.
func (b *writer) left(t storage.Table, values []any) bool {
	name, _ := values[0].(string)
	return t.Name == "blobs" && b.gone[name] ||
		t.Name == storage.NumbersTable && !b.Ledger && slices.Contains(storage.LedgerTables, name)
}

func (b *writer) json(name string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return b.entry(name, append(data, '\n'))
}

func (b *writer) entry(name string, data []byte) error {
	err := b.tar.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(data)), ModTime: b.report.MadeAt, Format: tar.FormatPAX})
	if err != nil {
		return err
	}
	_, err = b.tar.Write(data)
	return err
}

func (b *writer) step(n int64) {
	b.done += n
	if b.Progress != nil {
		b.Progress(b.done, b.total)
	}
}
