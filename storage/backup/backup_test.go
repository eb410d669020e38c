package backup

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"filippo.io/age"

	"github.com/dunnock-server/dunnock/storage"
)

// home is a data directory in use.
type home struct {
	testing.TB
	dir   string
	db    *storage.DB
	files *storage.Files
	key   *age.X25519Identity
}

func newHome(t testing.TB) *home {
	t.Helper()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	h := &home{TB: t, dir: t.TempDir(), key: key}
	if h.db, err = storage.Open(t.Context(), storage.Config{Path: h.path()}); err != nil {
		t.Fatal(err)
	}
	if h.files, err = storage.OpenFiles(filepath.Join(h.dir, "media")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(h.db.Close(), h.files.Close()); err != nil {
			t.Error(err)
		}
	})
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	h.write(func(ctx context.Context, tx storage.Tx) error {
		return errors.Join(tx.SetSetting(ctx, "identity", "alice@a.example"),
			tx.SetProfile(ctx, &storage.Profile{Name: "alice", Summary: "\xff is no UTF-8, <&> is HTML, \u2028"}),
			tx.InsertKey(ctx, &storage.Key{ID: "k", Actor: "alice", Algorithm: storage.Ed25519, Private: der, CreatedAt: storage.Now()}),
			tx.InsertDisclosure(ctx, &storage.Disclosure{At: storage.Now(), Domain: "ledger.canary.example"}))
	})
	return h
}

func (h *home) path() string { return filepath.Join(h.dir, "dunnock.db") }

func (h *home) write(fn func(context.Context, storage.Tx) error) {
	h.Helper()
	if err := h.db.Write(h.Context(), fn); err != nil {
		h.Fatal(err)
	}
}

// picture keeps a file and its record.
func (h *home) picture(name string, data []byte) {
	h.Helper()
	if err := h.files.Put(name, data); err != nil {
		h.Fatal(err)
	}
	sum := sha256.Sum256(data)
	h.write(func(ctx context.Context, tx storage.Tx) error {
		return tx.InsertBlob(ctx, &storage.Blob{Name: name, Size: int64(len(data)), Hash: sum[:], CreatedAt: storage.Now()})
	})
}

func (h *home) backup(change ...func(*Source)) ([]byte, *Report) {
	h.Helper()
	from := Source{Database: h.path(), Files: filepath.Join(h.dir, "media"), Config: []byte("domain = 1\n")}
	for _, c := range change {
		c(&from)
	}
	var out bytes.Buffer
	report, err := Write(h.Context(), &out, []age.Recipient{h.key.Recipient()}, from)
	if err != nil {
		h.Fatal(err)
	}
	return out.Bytes(), report
}

// restore unpacks a backup somewhere.
func (h *home) restore(data []byte) (to Destination, report *Report, err error) {
	dir := h.TempDir()
	to = Destination{filepath.Join(dir, "dunnock.db"), filepath.Join(dir, "media")}
	report, err = Read(h.Context(), bytes.NewReader(data), []age.Identity{h.key}, to)
	return to, report, err
}

// plain is what is sealed in a backup.
func (h *home) plain(data []byte) []byte {
	h.Helper()
	r, err := age.Decrypt(bytes.NewReader(data), h.key)
	if err != nil {
		h.Fatal(err)
	}
	z, err := gzip.NewReader(r)
	if err != nil {
		h.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		h.Fatal(err)
	}
	return text
}

