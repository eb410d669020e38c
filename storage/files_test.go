package storage

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "media")
	f, err := OpenFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Put("a.png", []byte("picture")); err != nil {
		t.Fatal(err)
	}
	if err := f.Put("a.png", []byte("other")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a file was overwritten: %v", err)
	}
	r, err := f.Open("a.png")
	if err != nil {
		t.Fatal(err)
	}
	if data, _ := io.ReadAll(r); string(data) != "picture" {
		t.Errorf("read %q", data)
	}
	r.Close()
	if info, _ := os.Stat(filepath.Join(dir, "a.png")); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %04o", info.Mode().Perm())
	}
	if err := f.Put("b.png", nil); err != nil {
		t.Fatal(err)
	}
	if err := f.Sweep(func(name string) (bool, error) { return name == "a.png", nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Open("b.png"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the swept file: %v", err)
	}
	for range 2 {
		if err := f.Delete("a.png"); err != nil {
			t.Error(err)
		}
	}
}

func TestFilesStayInTheirFolder(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte("canary"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := OpenFiles(filepath.Join(dir, "media"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, name := range []string{"../secret", "/etc/passwd", "x/../../secret"} {
		if r, err := f.Open(name); err == nil {
			r.Close()
			t.Errorf("opened %s", name)
		}
		if err := f.Put(name, nil); err == nil {
			t.Errorf("wrote %s", name)
		}
	}
}
