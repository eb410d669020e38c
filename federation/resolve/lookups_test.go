package resolve

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/hardening"
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