// rows are all rows of a database, by table.
func rows(t testing.TB, path string) map[string][]string {
	t.Helper()
	s, err := storage.OpenSnapshot(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	tables, err := s.Tables(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for _, table := range tables {
		err := s.Rows(t.Context(), table, func(values []any) error {
			found[table.Name] = append(found[table.Name], fmt.Sprintf("%T %q", values, values))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

func TestWhatIsRestoredIsWhatWasThere(t *testing.T) {
	h := newHome(t)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 20 {
		h.picture(fmt.Sprintf("%d.png", i), fmt.Appendf(nil, "%d", rng.Uint64()))
	}
	var gone storage.Act
	h.write(func(ctx context.Context, tx storage.Tx) error {
		for i := range 3000 { // more than a chunk
			_, err := tx.InsertPost(ctx, &storage.Post{URI: fmt.Sprint(i), Token: fmt.Sprint(i), Visibility: storage.Public,
				Content: strings.Repeat("words ", 100), CreatedAt: storage.Now(), Published: storage.Now()})
			if err != nil {
				return err
			}
		}
		gone = storage.Act{URI: "gone", Object: "deleted", CreatedAt: storage.Now()}
		return errors.Join(tx.InsertAct(ctx, &gone), tx.ForgetActsAbout(ctx, "deleted"))
	})
	data, wrote := h.backup(func(s *Source) { s.Ledger = true })
	to, read, err := h.restore(data)
	if err != nil {
		t.Fatal(err)
	}
	if read.Rows != wrote.Rows || read.Files != 20 || wrote.Files != 20 || string(read.Config) != "domain = 1\n" || read.Identity != "alice@a.example" || !read.Ledger {
		t.Errorf("wrote %+v, read %+v", wrote, read)
	}
	want, got := rows(t, h.path()), rows(t, to.Database)
	if !reflect.DeepEqual(got, want) {
		for table := range want {
			if !reflect.DeepEqual(got[table], want[table]) {
				t.Errorf("%s differs: %.200q, want %.200q", table, got[table], want[table])
			}
		}
	}
	if faults, err := storage.Check(t.Context(), to.Database, to.Files); err != nil || len(faults) > 0 {
		t.Errorf("the restored node: %v, %v", faults, err)
	}
	db, err := storage.Open(t.Context(), storage.Config{Path: to.Database})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	next := storage.Act{URI: "next", CreatedAt: storage.Now()}
	if err := db.Write(t.Context(), func(ctx context.Context, tx storage.Tx) error { return tx.InsertAct(ctx, &next) }); err != nil || next.ID <= gone.ID {
		t.Errorf("the number %d of a row that is gone was given again: %d, %v", gone.ID, next.ID, err)
	}
}

// TestBackupUnderLoad takes backups while pairs of rows are written and taken away, each pair in one transaction, and pictures
// come and go. Every backup must hold a state that was true at one moment.
func TestBackupUnderLoad(t *testing.T) {
	h := newHome(t)
	ctx, stop := context.WithCancel(t.Context())
	var load sync.WaitGroup
	var acknowledged atomic.Int64
	for w := range 4 {
		load.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				name := fmt.Sprintf("%d-%d", w, i)
				h.write(func(ctx context.Context, tx storage.Tx) error {
					err := errors.Join(tx.SetSetting(ctx, name, "pair"), tx.InsertAct(ctx, &storage.Act{URI: name, Object: name, Document: "{}", CreatedAt: storage.Now()}))
					if i%3 == 0 && i > 0 {
						before := fmt.Sprintf("%d-%d", w, i-1)
						err = errors.Join(err, tx.SetSetting(ctx, before, "alone"), tx.ForgetActsAbout(ctx, before))
					}
					return err
				})
				acknowledged.Add(1)
				if picture := name + ".png"; i%20 == 0 {
					h.picture(picture, []byte(picture))
					if i%40 == 0 {
						h.write(func(ctx context.Context, tx storage.Tx) error { return tx.DeleteBlob(ctx, picture) })
						if err := h.files.Delete(picture); err != nil {
							h.Error(err)
						}
					}
				}
			}
		})
	}
	defer func() { stop(); load.Wait() }()
	for range 5 {
		before := acknowledged.Load()
		for acknowledged.Load() < before+300 { // let some be written between two
			h.write(func(context.Context, storage.Tx) error { return nil })
		}
		before = acknowledged.Load()
		data, report := h.backup()
		to, _, err := h.restore(data)
		if err != nil {
			t.Fatal(err)
		}
		if faults, err := storage.Check(t.Context(), to.Database, to.Files); err != nil || len(faults) > 0 || len(report.Missing) > 0 {
			t.Errorf("the restored node: %.500s, %v, missing %v", fmt.Sprint(faults), err, report.Missing)
		}
		found := rows(t, to.Database)
		pairs, all := 0, 0
		for _, line := range found["settings"] {
			if strings.Contains(line, `"pair"`) {
				pairs++
			}
			all++
		}
		if pairs != len(found["acts"]) {
			t.Errorf("%d settings belong to %d acts: this was never true", pairs, len(found["acts"]))
		}
		if all-1 < int(before) {
			t.Errorf("%d writes were acknowledged before the backup, which has %d", before, all-1)
		}
		if after := acknowledged.Load(); after == before {
			t.Error("nothing was written while the backup was made")
		}
	}
}

// TestNothingMoreIsInABackup than what is there now: nothing deleted, no ledger, and nothing in clear on the way.
func TestNothingMoreIsInABackup(t *testing.T) {
	h := newHome(t)
	h.picture("a.png", []byte("deleted-canary-picture"))
	h.write(func(ctx context.Context, tx storage.Tx) error {
		return errors.Join(tx.InsertAct(ctx, &storage.Act{URI: "x", Object: "x", Document: "deleted-canary", CreatedAt: storage.Now()}),
			tx.SetSetting(ctx, "kept", "kept-canary"))
	})
	h.write(func(ctx context.Context, tx storage.Tx) error {
		return errors.Join(tx.ForgetActsAbout(ctx, "x"), tx.DeleteBlob(ctx, "a.png"))
	})
	before, err := os.ReadDir(h.dir)
	if err != nil {
		t.Fatal(err)
	}
	var during []os.DirEntry
	data, _ := h.backup(func(s *Source) {
		s.Progress = func(int64, int64) { during, _ = os.ReadDir(h.dir) }
	})
	if len(during) != len(before) {
		t.Errorf("while the backup was written there were %v, before that %v", during, before)
	}
	text := string(h.plain(data))
	if !strings.Contains(text, "kept-canary") {
		t.Error("the test sees nothing")
	}
	for _, canary := range []string{"deleted-canary", "ledger.canary", "disclosures"} {
		if strings.Contains(text, canary) {
			t.Errorf("the backup holds %s", canary)
		}
	}
	if bytes.Contains(data, []byte("kept-canary")) {
		t.Error("the backup is in clear")
	}
	data, _ = h.backup(func(s *Source) { s.Ledger = true })
	if !strings.Contains(string(h.plain(data)), "ledger.canary") {
		t.Error("the ledger is not there although it was asked for")
	}
}

// TestSpoiltBackupsAreRefused cuts a backup short and changes bits of it, at many places.
func TestSpoiltBackupsAreRefused(t *testing.T) {
	h := newHome(t)
	data, _ := h.backup()
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range 60 {
		spoilt := bytes.Clone(data)
		at := rng.IntN(len(data))
		if i%2 == 0 {
			spoilt = spoilt[:at]
		} else {
			spoilt[at] ^= 1 << rng.IntN(8)
		}
		_, _, err := h.restore(spoilt)
		if !errors.Is(err, ErrCutShort) && !errors.Is(err, ErrFormat) && !errors.Is(err, ErrKey) {
			t.Errorf("spoilt at %d of %d: %v", at, len(data), err)
		}
	}
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Read(t.Context(), bytes.NewReader(data), []age.Identity{other}, Destination{h.TempDir() + "/a", h.TempDir()}); !errors.Is(err, ErrKey) {
		t.Errorf("another key: %v", err)
	}
}

// TestForgedBackupsAreRefused: whoever knows the public key can make a backup.
func TestForgedBackupsAreRefused(t *testing.T) {
	h := newHome(t)
	data, _ := h.backup()
	for name, test := range map[string]struct {
		change func(name, text string) (string, string, bool) // false: leave the entry out
		want   error
	}{
		"later format": {func(n, s string) (string, string, bool) {
			return n, strings.Replace(s, `"format": 1`, `"format": 2`, 1), true
		}, ErrFormat},
		"newer schema":  {func(n, s string) (string, string, bool) { return n, strings.Replace(s, `"0001"`, `"9999"`, 1), true }, storage.ErrNewerSchema},
		"no end":        {func(n, s string) (string, string, bool) { return n, s, n != endName }, ErrCutShort},
		"rows left out": {func(n, s string) (string, string, bool) { return n, s, !strings.Contains(n, "tables/keys") }, ErrCutShort},
		"unknown table": {func(n, s string) (string, string, bool) {
			return n, strings.Replace(s, `"table":"keys"`, `"table":"evil"`, 1), true
		}, nil},
		"unknown column": {func(n, s string) (string, string, bool) {
			return n, strings.Replace(s, `"algorithm"`, `"a) --"`, 1), true
		}, nil},
		"wrong type": {func(n, s string) (string, string, bool) {
			return n, strings.Replace(s, `[[1,"alice"`, `[["x","alice"`, 1), true
		}, nil},
		"path": {func(n, s string) (string, string, bool) {
			return strings.Replace(n, configName, "media/../../x", 1), s, true
		}, nil},
		"strange entry": {func(n, s string) (string, string, bool) {
			return strings.Replace(n, configName, "etc/passwd", 1), s, true
		}, ErrFormat},
	} {
		forged := h.forge(data, test.change)
		if _, _, err := h.restore(forged); err == nil || test.want != nil && !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := h.restore(h.forge(data, func(n, s string) (string, string, bool) { return n, s, true })); err != nil {
		t.Errorf("the test spoils what it does not mean to: %v", err)
	}
}

// forge makes a backup of another one's entries.
func (h *home) forge(data []byte, change func(name, text string) (string, string, bool)) []byte {
	h.Helper()
	var out bytes.Buffer
	sealed, err := age.Encrypt(&out, h.key.Recipient())
	if err != nil {
		h.Fatal(err)
	}
	z := gzip.NewWriter(sealed)
	b := &writer{tar: tar.NewWriter(z)}
	for r := tar.NewReader(bytes.NewReader(h.plain(data))); ; {
		entry, err := r.Next()
		if err != nil {
			break
		}
		text, err := io.ReadAll(r)
		if err != nil {
			h.Fatal(err)
		}
		if name, text, ok := change(entry.Name, string(text)); ok {
			if err := b.entry(name, []byte(text)); err != nil {
				h.Fatal(err)
			}
		}
	}
	if err := errors.Join(b.tar.Close(), z.Close(), sealed.Close()); err != nil {
		h.Fatal(err)
	}
	return out.Bytes()
}

// TestBackupOfAnEarlierVersion restores what an earlier version of dunnock wrote.
func TestBackupOfAnEarlierVersion(t *testing.T) {
	h := newHome(t)
	h.picture("a.png", []byte("picture"))
	data, _ := h.backup()
	earlier := h.forge(data, func(name, text string) (string, string, bool) {
		switch {
		case name == manifestName:
			var m Manifest
			if err := json.Unmarshal([]byte(text), &m); err != nil {
				t.Fatal(err)
			}
			m.Migrations = m.Migrations[:1]
			b, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			return name, string(b), true
		case strings.HasPrefix(name, "tables/blobs"): // before files had a hash
			at := strings.LastIndex(text, ",")
			return name, strings.Replace(text[:at], `,"hash"`, "", 1) + "]]}", true
		}
		return name, text, true
	})
	to, _, err := h.restore(earlier)
	if err != nil {
		t.Fatal(err)
	}
	if faults, err := storage.Check(t.Context(), to.Database, to.Files); err != nil || len(faults) > 0 {
		t.Errorf("the restored node: %v, %v", faults, err)
	}
}
