package hardening_test

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/egress"
)

// TestNoLedgerNoByte holds for every way: with a ledger that is closed, and with one that can be read but not written.
func TestNoLedgerNoByte(t *testing.T) {
	for name, spoil := range map[string]func(*world){
		"closed": func(w *world) { w.db.Close() },
		"no table": func(w *world) {
			exec(w.t, w.path, "CREATE TRIGGER deaf BEFORE INSERT ON disclosures BEGIN SELECT RAISE(ABORT, 'read-only'); END")
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, hardening.Open(), ok)
			spoil(w)
			ctx := t.Context()
			if _, err := w.Deliver(ctx, delivery(inbox)); err == nil {
				t.Error("delivered")
			}
			if _, err := w.Fetch(ctx, hardening.Fetch{URL: "http://r.example/", Purpose: egress.Lookup}); err == nil {
				t.Error("fetched")
			}
			req, _ := http.NewRequestWithContext(ctx, "GET", "http://r.example/", nil)
			if res, err := w.Transport(egress.Names).RoundTrip(req); err == nil {
				res.Body.Close()
				t.Error("transported")
			}
			d := hardening.Document{Object: "o", Release: time.Unix(1, 0), Body: note()}
			if got, err := w.Serve(ctx, hardening.Viewer{Domain: "r.example"}, d); err == nil || got != nil {
				t.Errorf("served %q, %v", got, err)
			}
			if err := w.ServeMedia(ctx, hardening.Viewer{}, "a.png", time.Unix(1, 0), 1); err == nil {
				t.Error("media served")
			}
			w.silent()
		})
	}
}

// exec changes the database behind the back of storage.
func exec(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(context.Background(), statement); err != nil {
		t.Fatal(err)
	}
}

// TestNoRelayNoRow: nothing was tried, so there is nothing to write down.
func TestNoRelayNoRow(t *testing.T) {
	w := newWorldThrough(t, hardening.Open(), nil)
	ctx := t.Context()
	if _, err := w.Deliver(ctx, delivery(inbox)); !errors.Is(err, egress.ErrNoRelay) || !hardening.Temporary(err) {
		t.Errorf("Deliver: %v", err)
	}
	if _, err := w.Fetch(ctx, hardening.Fetch{URL: "http://r.example/", Purpose: egress.Lookup}); !errors.Is(err, egress.ErrNoRelay) {
		t.Errorf("Fetch: %v", err)
	}
	req, _ := http.NewRequestWithContext(ctx, "GET", "http://r.example/", nil)
	if res, err := w.Transport(egress.Certificate).RoundTrip(req); !errors.Is(err, egress.ErrNoRelay) {
		if err == nil {
			res.Body.Close()
		}
		t.Errorf("Transport: %v", err)
	}
	w.silent("r.example")
}
