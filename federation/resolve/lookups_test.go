package resolve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/sanitize"
)

func TestOneLookUpForAllWhoAskAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		v := w.net.site("v.example")
		alice := v.person("alice")
		open := make(chan struct{})
		answer := doc(alice.document("alice"))
		v.serve("/users/alice", func(rw http.ResponseWriter, r *http.Request) { <-open; answer(rw, r) })
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if a, err := w.Actor(t.Context(), alice.uri); err != nil || a.Handle != "alice@v.example" {
					t.Errorf("%+v, %v", a, err)
				}
			})
		}
		synctest.Wait()
		close(open)
		wg.Wait()
		w.net.counted(t, "v.example /users/alice", finger("v.example", "alice"))
	})
}

func TestWhoLeavesDoesNotFailTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		v := w.net.site("v.example")
		alice := v.person("alice")
		answer := doc(alice.document("alice"))
		v.serve("/users/alice", func(rw http.ResponseWriter, r *http.Request) { time.Sleep(5 * time.Second); answer(rw, r) })
		first, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		start := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := w.Actor(first, alice.uri)
			if !errors.Is(err, ErrUnreachable) || !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
				t.Errorf("who left has %v after %v", err, time.Since(start))
			}
		})
		synctest.Wait()
		wg.Go(func() {
			if _, err := w.Actor(t.Context(), alice.uri); err != nil {
				t.Errorf("who stayed has %v", err)
			}
		})
		wg.Wait()
		w.net.counted(t, "v.example /users/alice", finger("v.example", "alice"))
	})
}

// A stranger who hangs up at once must not be able to have somebody asked over and over.
func TestALookUpEndsThoughNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		v := w.net.site("v.example")
		v.serve("/users/nobody", func(rw http.ResponseWriter, r *http.Request) { time.Sleep(time.Second); rw.WriteHeader(404) })
		for range 20 {
			ctx, hangUp := context.WithCancel(t.Context())
			go func() { synctest.Wait(); hangUp() }()
			if _, err := w.Fetch(ctx, v.url("/users/nobody")); !errors.Is(err, ErrUnreachable) {
				t.Fatal(err)
			}
		}
		w.Close()
		if _, err := w.Fetch(t.Context(), v.url("/users/nobody")); !errors.Is(err, ErrGone) {
			t.Errorf("remembered: %v", err)
		}
		w.net.counted(t, "v.example /users/nobody")
	})
}

func TestALookUpHasATimeOfItsOwn(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"no answer": stuck,
		"a byte a second": func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Type", vocab.ContentType)
			for r.Context().Err() == nil {
				rw.Write([]byte(" "))
				rw.(http.Flusher).Flush()
				select {
				case <-time.After(time.Second):
				case <-r.Context().Done():
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				v := w.net.site("v.example")
				v.serve("/slow", answer)
				start := time.Now()
				for range 3 {
					if _, err := w.Fetch(t.Context(), v.url("/slow")); !errors.Is(err, ErrUnreachable) {
						t.Errorf("error %v", err)
					}
				}
				if took := time.Since(start); took != lookFor {
					t.Errorf("it took %v", took)
				}
				w.net.counted(t, "v.example /slow")
			})
		})
	}
}

func TestNobodySpendsTheBudgetOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		v := w.net.site("v.example")
		alice := v.person("alice")
		v.serve("/alice", func(rw http.ResponseWriter, r *http.Request) { time.Sleep(time.Second); moved(alice.uri)(rw, r) })
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := w.Fetch(hardening.WithBudget(t.Context(), 1), v.url("/alice")); !errors.Is(err, hardening.ErrBudget) {
				t.Errorf("the poor one has %v", err)
			}
		})
		synctest.Wait()
		rich := hardening.WithBudget(t.Context(), 3)
		wg.Go(func() {
			if d, err := w.Fetch(rich, v.url("/alice")); err != nil || d.ID() != alice.uri {
				t.Errorf("the rich one has %v", err)
			}
		})
		wg.Wait()
		w.net.counted(t, "v.example /alice", "v.example /alice", "v.example /users/alice")
		if _, err := w.Fetch(rich, v.url("/left")); !errors.Is(err, ErrGone) {
			t.Errorf("the budget was spent by somebody else: %v", err)
		}
	})
}

func TestAPanicFailsTheLookUpAlone(t *testing.T) {
	w := newWorld(t)
	_, err := w.documents.do(t.Context(), "k", func(context.Context) (vocab.Object, error) { panic("secret of a stranger") })
	if !errors.Is(err, ErrRefused) || strings.Contains(err.Error(), "secret") {
		t.Errorf("error %v", err)
	}
	if logged := w.log.String(); !strings.Contains(logged, "level=ERROR") || strings.Contains(logged, "secret") {
		t.Errorf("logged %q", logged)
	}
}

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
