package storage

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestPatientWritesWaitForOthers, as long as all of them do and no longer than that.
func TestPatientWritesWaitForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := open(t)
		nothing := func(context.Context, Tx) error { return nil }
		took := func(ctxs ...context.Context) time.Duration {
			var all sync.WaitGroup
			begun := time.Now()
			for _, ctx := range ctxs {
				all.Go(func() {
					if err := db.Write(ctx, nothing); err != nil {
						t.Error(err)
					}
				})
				synctest.Wait() // in this order
			}
			all.Wait()
			return time.Since(begun)
		}
		now, patient := t.Context(), Patient(t.Context())
		var many []context.Context
		for range maxGroup {
			many = append(many, patient)
		}
		for name, c := range map[string]struct {
			ctxs []context.Context
			want time.Duration
		}{
			"one that does not wait":              {[]context.Context{now}, 0},
			"one that does":                       {[]context.Context{patient}, patience},
			"two that do":                         {[]context.Context{patient, patient}, patience},
			"one that does and one that does not": {[]context.Context{patient, now}, 0},
			"as many as a commit holds":           {many, 0},
		} {
			if d := took(c.ctxs...); d != c.want {
				t.Errorf("%s: %v, want %v", name, d, c.want)
			}
		}
		done := make(chan error)
		go func() { done <- db.Write(patient, nothing) }()
		synctest.Wait()
		begun := time.Now()
		if err := errors.Join(db.Close(), <-done); err != nil || time.Since(begun) > 0 {
			t.Errorf("closed after %v, %v", time.Since(begun), err)
		}
	})
}

// TestEditsAreCounted: whoever read an act before it was changed can tell, even beside the change in one commit.
func TestEditsAreCounted(t *testing.T) {
	db := open(t)
	for name, edit := range map[string]func(context.Context, Tx) error{
		"changed": func(ctx context.Context, tx Tx) error { return tx.SetActDocument(ctx, 1, "{}") },
		"gone":    func(ctx context.Context, tx Tx) error { return tx.ForgetActsAbout(ctx, "x") },
	} {
		before := db.Edits()
		write(t, db, func(ctx context.Context, tx Tx) error {
			if tx.Edits() != before {
				t.Errorf("%s: counted before it was", name)
			}
			if err := edit(ctx, tx); err != nil {
				return err
			}
			if tx.Edits() == before {
				t.Errorf("%s: not counted in its transaction", name)
			}
			return nil
		})
		if db.Edits() == before {
			t.Errorf("%s: not counted", name)
		}
		write(t, db, func(ctx context.Context, tx Tx) error {
			if tx.Edits() != db.Edits() {
				t.Errorf("%s: %d and %d", name, tx.Edits(), db.Edits())
			}
			return tx.InsertAct(ctx, &Act{URI: name, CreatedAt: moment})
		})
		if db.Edits() != before+1 {
			t.Errorf("%s: another act counted too", name)
		}
	}
}
