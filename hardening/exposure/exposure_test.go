package exposure_test

import (
	"context"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/hardening/exposure"
	"github.com/dunnock-server/dunnock/storage"
)

func open(t *testing.T) *exposure.Ledger {
	t.Helper()
	db, err := storage.Open(t.Context(), storage.Config{Path: filepath.Join(t.TempDir(), "dunnock.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return exposure.New(db)
}

func TestRowIsThereBeforeItIsSettled(t *testing.T) {
	l, ctx := open(t), t.Context()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	want := exposure.Row{At: at, Domain: "remote.example", Direction: exposure.Pushed, Purpose: "federation", Act: "Create",
		Object: "https://own.example/1", Fields: []string{"actor", "id"}, Exit: "vps", Times: 1, Last: at}
	e, err := l.Begin(ctx, want, nil)
	if err != nil {
		t.Fatal(err)
	}
	rows := func() []exposure.Row {
		rows, err := l.Domain(ctx, "remote.example", at, 10)
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	if got := rows(); len(got) != 1 || !reflect.DeepEqual(got[0], want) {
		t.Fatalf("before it is settled: %+v", got)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if err := e.Settle(ended, 202, 512); err != nil {
		t.Fatalf("an ended context keeps the row from being settled: %v", err)
	}
	if got := rows()[0]; got.Status != 202 || got.Bytes != 512 || got.SettledAt.IsZero() {
		t.Errorf("after: %+v", got)
	}
	if _, err := l.Prune(ctx, at.Add(time.Second), 10); err != nil {
		t.Fatal(err)
	}
	if got := rows(); len(got) != 0 {
		t.Errorf("after pruning: %+v", got)
	}
}
