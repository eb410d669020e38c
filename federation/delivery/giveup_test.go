package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/dunnock-server/dunnock/federation/delivery"
	"github.com/dunnock-server/dunnock/storage"
)

func TestGivenUpAfterSevenDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var gaveUp []string
		w := newWorld(t, func(c *Config, _ *egressConfig) {
			c.GaveUp = func(ctx context.Context, tx storage.Tx, act *storage.Act, d storage.Delivery) error {
				gaveUp = append(gaveUp, fmt.Sprint(number(act), " ", time.Since(start).Round(24*time.Hour)))
				if !d.GivenUp || d.Error == "" || d.Inbox != "http://a.example/inbox" {
					t.Errorf("%+v", d)
				}
				return tx.Notify(ctx, &storage.Notification{Kind: "given_up", Object: act.Object, CreatedAt: storage.Now()})
			}
		})
		w.far.down["a.example"] = true
		w.post("http://a.example/inbox")
		w.post("http://a.example/inbox")
		w.runFor(3 * 24 * time.Hour)
		w.post("http://a.example/inbox") // it gets its own seven days
		w.runFor(4*24*time.Hour - time.Hour)
		if len(gaveUp) > 0 {
			t.Errorf("within seven days: %q", gaveUp)
		}
		w.runFor(2 * 24 * time.Hour)
		// Both that waited for seven days, though only the first was ever tried.
		if want := []string{"1 168h0m0s", "2 168h0m0s"}; !slices.Equal(gaveUp, want) {
			t.Errorf("given up: %q", gaveUp)
		}
		notes, err := w.db.Notifications(t.Context(), 0, 10)
		if err != nil || len(notes) != 2 {
			t.Errorf("%+v, %v", notes, err)
		}
		w.far.set(func() { delete(w.far.down, "a.example") })
		w.runFor(7 * time.Hour)
		if got := w.far.arrivals(""); !slices.Equal(got, []string{"a.example/inbox 3"}) {
			t.Errorf("when it is back it gets %q", got)
		}
		w.post("http://a.example/inbox")
		w.batch(1) // what was given up is in nobody's way
	})
}

// TestGaveUpIsInTheTransaction: when it fails, the delivery is not given up.
func TestGaveUpIsInTheTransaction(t *testing.T) {
	fault := errors.New("no")
	w := newWorld(t, notify(func(storage.Delivery) error { return fault }))
	w.far.answer = status(map[string]int{"a.example": 404})
	w.post("http://a.example/inbox")
	if _, err := w.ProcessBatch(t.Context()); !errors.Is(err, fault) {
		t.Error(err)
	}
	if rows := w.deliveries(); len(rows) != 1 || rows[0].GivenUp {
		t.Errorf("%+v", rows)
	}
}

// TestSevenDaysAreTheServers: neither time in which nothing could leave counts, nor that before its last answer.
func TestSevenDaysAreTheServers(t *testing.T) {
	const day = 24 * time.Hour
	for name, before := range map[string]func(w *world){
		"no relay": func(w *world) {
			back := w.Queue
			w.Queue = w.queue(func(_ *Config, e *egressConfig) { e.Relays = nil })
			w.runFor(6 * day)
			w.Queue = back
		},
		"answers": func(w *world) {
			w.runFor(6 * day)
			w.far.set(func() {
				delete(w.far.down, "a.example")
				w.far.answer = func(a arrival, _ header) int { return map[string]int{"1": 404}[a.act] } // 0: none
			})
			w.runFor(7 * time.Hour)
			if rows := w.deliveries(); !rows[0].GivenUp {
				w.t.Errorf("%+v", rows)
			}
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.far.down["a.example"] = true
			w.post("http://a.example/inbox")
			w.post("http://a.example/inbox")
			before(w)
			w.runFor(6 * day)
			if rows := w.deliveries(); rows[1].GivenUp {
				t.Errorf("%s: after six days of failing: %+v", name, rows)
			}
			w.runFor(2 * day)
			if rows := w.deliveries(); !rows[1].GivenUp {
				t.Errorf("%s: after eight days of failing: %+v", name, rows)
			}
		})
	}
}

// number is an act's place in a test.
func number(a *storage.Act) string { return a.URI[strings.LastIndexByte(a.URI, '/')+1:] }
