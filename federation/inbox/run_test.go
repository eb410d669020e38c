package inbox

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/storage"
)

// Posts that came one after the other take effect in one write; when one of them cannot, it is as if each had come alone.
func TestPostsThatTakeEffectTogether(t *testing.T) {
	for name, c := range map[string]struct {
		third   error // what becomes of it
		at      int   // how many are there at once
		finally string
	}{
		"all can":              {nil, 5, "12345"},
		"one makes us stumble": {errPanic, 4, "1245"},
		"one has to wait":      {errors.New("disk on fire"), 2, "12345"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newCircle(t)
				tries, real := 0, handlers[vocab.TypeCreate]
				stumbling(t, vocab.TypeCreate, func(in *Inbox, ctx context.Context, a *activity) (effect, error) {
					do, err := real(in, ctx, a)
					if err != nil || !strings.HasSuffix(single(a.doc, "object"), "/3") {
						return do, err
					}
					return func(ctx context.Context, tx storage.Tx) error {
						if tries++; c.third == errPanic {
							panic("x")
						}
						return errors.Join(do(ctx, tx), c.third)
					}, nil
				})
				for _, id := range []string{"1", "2", "3", "4", "5"} {
					w.post(w.eve, w.hello(w.eve, id))
				}
				seen := func() (ids string) {
					for _, line := range w.notified() {
						ids = line[len(line)-1:] + ids
					}
					return ids
				}
				w.settle()
				if got := seen(); len(got) != c.at || c.third == nil && tries != 1 || tries > 4 {
					t.Errorf("at once %q, the third tried %d times", got, tries)
				}
				if c.third != errPanic {
					c.third = nil
				}
				time.Sleep(time.Hour)
				w.settle()
				if got := seen(); got != c.finally || w.waiting() != 0 {
					t.Errorf("%q in the end, %d wait; want %q", got, w.waiting(), c.finally)
				}
			})
		})
	}
}

// What is no post ends the posts before it, and takes effect after them and before those that follow.
func TestADeleteAmongPosts(t *testing.T) {
	w := newCircle(t)
	for _, id := range []string{"1", "2"} {
		w.post(w.eve, w.hello(w.eve, id))
	}
	w.post(w.eve, w.eve.act("Delete", w.eve.url("/notes/1")))
	w.post(w.eve, w.hello(w.eve, "3"))
	w.settle()
	equal(t, "notifications", w.notified(), "mention "+w.eve.uri+" "+w.eve.url("/notes/3"), "mention "+w.eve.uri+" "+w.eve.url("/notes/2"))
	if p := w.stored(w.eve.url("/notes/1")); p.DeletedAt.IsZero() {
		t.Error("what was deleted is there")
	}
}
