package delivery_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/dunnock-server/dunnock/federation/delivery"
)

func TestOrderBetweenServersIsRandom(t *testing.T) {
	w := newWorld(t, parallel(1))
	var inboxes []string
	for i := range 12 {
		inboxes = append(inboxes, fmt.Sprintf("http://%02d.example/inbox", i))
	}
	orders := map[string]bool{}
	for range 4 {
		w.far.set(func() { w.far.got = nil })
		w.post(inboxes...)
		w.batch(12)
		var order []string
		for _, a := range w.far.arrivals("") {
			order = append(order, a[:2])
		}
		orders[strings.Join(order, " ")] = true
		if slices.IsSorted(order) {
			t.Errorf("sorted: %q", order)
		}
	}
	if len(orders) != 4 { // by chance once in 10⁸
		t.Errorf("the same again: %v", orders)
	}
}

// TestLimits: of one server, and of all, no more at once than was said.
func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, parallel(3), func(c *Config, _ *egressConfig) { c.PerHost = 2 })
		var all, most atomic.Int32
		one, mostOfOne := map[string]*atomic.Int32{}, atomic.Int32{}
		var inboxes []string
		for h := range 6 {
			host := fmt.Sprintf("%d.example", h)
			one[host] = new(atomic.Int32)
			for i := range 8 {
				inboxes = append(inboxes, fmt.Sprintf("http://%s/%d", host, i))
			}
		}
		w.far.answer = func(a arrival, _ header) int {
			top(&most, all.Add(1))
			top(&mostOfOne, one[a.host()].Add(1))
			time.Sleep(time.Second)
			all.Add(-1)
			one[a.host()].Add(-1)
			return 202
		}
		w.post(inboxes...)
		w.batch(48)
		if most.Load() != 6 || mostOfOne.Load() != 2 {
			t.Errorf("%d at once, %d of one server", most.Load(), mostOfOne.Load())
		}
	})
}

func top(of *atomic.Int32, n int32) {
	for {
		if m := of.Load(); n <= m || of.CompareAndSwap(m, n) {
			return
		}
	}
}
