package retention_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestRun lets the keeper work by itself: what is young stays, what is old leaves within the hour, and a word ends it.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, short)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.keeper.Run(ctx) }()
		friend := w.join("friend.example", "friend")
		if _, err := w.service.Follow(t.Context(), friend); err != nil {
			t.Fatal(err)
		}
		f, err := w.db.Follow(t.Context(), w.owner, friend)
		if err != nil {
			t.Fatal(err)
		}
		w.send(friend, "Accept", f.Activity)
		w.settle()
		uri := w.note(friend)
		w.settle()
		if time.Sleep(short.Posts - time.Minute); !w.has(uri) {
			t.Error("a post left too early")
		}
		if time.Sleep(time.Hour + 2*time.Minute); w.has(uri) {
			t.Error("a post stayed for too long")
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestReadingHoldsNothing reads a post each day, which makes it leave neither later nor sooner.
func TestReadingHoldsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, short)
		stranger := w.join("other.example", "other")
		read, unread := w.note(stranger, "to", []string{w.owner}), w.note(stranger, "to", []string{w.owner})
		w.settle()
		for day := 1; day <= 10; day++ {
			days(1)
			if _, err := w.service.Thread(t.Context(), read); err != nil && day <= 9 {
				t.Fatal(err)
			}
			if _, _, err := w.service.Notifications(t.Context(), 10, ""); err != nil {
				t.Fatal(err)
			}
			w.forget()
			if stays := day <= 9; w.has(read) != stays || w.has(unread) != stays {
				t.Errorf("on day %d: the one that was read is there: %v, the other: %v", day, w.has(read), w.has(unread))
			}
		}
		if n := w.others.gets.Load(); n > 0 {
			t.Errorf("%d requests", n)
		}
	})
}
