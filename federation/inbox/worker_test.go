package inbox

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dunnock-server/dunnock/federation/httpsig"
	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/storage"
)

// stumbling replaces the handler of a kind of activity while a test runs.
func stumbling(t *testing.T, kind string, h handler) {
	real := handlers[kind]
	handlers[kind] = h
	t.Cleanup(func() { handlers[kind] = real })
}

func (n *node) waiting() int64 {
	n.t.Helper()
	count, err := n.db.CountInbound(n.t.Context())
	if err != nil {
		n.t.Fatal(err)
	}
	return count
}

func TestOneEffectHoweverOftenItComes(t *testing.T) {
	w := newCircle(t)
	mine := w.own(storage.Public).URI
	var acts []obj
	for i := range 5 {
		acts = append(acts, w.eve.act("Create", w.eve.note(fmt.Sprint(i), "x", obj{"inReplyTo": mine})), w.eve.act("EmojiReact", mine, obj{"content": fmt.Sprint(i)}))
	}
	acts = append(acts, w.eve.act("Follow", w.ids.Owner()))
	var senders sync.WaitGroup
	for range 8 {
		senders.Go(func() {
			for _, act := range acts {
				if status := w.do(w.eve.signed(encode(t, act), httpsig.RFC9421)); status != http.StatusAccepted {
					t.Errorf("the inbox answers %d", status)
				}
			}
		})
		if _, err := w.in.ProcessBatch(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	senders.Wait()
	w.settle()
	if n := len(w.notified()); n != len(acts) {
		t.Errorf("%d notifications of %d activities: %q", n, len(acts), w.notified())
	}
	if acts, err := w.db.Deliveries(t.Context(), 10); err != nil || len(acts) != 1 {
		t.Errorf("%d answers to one Follow, %v", len(acts), err)
	}
}

// TestActorsActInOrder: a Create whose post has to be fetched and cannot be for now holds up its Delete, and nobody else.
func TestActorsActInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newCircle(t)
		uri := w.friend.url("/notes/1")
		w.friend.serve("/notes/1", http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusBadGateway) }))
		w.post(w.friend, w.friend.act("Create", uri))
		w.post(w.friend, w.friend.act("Create", w.friend.note("2", "later")))
		w.post(w.victim, w.victim.act("Create", w.victim.note("3", "of somebody else")))
		w.settle()
		equal(t, "timeline", w.timeline(), w.victim.url("/notes/3"))
		if n := w.waiting(); n != 2 {
			t.Errorf("%d wait", n)
		}
		w.friend.publish(w.friend.note("1", "at last"))
		for range 100 {
			if w.settle(); w.waiting() == 0 {
				break
			}
			time.Sleep(time.Minute)
		}
		equal(t, "timeline", w.timeline(), w.friend.url("/notes/2"), uri, w.victim.url("/notes/3"))
	})
}

// TestGivingUp: what needs a server that never answers is dropped, and does not ask too often until then.
func TestGivingUp(t *testing.T) {
	for name, c := range map[string]struct {
		act   func(w circle) obj
		after time.Duration
	}{
		"post":  {func(w circle) obj { return w.friend.act("Create", w.friend.url("/notes/1")) }, giveUp},
		"boost": {func(w circle) obj { return w.friend.act("Announce", w.eve.url("/notes/1")) }, giveUpBoost},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newCircle(t)
				w.friend.offline()
				w.eve.offline()
				start := time.Now()
				w.post(w.friend, c.act(w))
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() { done <- w.in.Run(ctx) }()
				for w.waiting() > 0 {
					if time.Sleep(5 * time.Minute); time.Since(start) > c.after+10*time.Minute {
						t.Fatal("it is tried for ever")
					}
				}
				if took := time.Since(start); took < c.after {
					t.Errorf("given up after %v", took)
				}
				asked, err := w.db.Disclosures(t.Context(), map[string]string{"post": "friend.example", "boost": "eve.example"}[name], storage.At(start), 1000)
				if err != nil || len(asked) < 5 || len(asked) > 40 {
					t.Errorf("asked %d times, %v", len(asked), err)
				}
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestServersThatStall hold up the others for a bounded time, and a short one if they are strangers'.
func TestServersThatStall(t *testing.T) {
	for _, friend := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			w := newCircle(t)
			from, limit := w.eve, impatience
			if friend {
				from, limit = w.friend, patience
			}
			from.serve("/notes/1", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
			w.post(from, from.act("Create", from.url("/notes/1"), obj{"to": w.ids.Owner()}))
			start := time.Now()
			w.settle()
			if took := time.Since(start); took == 0 || took > limit {
				t.Errorf("friend %v: it took %v", friend, took)
			}
			if n := w.waiting(); n != 1 {
				t.Errorf("%d wait", n)
			}
		})
	}
}

