package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dunnock-server/dunnock/storage"
)

func TestEnqueueIsPartOfTheTransaction(t *testing.T) {
	w := newWorld(t)
	a, undo := w.act("Create", 0), errors.New("undo")
	err := w.db.Write(t.Context(), func(ctx context.Context, tx storage.Tx) error {
		if err := w.Enqueue(ctx, tx, a, []string{"http://a.example/inbox"}); err != nil {
			return err
		}
		return undo
	})
	if !errors.Is(err, undo) {
		t.Fatal(err)
	}
	if _, err := w.db.ActByURI(t.Context(), a.URI); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("the act: %v", err)
	}
	if rows, h := w.deliveries(), w.host("a.example"); len(rows) > 0 || !h.DueAt.IsZero() {
		t.Errorf("left over: %+v, %+v", rows, h)
	}
	w.batch(0)
	if got := w.far.arrivals(""); len(got) > 0 {
		t.Errorf("arrived: %q", got)
	}
}

func TestOneBadInboxOfTen(t *testing.T) {
	w := newWorld(t)
	inboxes := []string{"http://0.example/inbox", "mailto:x@y.example", "http://1.example/inbox", "", "http://%zz/", "ftp://2.example/",
		"http://u@3.example/", "http://4.example\\@5.example/", "http://a b.example/", "/inbox", "http://6.example/inbox",
		"http://1.example/inbox", "http://1.example:80/inbox2", "http://127.0.0.1/inbox"}
	w.post(inboxes...)
	w.batch(5)
	got := w.far.arrivals("")
	slices.Sort(got)
	if want := []string{"0.example/inbox 1", "1.example/inbox 1", "1.example/inbox2 1", "6.example/inbox 1"}; !slices.Equal(got, want) {
		t.Errorf("arrived: %q", got)
	}
	// What may not be dialled is seen at the attempt, and given up.
	if rows := w.deliveries(); len(rows) != 1 || !rows[0].GivenUp || rows[0].Host != "127.0.0.1" || rows[0].Error == "" {
		t.Errorf("left: %+v", rows)
	}
}

func TestManyInboxes(t *testing.T) {
	w := newWorld(t)
	inboxes := make([]string, 10_000)
	for i := range inboxes {
		inboxes[i] = fmt.Sprintf("http://a-rather-long-host-name-for-a-server-%d.example/users/somebody/inbox", i)
	}
	w.post(inboxes...)
	if n := len(w.deliveries()); n != len(inboxes) {
		t.Errorf("%d deliveries", n)
	}
}

func TestNothingLeavesBeforeItsRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		never := w.act("Create", 0)
		never.ReleaseAt = storage.Time{}
		w.enqueue(never, "http://a.example/inbox")
		w.enqueue(w.act("Create", time.Hour), "http://a.example/inbox")
		w.enqueue(w.act("Create", 30*time.Minute), "http://a.example/inbox")
		w.batch(0)
		time.Sleep(30*time.Minute - time.Millisecond)
		w.batch(0)
		time.Sleep(time.Millisecond)
		w.batch(1)
		time.Sleep(24 * time.Hour)
		w.batch(1)
		w.batch(0)
		if got := w.far.arrivals(""); !slices.Equal(got, []string{"a.example/inbox 3", "a.example/inbox 2"}) {
			t.Errorf("arrived: %q", got)
		}
	})
}

func TestWithdraw(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.far.down["down.example"] = true
		w.far.answer = status(map[string]int{"sick.example": 500, "gone.example": 410})
		withdraw := func(a *storage.Act) (told []string) {
			t.Helper()
			w.write(func(ctx context.Context, tx storage.Tx) (err error) {
				told, err = w.Withdraw(ctx, tx, a)
				return err
			})
			return told
		}
		untold := w.act("Create", time.Hour)
		w.enqueue(untold, "http://ok.example/inbox")
		w.batch(0)
		if told := withdraw(untold); len(told) > 0 {
			t.Errorf("never sent, told: %q", told)
		}
		time.Sleep(2 * time.Hour)
		w.batch(0)
		if got := w.far.arrivals(""); len(got) > 0 {
			t.Errorf("arrived: %q", got)
		}

		partly := w.post("http://ok.example/inbox", "http://sick.example/inbox", "http://down.example/inbox", "http://gone.example/inbox",
			"http://127.0.0.1/inbox")
		w.batch(5)
		w.far.set(func() { w.far.down["sick.example"] = true })
		w.runFor(5 * time.Minute) // it is not reached any more, but it was
		// Whoever got the request may know, whatever it answered; who was never reached does not.
		want := []string{"http://gone.example/inbox", "http://ok.example/inbox", "http://sick.example/inbox"}
		if told := withdraw(partly); !slices.Equal(told, want) {
			t.Errorf("told: %q", told)
		}
		if rows := w.deliveries(); len(rows) > 0 {
			t.Errorf("left: %+v", rows)
		}
		time.Sleep(24 * time.Hour)
		w.batch(0)
	})
}

// TestWithdrawnInFlight: one of a server's inboxes is withdrawn while the other is being told. That is no failure of the
// server.
func TestWithdrawnInFlight(t *testing.T) {
	w := newWorld(t)
	a := w.act("Create", 0)
	w.enqueue(a, "http://a.example/1", "http://a.example/2")
	later := w.post("http://a.example/1")
	w.far.answer = func(got arrival, _ header) int {
		if got.act == "1" {
			w.write(func(ctx context.Context, tx storage.Tx) error {
				told, err := w.Withdraw(ctx, tx, a)
				if !slices.Equal(told, []string{"http://a.example/1"}) {
					t.Errorf("told: %q", told)
				}
				return err
			})
		}
		return 202
	}
	w.batch(2)
	if got := w.far.arrivals(""); !slices.Equal(got, []string{"a.example/1 1", "a.example/1 2"}) {
		t.Errorf("arrived: %q", got)
	}
	if h := w.host("a.example"); h.Failures != 0 || !h.DueAt.IsZero() {
		t.Errorf("%+v", h)
	}
	if w.told(later) == "" {
		t.Error("what came after is not noted as told")
	}
}

func TestWithheldIsDroppedQuietly(t *testing.T) {
	gaveUp := 0
	w := newWorld(t, notify(func(storage.Delivery) error { gaveUp++; return nil }))
	like := w.act("Like", 0)
	w.enqueue(like, "http://a.example/inbox")
	w.post("http://a.example/inbox")
	w.batch(2)
	if got := w.far.arrivals(""); !slices.Equal(got, []string{"a.example/inbox 2"}) {
		t.Errorf("arrived: %q", got)
	}
	if rows := w.deliveries(); len(rows) > 0 || gaveUp > 0 || w.told(like) != "" {
		t.Errorf("left: %+v, %d given up, told %q", rows, gaveUp, w.told(like))
	}
}
