package resolve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/sanitize"
)

func TestMissesExpire(t *testing.T) {
	for _, tt := range []struct {
		err  error
		kept time.Duration
	}{
		{ErrGone, missGoneFor},
		{fmt.Errorf("%w: 403", ErrRefused), missGoneFor},
		{ErrUnreachable, missFor},
		{ErrUnverified, missFor},
		{hardening.ErrBudget, 0},
		{fmt.Errorf("%w: %w", ErrUnreachable, egress.ErrRelayDown), 0},
		{errors.New("the disk is full"), 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			asked := 0
			all := new(sync.WaitGroup)
			l := newLookups[int](all, slog.New(slog.DiscardHandler))
			ask := func() {
				t.Helper()
				if _, err := l.do(t.Context(), "k", func(context.Context) (int, error) { asked++; return 0, tt.err }); !errors.Is(err, tt.err) {
					t.Fatal(err)
				}
				all.Wait()
			}
			ask()
			time.Sleep(tt.kept)
			if ask(); tt.kept > 0 && asked != 1 {
				t.Errorf("%v: asked again within %v", tt.err, tt.kept)
			}
			time.Sleep(time.Millisecond)
			if ask(); asked < 2 {
				t.Errorf("%v: not asked again after %v", tt.err, tt.kept)
			}
		})
	}
}

func TestMissesAreBounded(t *testing.T) {
	all := new(sync.WaitGroup)
	l := newLookups[int](all, slog.New(slog.DiscardHandler))
	var asked atomic.Int64
	fail := func(context.Context) (int, error) { asked.Add(1); return 0, ErrGone }
	for i := range 3 * maxMisses {
		l.do(t.Context(), fmt.Sprint(i), fail)
	}
	all.Wait()
	if len(l.misses) > maxMisses || len(l.misses) < maxMisses/2 || len(l.running) > 0 {
		t.Errorf("%d misses, %d running", len(l.misses), len(l.running))
	}
	if asked.Load() != 3*maxMisses {
		t.Errorf("asked %d times", asked.Load())
	}
	if l.do(t.Context(), fmt.Sprint(3*maxMisses-1), fail); asked.Load() != 3*maxMisses {
		t.Error("the last one was forgotten")
	}
	long := strings.Repeat("x", sanitize.MaxURL+1)
	if _, err := l.do(t.Context(), long, fail); !errors.Is(err, ErrRefused) || asked.Load() != 3*maxMisses {
		t.Errorf("a long key: %v", err)
	}
	if len(l.misses) > 0 && l.misses[long].err != nil {
		t.Error("a long key is kept")
	}
}

// What somebody could not be asked as must not keep them from being asked as something else.
func TestMissesOfOneKindAreNoneOfAnother(t *testing.T) {
	w := newWorld(t)
	v, e := w.net.site("v.example"), w.net.site("e.example")
	alice, eve := v.person("alice"), e.person("eve")
	note := v.url("/notes/1")
	v.serve("/notes/1", doc(alice.note("/notes/1")))

	if _, err := w.Refresh(t.Context(), note); !errors.Is(err, ErrRefused) {
		t.Fatalf("a note is an actor: %v", err)
	}
	if _, err := w.Authenticate(t.Context(), eve.get(note), nil, ""); !errors.Is(err, ErrUnverified) {
		t.Fatalf("a note is a key: %v", err)
	}
	if _, err := w.Fetch(t.Context(), v.url("/.well-known/webfinger?resource=acct%3Aalice%40v.example")); !errors.Is(err, ErrRefused) {
		t.Fatalf("a handle is a document: %v", err)
	}
	if p, err := w.Post(t.Context(), note); err != nil || p.Author != alice.uri {
		t.Errorf("the note is not to be had: %v", err)
	}
	if a, err := w.Handle(t.Context(), "alice@v.example"); err != nil || a.URI != alice.uri {
		t.Errorf("the handle is not to be had: %v", err)
	}
}
