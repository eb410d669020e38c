package delivery_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/dunnock-server/dunnock/federation/delivery"
	"github.com/dunnock-server/dunnock/federation/httpsig"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/storage"
)

// meanwhile does something once, after an act was read to be told and before the attempt is written down.
func meanwhile(do func()) func(*Config, *egress.Config) {
	return func(c *Config, _ *egress.Config) {
		c.Parallel = 1
		c.Sign = func(ctx context.Context, actor string, scheme httpsig.Scheme) (hardening.Signer, error) {
			if do != nil {
				do()
				do = nil
			}
			return sign(ctx, actor, scheme)
		}
	}
}

// servers are inboxes of so many servers.
func servers(n int) (inboxes []string) {
	for i := range n {
		inboxes = append(inboxes, fmt.Sprintf("http://h%d.example/inbox", i))
	}
	return inboxes
}

// TestNobodyIsToldWhatAnActNoLongerSays: what is read once for many servers is not told after it was changed.
func TestNobodyIsToldWhatAnActNoLongerSays(t *testing.T) {
	const n = 10
	var w *world
	var act *storage.Act
	edit := func(to string) {
		document := strings.Replace(act.Document, `activities/1"`, `activities/`+to+`"`, 1)
		w.write(func(ctx context.Context, tx storage.Tx) error { return tx.SetActDocument(ctx, act.ID, document) })
	}
	w = newWorld(t, meanwhile(func() { edit("2") }))
	w.far.answer = func(arrival, header) int {
		if len(w.far.arrivals("")) == n/2 {
			edit("3")
		}
		return 202
	}
	act = w.post(servers(n)...)
	w.batch(n)
	told := map[byte]int{}
	for _, a := range w.far.arrivals("") {
		told[a[len(a)-1]]++
	}
	if told['1'] != 0 || told['2'] != n/2 || told['3'] != n/2 {
		t.Errorf("told of the act as it was at first, then and at last: %d %d %d", told['1'], told['2'], told['3'])
	}
}

// TestWithdrawnWhileItWaits: what was read with many is not told once it is withdrawn, and leaves no trace.
func TestWithdrawnWhileItWaits(t *testing.T) {
	var w *world
	var act *storage.Act
	w = newWorld(t, meanwhile(func() {
		w.write(func(ctx context.Context, tx storage.Tx) error { _, err := w.Withdraw(ctx, tx, act); return err })
	}))
	act = w.post(servers(20)...)
	w.batch(0)
	if got := w.far.arrivals(""); len(got) > 0 || w.told(act) != "" {
		t.Errorf("arrived: %q, told: %q", got, w.told(act))
	}
	for i := range 20 {
		if rows, err := w.db.Disclosures(t.Context(), fmt.Sprintf("h%d.example", i), storage.At(time.Unix(1, 0)), 1); err != nil || len(rows) > 0 {
			t.Errorf("the ledger says %+v, %v", rows, err)
		}
	}
}

// TestEachGetsItsNextAct: of many servers, some have several inboxes, several acts or a wait of their own.
func TestEachGetsItsNextAct(t *testing.T) {
	w := newWorld(t)
	inboxes := servers(20)
	w.post(append(inboxes[5:10:10], "http://h5.example/other")...)
	w.post(inboxes...)
	w.enqueue(w.act("Create", time.Hour), inboxes[10:15]...)
	w.post(inboxes[15:]...)
	w.batch(6 + 20 + 5)
	for i := range inboxes {
		want := []string{"2"}
		switch {
		case i >= 15:
			want = []string{"2", "4"}
		case i >= 5 && i < 10:
			want = []string{"1", "2"}
		}
		if got := w.far.taken(fmt.Sprintf("h%d.example/inbox", i)); !slices.Equal(got, want) {
			t.Errorf("server %d got %q, want %q", i, got, want)
		}
	}
	if got := w.far.taken("h5.example/other"); !slices.Equal(got, []string{"1"}) {
		t.Errorf("the other inbox got %q", got)
	}
}
