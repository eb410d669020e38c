package hardening_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/storage"
)

// TestKeptViewIsForItsRulesAlone: what was made of a document for one domain is not what a domain under other rules gets,
// whichever of them comes first.
func TestKeptViewIsForItsRulesAlone(t *testing.T) {
	for _, first := range []string{"told", "asked"} {
		var told string
		w := newWorld(t, hardening.Open(), func(rw http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			told = string(b)
			rw.WriteHeader(http.StatusAccepted)
		})
		update := create()
		update["type"], update["object"] = "Update", person()
		views := new(hardening.Views)
		tell := func() {
			for _, inbox := range []string{"http://r.example/inbox", "http://s.example/inbox"} {
				d := delivery(inbox)
				d.Document, d.Known, d.Views, told = update, true, views, ""
				if _, err := w.Deliver(t.Context(), d); err != nil || !strings.Contains(told, `"Update"`) || !strings.Contains(told, `"summary"`) {
					t.Errorf("%s first: told %s, %v", first, told, err)
				}
			}
		}
		ask := func() { // without a key nobody sees an act
			got, err := w.Serve(t.Context(), hardening.Viewer{}, hardening.Document{Release: long, Body: update, Views: views})
			if !errors.Is(err, hardening.ErrHidden) {
				t.Errorf("%s first: asked without a key, shown %s, %v", first, got, err)
			}
		}
		if first == "told" {
			tell()
			ask()
		} else {
			ask()
			tell()
		}
	}
}

// TestKeptViewDoesNotReplaceThePolicy: a domain that may not be told of such acts is not, however many others are.
func TestKeptViewDoesNotReplaceThePolicy(t *testing.T) {
	w := newWorld(t, hardening.Open(), ok)
	views := new(hardening.Views)
	d := delivery(inbox)
	d.Views = views
	if _, err := w.Deliver(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	closed := hardening.Open()
	closed.Signed.Acts = nil
	strict := newWorld(t, closed, ok)
	if _, err := strict.Deliver(t.Context(), d); !errors.Is(err, hardening.ErrWithheld) {
		t.Errorf("withheld kind: %v", err)
	}
	strict.silent("r.example")
	narrow := newWorld(t, without("Note", "contentMap"), func(rw http.ResponseWriter, r *http.Request) {
		if b, _ := io.ReadAll(r.Body); strings.Contains(string(b), "CANARY") {
			t.Errorf("told %s", b)
		}
	})
	if _, err := narrow.Deliver(t.Context(), d); err != nil {
		t.Error(err)
	}
}

// TestAlsoIsWrittenWithTheRow: both or neither, and before the first byte.
func TestAlsoIsWrittenWithTheRow(t *testing.T) {
	var w *world
	during := ""
	w = newWorld(t, hardening.Open(), func(rw http.ResponseWriter, r *http.Request) {
		during, _ = w.db.Setting(context.Background(), "also")
	})
	fault := errors.New("no")
	d := delivery(inbox)
	d.Also = func(ctx context.Context, tx storage.Tx) error {
		return errors.Join(tx.SetSetting(ctx, "also", "written"), fault)
	}
	if _, err := w.Deliver(t.Context(), d); !errors.Is(err, fault) {
		t.Errorf("%v", err)
	}
	w.silent("r.example")
	if v, err := w.db.Setting(t.Context(), "also"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("%q, %v", v, err)
	}
	fault = nil
	if _, err := w.Deliver(t.Context(), d); err != nil || during != "written" || len(w.rows("r.example")) != 1 {
		t.Errorf("%v, %q", err, during)
	}
}