// TestStoppingLeavesWhatIsUnderWay in the queue, as if it had not been tried.
func TestStoppingLeavesWhatIsUnderWay(t *testing.T) {
	w := newCircle(t)
	asked := make(chan struct{})
	w.friend.serve("/notes/1", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { close(asked); <-r.Context().Done() }))
	w.post(w.friend, w.friend.act("Create", w.friend.url("/notes/1")))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := w.in.ProcessBatch(ctx)
		done <- err
	}()
	<-asked
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if rows, err := w.db.DueInbound(t.Context(), storage.Now(), 10); err != nil || len(rows) != 1 || rows[0].Attempts != 0 {
		t.Errorf("%+v, %v", rows, err)
	}
}

func TestAPanicCostsOneActivity(t *testing.T) {
	for name, h := range map[string]handler{
		"preparing": func(*Inbox, context.Context, *activity) (effect, error) { panic("x") },
		"applying": func(*Inbox, context.Context, *activity) (effect, error) {
			return func(ctx context.Context, tx storage.Tx) error {
				if err := tx.SetSetting(ctx, "half", "done"); err != nil {
					return err
				}
				panic("x")
			}, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newCircle(t)
			stumbling(t, vocab.TypeFlag, h)
			w.post(w.eve, w.eve.act("Flag", w.ids.Owner()))
			w.post(w.eve, w.hello(w.eve, "1"))
			w.settle()
			w.stored(w.eve.url("/notes/1"))
			if _, err := w.db.Setting(t.Context(), "half"); !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("half of an effect is left: %v", err)
			}
			if n := w.waiting(); n != 0 {
				t.Errorf("%d wait", n)
			}
		})
	}
}

// TestAFailedEffectIsTriedAgain whole, and what its actor sent later waits for it.
func TestAFailedEffectIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newCircle(t)
		tries := 0
		stumbling(t, vocab.TypeFlag, func(*Inbox, context.Context, *activity) (effect, error) {
			return func(ctx context.Context, tx storage.Tx) error {
				tries++
				if err := tx.SetSetting(ctx, "tries", fmt.Sprint(tries)); err != nil || tries > 2 {
					return err
				}
				return errors.New("disk on fire")
			}, nil
		})
		w.post(w.eve, w.eve.act("Flag", w.ids.Owner()))
		w.post(w.eve, w.hello(w.eve, "1"))
		w.settle()
		w.absent(w.eve.url("/notes/1"))
		if _, err := w.db.Setting(t.Context(), "tries"); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("half of an effect is left: %v", err)
		}
		for range 10 {
			time.Sleep(time.Minute)
			w.settle()
		}
		w.stored(w.eve.url("/notes/1"))
		if got, err := w.db.Setting(t.Context(), "tries"); got != "3" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	})
}

// TestABlockInBetweenCounts: an activity that was prepared before the owner blocked its actor has no effect after.
func TestABlockInBetweenCounts(t *testing.T) {
	w := newCircle(t)
	real := handlers[vocab.TypeFollow]
	stumbling(t, vocab.TypeFollow, func(in *Inbox, ctx context.Context, a *activity) (effect, error) {
		do, err := real(in, ctx, a)
		w.relate(w.eve, storage.Block)
		return do, err
	})
	w.take(w.eve, w.eve.act("Follow", w.ids.Owner()))
	if s := w.between(w.eve.uri, w.ids.Owner()); s != "" {
		t.Errorf("follow: %q", s)
	}
}

func TestRunWakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newCircle(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.in.Run(ctx) }()
		synctest.Wait()
		first := w.hello(w.eve, "1")
		w.post(w.eve, first)
		time.Sleep(time.Millisecond)
		w.stored(w.eve.url("/notes/1"))
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestBackoffGrowsAndScatters(t *testing.T) {
	var last time.Duration
	for n := range 30 {
		low, high := backoff(n), backoff(n)
		for range 100 {
			d := backoff(n)
			low, high = min(low, d), max(high, d)
		}
		full := min(maxBackoff, firstBackoff<<min(n, maxDoublings))
		if low < full/2 || high > full || low == high || full < last {
			t.Errorf("after %d failures: %v to %v", n, low, high)
		}
		last = full
	}
}
