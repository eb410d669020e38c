package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/dunnock-server/dunnock/cmd/dunnock-load/internal/bare"
	"github.com/dunnock-server/dunnock/cmd/dunnock-load/internal/child"
	"github.com/dunnock-server/dunnock/storage"
)

// workshop is where the program is built, by the first test that needs it.
var workshop string

var program = sync.OnceValues(func() (path string, err error) {
	if workshop, err = os.MkdirTemp("", "dunnock-load"); err != nil {
		return "", err
	}
	return child.Build(context.Background(), workshop)
})

func TestMain(m *testing.M) {
	bare.Main()
	code := m.Run()
	if workshop != "" {
		os.RemoveAll(workshop)
	}
	os.Exit(code)
}

// scaled is n at full scale, a tenth of it otherwise.
func scaled(n int) int {
	if os.Getenv("DUNNOCK_FULL") == "1" {
		return n
	}
	return n / 10
}

// found is a report by the names of its figures.
type found map[string]float64

// load runs a command on the real program, and gives its figures and exit code.
func load(t *testing.T, meddle func(*trial) error, arguments ...string) (found, int) {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	m := &Main{Stdout: &out, Stderr: &errs, meddle: meddle}
	code := m.Run(t.Context(), append(arguments, "--json", "--dunnock", path))
	var r report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("dunnock-load %s: %v\n%s%s", strings.Join(arguments, " "), err, &out, &errs)
	}
	f := found{}
	for _, figure := range r.Figures {
		f[figure.Name] = figure.Value
	}
	t.Logf("%s", &out)
	return f, code
}

// want holds figures to exact values.
func (f found) want(t *testing.T, want found) {
	t.Helper()
	for name, value := range want {
		if got, ok := f[name]; !ok || got != value {
			t.Errorf("%s: %v (there: %v), want %v", name, got, ok, value)
		}
	}
}

// spoil changes the database of the node that runs.
func spoil(change func(ctx context.Context, tx storage.Tx) error) func(*trial) error {
	return func(t *trial) error {
		ctx := context.Background()
		db, err := storage.Open(ctx, storage.Config{Path: t.node.Database()})
		if err != nil {
			return err
		}
		return errors.Join(db.Write(ctx, change), db.Close())
	}
}
