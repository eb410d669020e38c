package retention_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/retention"
	"github.com/dunnock-server/dunnock/hardening/exposure"
	"github.com/dunnock-server/dunnock/storage"
)

// The month has 30 days, of which the owner does something in the first few. What is kept longest of strangers lasts two
// weeks, so from some day on as much leaves as comes.
const (
	active = 6
	steady = 19
	last   = 30
)

var short = retention.Keep{Posts: 5 * 24 * time.Hour, Notifications: 9 * 24 * time.Hour, Ledger: 5 * 24 * time.Hour}

func strangersADay() int {
	if os.Getenv("DUNNOCK_FULL") == "1" {
		return 160
	}
	return 16
}

// TestMonthOfTraffic lets strangers and friends do what they do for a month: in the end no table grows, and what the owner
// had to do with is all there. Nobody is asked for anything.
func TestMonthOfTraffic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, short)
		touched, passed := w.month(func() { w.forget() })
		for uri, why := range touched {
			if !w.has(uri) {
				t.Errorf("a post that the owner %s is gone", why)
			}
		}
		left := 0
		for _, uri := range passed {
			if w.has(uri) {
				left++
			}
		}
		if left > 0 {
			t.Errorf("%d of %d posts that are nothing to the owner stayed", left, len(passed))
		}
		if n := w.others.gets.Load(); n > 0 || w.others.posts.Load() == 0 {
			t.Errorf("others were asked for %d documents", n)
		}
		faults, err := storage.Check(t.Context(), w.path, filepath.Dir(w.path))
		if err != nil {
			t.Error(err)
		}
		for _, f := range faults {
			t.Error(f)
		}
	})
}

// TestMonthWithoutRetention is the same without a keeper, so that the one above is known to measure something.
func TestMonthWithoutRetention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, short)
		grown := map[string]bool{}
		w.grew = func(table string, _, _ int) { grown[table] = true }
		w.month(func() {})
		for _, table := range []string{"posts", "actors", "actor_keys", "timeline", "notifications", "acts", "told", "inbound", "deliveries", "hosts", "disclosures", "relations", "polls", "(pages)"} {
			if !grown[table] {
				t.Errorf("%s does not grow even without retention: the month says nothing about it", table)
			}
		}
	})
}

// month lets a month pass, and tells w.grew of each table that has more rows in its last third than in the one before. It
// returns posts that the owner touched, and how, and posts by the same people that are old and were not.
func (w *world) month(forget func()) (touched map[string]string, passed []string) {
	touched = map[string]string{}
	friends := make([]string, 5)
	for i := range friends {
		friends[i] = w.join(fmt.Sprintf("friend%d.example", i), "friend")
		if _, err := w.service.Follow(w.Context(), friends[i]); err != nil {
			w.Fatal(err)
		}
		w.settle()
		f, err := w.db.Follow(w.Context(), w.owner, friends[i])
		if err != nil {
			w.Fatal(err)
		}
		w.send(friends[i], "Accept", f.Activity)
		w.settle()
	}
	own, err := w.service.Publish(w.Context(), federation.Draft{Text: "Hello"})
	if err != nil {
		w.Fatal(err)
	}
	before, after := map[string]int{}, map[string]int{}
	for day := 1; day <= last; day++ {
		for i, friend := range friends {
			for n := range 10 {
				uri := w.note(friend, w.sort(n)...)
				why := ""
				if day <= active {
					w.settle()
					why = w.touch(day, n, i, uri, friend)
				}
				if why != "" {
					touched[uri] = why
				} else if day < last-int(short.Notifications.Hours()/24) {
					passed = append(passed, uri)
				}
			}
		}
		for n := range strangersADay() {
			w.stranger(day, n, own.URI)
		}
		w.settle()
		days(0.5)
		w.settle()
		days(0.5)
		forget()
		if day < steady-6 {
			continue
		}
		most := before
		if day > steady+2 {
			most = after
		}
		for table, n := range w.counts() {
			most[table] = max(most[table], n)
		}
	}
	for table, n := range after {
		w.Logf("%-14s %6d %6d", table, before[table], n)
		if n > before[table]+before[table]/10+5 { // a tenth is what the days differ by
			w.grew(table, before[table], n)
		}
	}
	return touched, passed
}

// sort makes posts of different sorts.
func (w *world) sort(n int) []any {
	if n == 0 {
		return []any{"type", "Question", "oneOf", []any{map[string]any{"type": "Note", "name": "tea"}, map[string]any{"type": "Note", "name": "coffee"}}}
	}
	return nil
}

// touch lets the owner have to do with a post, in a way that depends on the day, and says how.
func (w *world) touch(day, n, i int, uri, friend string) (why string) {
	var err error
	switch {
	case n == 0 && i == 0:
		_, err = w.service.Vote(w.Context(), uri, []string{"tea"})
		why = "voted in"
	case n == 1 && i == 0:
		_, err = w.service.Like(w.Context(), uri)
		why = "liked"
	case n == 2 && i == 0:
		_, err = w.service.Boost(w.Context(), uri)
		why = "boosted"
	case n == 3 && i == 0:
		_, err = w.service.Publish(w.Context(), federation.Draft{Text: "Yes", ReplyTo: uri})
		why = "answered"
	case n == 4 && i == 0:
		_, err = w.service.Publish(w.Context(), federation.Draft{Text: "See", Quote: uri})
		why = "quoted"
	case n == 5 && day == 1:
		w.send(friend, "Add", uri, "target", friend+"/featured")
		why = "sees pinned by a friend"
	}
	if err != nil {
		w.Fatal(why, err)
	}
	w.settle()
	return why
}

// stranger is somebody who comes by once and does one of the things that strangers do.
func (w *world) stranger(day, n int, own string) {
	host := fmt.Sprintf("host%d-%d.example", day, n/2)
	if n%8 == 0 {
		host = "dead-" + host
	}
	who := w.join(host, fmt.Sprint("user", n))
	follow := func() string {
		id := w.send(who, "Follow", w.owner)
		w.settle()
		return id
	}
	switch n % 8 {
	case 0: // and whose server is gone when it is answered
		w.send(who, "Undo", follow())
	case 1:
		for range 5 {
			w.send(who, "Undo", follow())
		}
	case 2:
		w.note(who, "to", []string{w.owner})
	case 3:
		w.send(who, "Undo", w.send(who, "Like", own))
	case 4:
		w.send(who, "Delete", w.note(who, "cc", []string{w.owner}))
	case 5:
		w.send(who, "Block", w.owner)
	case 6:
		w.note(who) // which is nothing to the owner
		w.send(who, "Announce", "http://elsewhere.example/notes/1")
		w.send(who, "Undo", who+"/activities/never-came")
		w.send(who, "Delete", who+"/notes/never-came")
		w.send(who, "Flag", own, "content", "spam")
	case 7:
		w.note(who, "to", []string{w.owner})
		w.settle()
		w.send(who, "Delete", who)
	}
	row, err := w.ledger.Begin(w.Context(), exposure.Row{At: time.Now(), Domain: host, Direction: exposure.Pulled, Object: own}, nil)
	if err == nil {
		err = row.Settle(w.Context(), 200, 1000)
	}
	if err != nil {
		w.Fatal(err)
	}
}
