package exposure_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dunnock-server/dunnock/hardening/exposure"
)

// rows are what the ledger has of a domain.
func rows(t *testing.T, l *exposure.Ledger, domain string) []exposure.Row {
	t.Helper()
	rows, err := l.Domain(t.Context(), domain, time.Time{}.AddDate(1970, 0, 0), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func pull(t *testing.T, l *exposure.Ledger, r exposure.Row) {
	t.Helper()
	r.At = time.Now()
	if err := l.Pulled(t.Context(), r); err != nil {
		t.Error(err)
	}
}

func TestPullsOfAnHourAreOneRow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // begins at a full hour
		l := open(t)
		row := exposure.Row{Domain: "a.example", Purpose: "serve", Act: "Person", Object: "o", Fields: []string{"id", "type"}, Bytes: 10, Status: 200}
		start := time.Now()
		for range 3 {
			pull(t, l, row)
			time.Sleep(10 * time.Minute)
		}
		if got := rows(t, l, "a.example"); len(got) != 1 || got[0].Times != 3 || got[0].Bytes != 30 ||
			!got[0].At.Equal(start) || !got[0].Last.Equal(start.Add(20*time.Minute)) || got[0].SettledAt.IsZero() {
			t.Errorf("%+v", got)
		}
		for name, other := range map[string]func(*exposure.Row){
			"view": func(r *exposure.Row) { r.Fields = []string{"id"} }, "object": func(r *exposure.Row) { r.Object = "p" },
			"exit": func(r *exposure.Row) { r.Exit = "tor" }, "act": func(r *exposure.Row) { r.Act = "Note" },
			"hour": func(*exposure.Row) { time.Sleep(31 * time.Minute) },
		} {
			before := len(rows(t, l, "a.example"))
			r := row
			other(&r)
			pull(t, l, r)
			if got := rows(t, l, "a.example"); len(got) != before+1 || got[0].Times != 1 {
				t.Errorf("another %s: %+v", name, got)
			}
		}
		pull(t, l, exposure.Row{Domain: "b.example", Act: "Person", Object: "o"})
		if got := rows(t, l, "b.example"); len(got) != 1 {
			t.Errorf("another domain: %+v", got)
		}
	})
}

// There is a row before anything is served, whoever asks at the same moment, and none is lost of the counts.
func TestPullsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t)
		var wg sync.WaitGroup
		for range 200 {
			wg.Go(func() {
				pull(t, l, exposure.Row{Domain: "a.example", Object: "o", Bytes: 1})
				if len(rows(t, l, "a.example")) == 0 {
					t.Error("served without a row")
				}
			})
		}
		wg.Wait()
		times, bytes := 0, int64(0)
		for _, r := range rows(t, l, "a.example") {
			times, bytes = times+r.Times, bytes+r.Bytes
		}
		if times != 200 || bytes != 200 {
			t.Errorf("%d times, %d bytes", times, bytes)
		}
	})
}

// However many different things are pulled, memory is bounded, and the rows are all there.
func TestManyPulls(t *testing.T) {
	l := open(t)
	const many = 5000
	for i := range many {
		pull(t, l, exposure.Row{Domain: "a.example", Object: fmt.Sprint(i)})
	}
	if got := rows(t, l, "a.example"); len(got) != many {
		t.Errorf("%d rows", len(got))
	}
	if kept := l.Kept(); kept > exposure.MaxPulls {
		t.Errorf("%d rows are kept in memory", kept)
	}
}

// What was forgotten is written anew when it is pulled again, in the same hour.
func TestPullAfterPruning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t)
		r := exposure.Row{Domain: "a.example", Object: "o"}
		pull(t, l, r)
		time.Sleep(time.Minute)
		if _, err := l.Prune(t.Context(), time.Now(), 100); err != nil {
			t.Fatal(err)
		}
		if got := rows(t, l, "a.example"); len(got) != 0 {
			t.Fatalf("%+v", got)
		}
		pull(t, l, r)
		if got := rows(t, l, "a.example"); len(got) != 1 || got[0].Times != 1 {
			t.Errorf("%+v", got)
		}
	})
}
