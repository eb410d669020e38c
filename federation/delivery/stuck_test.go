package delivery_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestOneBadInboxOfAServer does not stop the server's others, neither of the same act nor, for long, of the next.
func TestOneBadInboxOfAServer(t *testing.T) {
	for _, code := range []int{500, 404} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.far.answer = status(map[string]int{"a.example/1": code})
			var inboxes []string
			for i := range 10 {
				inboxes = append(inboxes, fmt.Sprintf("http://a.example/%d", i))
			}
			w.post(inboxes...)
			w.batch(10)
			w.post(inboxes...)
			w.runFor(10 * time.Minute)
			for i, inbox := range inboxes {
				want := []string{"1", "2"}
				if got := w.far.taken(strings.TrimPrefix(inbox, "http://")); i != 1 && !slices.Equal(got, want) {
					t.Errorf("%d: within ten minutes %s took %q", code, inbox, got)
				}
			}
			rows := w.deliveries()
			if len(rows) == 0 || !rows[0].GivenUp || rows[0].Error != fmt.Sprintf("answered with status %d", code) {
				t.Errorf("%d: %+v", code, rows)
			}
		})
	}
}

// TestInboxThatSeemsToBeTheServer answers that it is busy: that ends the turn, but it does not always stand in front.
func TestInboxThatSeemsToBeTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.far.answer = status(map[string]int{"a.example/1": 503})
		w.post("http://a.example/1", "http://a.example/2", "http://a.example/3")
		w.batch(1)
		w.runFor(10 * time.Minute)
		for _, inbox := range []string{"a.example/2", "a.example/3"} {
			if got := w.far.taken(inbox); !slices.Equal(got, []string{"1"}) {
				t.Errorf("%s took %q", inbox, got)
			}
		}
	})
}

// TestActThatAServerTripsOver is given up when the server takes the next one; a server that takes neither keeps both.
func TestActThatAServerTripsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ill := true
		w.far.answer = func(a arrival, _ header) int {
			if ill || a.act == "1" {
				return 500
			}
			return 202
		}
		w.post("http://a.example/inbox")
		w.post("http://a.example/inbox")
		w.runFor(12 * time.Hour)
		if rows := w.deliveries(); len(rows) != 2 || rows[0].GivenUp || rows[1].GivenUp {
			t.Fatalf("while the server is ill: %+v", rows)
		}
		ill = false
		w.runFor(12 * time.Hour)
		rows := w.deliveries()
		if len(rows) != 1 || !rows[0].GivenUp || rows[0].ActID != 1 || rows[0].Error != "answered with status 500" {
			t.Errorf("afterwards: %+v", rows)
		}
		if got := w.far.taken("a.example/inbox"); !slices.Equal(got, []string{"2"}) {
			t.Errorf("took: %q", got)
		}
	})
}

// TestOneRefusalAfterASilence is forgiven: the attempts of the silence do not count against the act.
func TestOneRefusalAfterASilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.far.down["a.example"] = true
		w.post("http://a.example/inbox")
		w.post("http://a.example/inbox")
		w.runFor(48 * time.Hour)
		requests := 0
		w.far.set(func() {
			delete(w.far.down, "a.example")
			w.far.answer = func(arrival, header) int {
				if requests++; requests == 1 {
					return 500
				}
				return 202
			}
		})
		w.runFor(48 * time.Hour)
		if got := w.far.arrivals(""); !slices.Equal(got, []string{"a.example/inbox 1", "a.example/inbox 1", "a.example/inbox 2"}) {
			t.Errorf("arrived: %q", got)
		}
	})
}
