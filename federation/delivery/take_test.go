package delivery

import (
	"testing"

	"github.com/dunnock-server/dunnock/storage"
)

// TestWhoWasBusyIsLookedAtAgain: what was queued for a server while its goroutine was about to leave is not forgotten.
func TestWhoWasBusyIsLookedAtAgain(t *testing.T) {
	q := New(Config{})
	a, b := storage.Host{Host: "a.example"}, storage.Host{Host: "b.example"}
	take := func(want int, beyond bool, due ...storage.Host) {
		t.Helper()
		if free := q.take(due, beyond); len(free) != want {
			t.Errorf("%d are free, want %d", len(free), want)
		}
	}
	leave := func(want bool, h storage.Host) {
		t.Helper()
		if again := q.leave(h); again != want {
			t.Errorf("%s is to be looked at again: %v", h.Host, again)
		}
	}
	take(2, false, a, b)
	take(0, false, a)
	leave(true, a)
	leave(false, b)
	take(2, true, a, b)
	leave(true, b)
	take(0, false, a)
	take(1, false, b)
	leave(false, b)
	leave(true, a)
}
