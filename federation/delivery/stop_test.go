package delivery_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestCrash: between the answer and its note. What was told is told again, under the same id, and meanwhile counts as
// told.
func TestCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ctx, crash := context.WithCancel(t.Context())
		w.far.answer = func(a arrival, _ header) int {
			crash()
			<-a.ctx.Done()
			return 202
		}
		a := w.post("http://a.example/inbox")
		w.post("http://a.example/inbox")
		if _, err := w.ProcessBatch(ctx); err != nil && ctx.Err() == nil {
			t.Error(err)
		}
		if rows := w.deliveries(); len(rows) != 2 || rows[0].Attempts != 1 || rows[1].Attempts != 0 || w.told(a) == "" {
			t.Errorf("after the crash: %+v, told %q", rows, w.told(a))
		}
		if h := w.host("a.example"); h.Failures != 0 {
			t.Errorf("the server is blamed: %+v", h)
		}
		w.far.set(func() { w.far.answer = nil })
		w.Queue = w.queue()
		w.batch(2)
		if got := w.far.arrivals(""); !slices.Equal(got, []string{"a.example/inbox 1", "a.example/inbox 1", "a.example/inbox 2"}) {
			t.Errorf("arrived: %q", got)
		}
	})
}

// TestWhatArrivedBeforeTheEndIsNoted, though its turn was cut short.
func TestWhatArrivedBeforeTheEndIsNoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ctx, stop := context.WithCancel(t.Context())
		w.far.answer = func(a arrival, _ header) int {
			if a.inbox == "a.example/2" {
				stop()
				<-a.ctx.Done()
			}
			return 202
		}
		w.post("http://a.example/1", "http://a.example/2")
		w.ProcessBatch(ctx)
		if rows := w.deliveries(); len(rows) != 1 || rows[0].Inbox != "http://a.example/2" {
			t.Errorf("left: %+v", rows)
		}
	})
}

func TestNoAttemptOnceItEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		a := w.post("http://a.example/inbox")
		if n, _ := w.ProcessBatch(ctx); n != 0 {
			t.Errorf("%d attempts", n)
		}
		if err := w.Run(ctx); err != nil {
			t.Error(err)
		}
		if rows := w.deliveries(); rows[0].Attempts != 0 || w.told(a) != "" || w.far.dialled("a.example") != 0 {
			t.Errorf("%+v", rows)
		}
		// Of many inboxes, those that were not begun stay so.
		w.post("http://b.example/1", "http://b.example/2", "http://b.example/3")
		ctx, cancel = context.WithCancel(t.Context())
		defer cancel()
		w.far.answer = func(arrival, header) int { cancel(); return 202 }
		w.Run(ctx)
		if got := w.far.arrivals("b.example"); len(got) > 1 {
			t.Errorf("arrived: %q", got)
		}
		if log := w.log.String(); strings.Contains(log, "ERROR") {
			t.Errorf("a stop is logged as a fault: %s", log)
		}
	})
}

// TestFailingDatabase is asked now and then, without a request to anybody, and is not logged line upon line.
func TestFailingDatabase(t *testing.T) {
	for name, spoil := range map[string]func(*world){
		"closed":         func(w *world) { w.db.Close() },
		"reads only":     func(w *world) { w.exec(deaf("told", "INSERT")) },
		"cannot settle":  func(w *world) { w.exec(deaf("hosts", "UPDATE")) },
		"has no ledger":  func(w *world) { w.exec(deaf("disclosures", "INSERT")) },
		"cannot attempt": func(w *world) { w.exec(deaf("deliveries", "UPDATE")) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				for range 3 {
					w.post("http://a.example/inbox", "http://b.example/inbox")
				}
				spoil(w)
				w.runFor(time.Hour)
				if n := strings.Count(w.log.String(), "ERROR"); n > 130 || name != "has no ledger" && n == 0 {
					t.Errorf("%d errors in an hour", n)
				}
				if n := len(w.far.arrivals("")); n > 0 && name != "cannot settle" || n > 250 {
					t.Errorf("%d requests in an hour", n)
				}
			})
		})
	}
}

// deaf is a trigger that makes a table refuse.
func deaf(table, verb string) string {
	return "CREATE TRIGGER deaf BEFORE " + verb + " ON " + table + " BEGIN SELECT RAISE(ABORT, 'deaf'); END"
}
