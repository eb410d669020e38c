package hardening_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/egress"
)

func TestBudget(t *testing.T) {
	var hops atomic.Int32
	w := newWorld(t, hardening.Open(), func(rw http.ResponseWriter, r *http.Request) {
		hops.Add(1)
		if r.URL.Path == "/loop" {
			http.Redirect(rw, r, "/loop", http.StatusFound)
		}
	})
	fetch := func(ctx context.Context, path string) error {
		_, err := w.Fetch(ctx, hardening.Fetch{URL: "http://r.example" + path, Purpose: egress.Lookup})
		return err
	}
	for name, c := range map[string]struct {
		path  string
		times int
		ctx   func(context.Context) context.Context
		hops  int32
	}{
		"five":               {"/", 9, func(c context.Context) context.Context { return hardening.WithBudget(c, 5) }, 5},
		"none":               {"/", 2, func(c context.Context) context.Context { return hardening.WithBudget(c, 0) }, 0},
		"below none":         {"/", 2, func(c context.Context) context.Context { return hardening.WithBudget(c, -1) }, 0},
		"redirects count":    {"/loop", 2, func(c context.Context) context.Context { return hardening.WithBudget(c, 5) }, 5},
		"the inner is less":  {"/", 9, func(c context.Context) context.Context { return hardening.WithBudget(hardening.WithBudget(c, 5), 2) }, 2},
		"the inner is more":  {"/", 9, func(c context.Context) context.Context { return hardening.WithBudget(hardening.WithBudget(c, 2), 5) }, 2},
		"without one no end": {"/", 9, func(c context.Context) context.Context { return c }, 9},
	} {
		hops.Store(0)
		ctx := c.ctx(t.Context())
		var last error
		for range c.times {
			last = fetch(ctx, c.path)
		}
		if got := hops.Load(); got != c.hops || errors.Is(last, hardening.ErrBudget) != (name != "without one no end") {
			t.Errorf("%s: %d hops, %v", name, got, last)
		}
	}
	// What an inner budget spends is gone from the outer one.
	outer := hardening.WithBudget(t.Context(), 3)
	for range 2 {
		if err := fetch(hardening.WithBudget(outer, 1), "/"); err != nil {
			t.Fatal(err)
		}
	}
	if err := fetch(outer, "/"); err != nil {
		t.Error(err)
	}
	if err := fetch(outer, "/"); !errors.Is(err, hardening.ErrBudget) {
		t.Error(err)
	}
}

// TestBudgetIsSharedByGoroutines: many at once spend no more than there is.
func TestBudgetIsSharedByGoroutines(t *testing.T) {
	var hops atomic.Int32
	w := newWorld(t, hardening.Open(), func(http.ResponseWriter, *http.Request) { hops.Add(1) })
	ctx := hardening.WithBudget(t.Context(), 5)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { w.Fetch(ctx, hardening.Fetch{URL: "http://r.example/", Purpose: egress.Lookup}) })
	}
	wg.Wait()
	if hops.Load() != 5 {
		t.Errorf("%d hops", hops.Load())
	}
}
