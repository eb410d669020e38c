package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"

	"github.com/ncruces/go-sqlite3"
)

// checksums gives each page of a database that has none yet a checksum (SQLite's cksumvfs format): a bit that the disk
// loses anywhere in it is then noticed when the page is read, and not passed on. Other programs that write the file would
// not keep them; they can read it.
func checksums(path, vfs string) error {
	if info, err := os.Stat(path); err != nil || info.Size() > 0 {
		return err
	}
	q := url.Values{"modeof": {path}}
	if vfs != "" {
		q.Set("vfs", vfs)
	}
	c, err := sqlite3.Open((&url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: q.Encode()}).String())
	if err != nil {
		return err
	}
	return errors.Join(c.EnableChecksums("main"), c.Close())
}

// damaged names the pages of a file that SQLite will not open: those whose checksum is wrong, or the file as a whole.
func damaged(path string, cause error) ([]Fault, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	name := filepath.Base(path)
	if plain := (*sqlite3.Error)(nil); errors.As(cause, &plain) {
		cause = plain // without the advice, which is to check
	}
	whole := []Fault{{name, "it cannot be opened: " + cause.Error(), remedyRestore}}
	head := make([]byte, 100)
	if _, err := io.ReadFull(f, head); err != nil {
		return whole, nil
	}
	size := int(binary.BigEndian.Uint16(head[16:]))
	if size == 1 {
		size = 1 << 16
	}
	if !bytes.HasPrefix(head, []byte("SQLite format 3\x00")) || size < 512 || size&(size-1) != 0 || head[20] != 8 {
		return append(whole, Fault{name + ", page 1", "its first bytes are not those of a database of dunnock's", remedyRestore}), nil
	}
	var faults []Fault
	page := make([]byte, size)
	for n := 1; len(faults) < maxFaults; n++ {
		if _, err := io.ReadFull(io.NewSectionReader(f, int64(n-1)*int64(size), int64(size)), page); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			faults = append(faults, Fault{name, fmt.Sprintf("page %d cannot be read: %v", n, err), remedyRestore})
			continue
		}
		if !bytes.Equal(checksum(page[:size-8]), page[size-8:]) {
			faults = append(faults, Fault{name, fmt.Sprintf("page %d: its checksum is wrong: the disk has changed it", n), remedyRestore})
		}
	}
	if len(faults) == 0 {
		return whole, nil
	}
	return faults, nil
}

// checksum is that of https://sqlite.org/cksumvfs.html.
func checksum(page []byte) []byte {
	var a, b uint32
	for ; len(page) >= 8; page = page[8:] {
		a += binary.LittleEndian.Uint32(page) + b
		b += binary.LittleEndian.Uint32(page[4:]) + a
	}
	return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, a), b)
}
