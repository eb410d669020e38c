package node_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/dunnock-server/dunnock/federation/control"
	"github.com/dunnock-server/dunnock/federation/federationtest"
	"github.com/dunnock-server/dunnock/federation/node"
	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/hardening/egress"
)

const year = 365 * 24 * time.Hour

// era is a stretch of time in which a node runs. Each begins in a bubble of its own, on the first of January 2000: a node that
// ran into the future in one finds the clock set back in the next.
type era struct {
	*siege
	fay  *account
	down atomic.Bool // fay's server
	stop func()
}

// live runs a node in dir from start on. With a nil friend, that is made and followed; else it is the one of before.
func live(t *testing.T, dir string, start time.Duration, friend **account, do func(e *era)) {
	t.Helper()
	liveWith(t, dir, start, false, friend, do)
}

// liveWith is live with a friend whose server may be down from the beginning.
func liveWith(t *testing.T, dir string, start time.Duration, down bool, friend **account, do func(e *era)) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(start)
		e := &era{siege: &siege{T: t, dir: dir, owner: "http://" + home + "/users/alice", inbox: "http://" + home + "/inbox", net: federationtest.NewNetwork()}}
		e.down.Store(down)
		e.net.Fault = func(_, to string) federationtest.Fault {
			if to == "friend.example" && e.down.Load() {
				return federationtest.Refused
			}
			return federationtest.None
		}
		e.client = &http.Client{Transport: &http.Transport{DialContext: e.net.Relay("outside").DialContext, DisableKeepAlives: true}}
		f := e.site("friend.example").person("fay")
		if *friend != nil {
			f.private, f.doc, f.count = (*friend).private, (*friend).doc, (*friend).count
			f.serve("/users/fay", f.doc)
		}
		e.fay = f
		e.start()
		defer func() { e.stop() }()
		if *friend == nil {
			e.must("follow", control.Who{Who: f.uri}, nil)
			time.Sleep(time.Minute)
			at := slices.IndexFunc(f.received(), func(o vocab.Object) bool { return o.Type() == vocab.TypeFollow })
			if at < 0 {
				t.Fatal("the friend was not asked")
			}
			f.post(f.act("Follow", e.owner))
			time.Sleep(time.Minute)
			f.received()
		}
		*friend = f
		do(e)
	})
}

func (e *era) start() {
	e.Helper()
	c := besieged(e.dir)
	c.Relays, c.Listener = []egress.Relay{counted{e.net.Relay(home), e.siege}}, e.net.Listen(home)
	n, err := node.Open(e.Context(), c)
	if err != nil {
		e.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(e.Context()))
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	e.node = n
	stopped := false
	e.stop = func() {
		if stopped {
			return
		}
		stopped = true
		stop()
		if err := <-done; err != nil {
			e.Error(err)
		}
		if err := n.Close(); err != nil {
			e.Error(err)
		}
	}
}

// says posts something of the owner's and returns its URI.
func (e *era) says(post control.NewPost) string {
	e.Helper()
	var made struct {
		URI string `json:"uri"`
	}
	e.must("post", post, &made)
	return made.URI
}

// told is how often the friend was told of a post since it was asked last.
func (e *era) told(uris ...string) string {
	n := map[string]int{}
	for _, o := range e.fay.received() {
		if post, _ := o.Object("object"); o.Type() == "Create" {
			n[post.ID()]++
		}
	}
	var counts []string
	for _, uri := range uris {
		counts = append(counts, fmt.Sprint(n[uri]))
	}
	return strings.Join(counts, " ")
}

func (e *era) expect(what, got, want string) {
	e.Helper()
	if got != want {
		e.Errorf("%s: %s, want %s", what, got, want)
	}
}

// shift moves all that the database knows of time, which to a node that runs is the clock being set by as much the other way.
func (e *era) shift(by time.Duration) {
	e.Helper()
	db, err := sqlite3.Open("file:" + filepath.Join(e.dir, "dunnock.db") + "?_pragma=busy_timeout(5000)")
	if err != nil {
		e.Fatal(err)
	}
	defer db.Close()
	for _, line := range e.query("SELECT m.name AS t, p.name AS c FROM sqlite_schema AS m, pragma_table_info(m.name) AS p WHERE m.type = 'table'" +
		" AND (p.name LIKE '%\\_at' ESCAPE '\\' OR p.name IN ('at', 'published', 'updated', 'failing_since')) AND m.name NOT LIKE 'migration%'") {
		var table, column string
		if _, err := fmt.Sscanf(line, " t=%s c=%s", &table, &column); err != nil {
			e.Fatal(err)
		}
		if err := db.Exec(fmt.Sprintf("UPDATE %s SET %s = %s + %d WHERE %s IS NOT NULL", table, column, column, by.Milliseconds(), column)); err != nil {
			e.Fatal(err)
		}
	}
}

func newborn(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	db, err := born()
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "dunnock.db"), db, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestFaultClockSetBack sets the clock back by five hours and by five years, over a restart and under a node that runs: nothing
// is lost or told twice or too early, and nothing waits for the clock to catch up but what was not released.
func TestFaultClockSetBack(t *testing.T) {
	for _, by := range []time.Duration{5 * time.Hour, 5 * year} {
		for _, running := range []bool{false, true} {
			t.Run(fmt.Sprintf("by %v, running %v", by, running), func(t *testing.T) {
				dir, friend := newborn(t), (*account)(nil)
				var early, heard string
				before := func(e *era) {
					heard = e.says(control.NewPost{Text: "heard in time"})
					time.Sleep(time.Minute)
					e.expect("told", e.told(heard), "1")
					e.down.Store(true)
					early = e.says(control.NewPost{Text: "before the clock was set"})
					time.Sleep(50 * time.Minute) // some attempts
				}
				after := func(e *era) {
					e.down.Store(false)
					e.fay.count += 1000
					e.fay.post(e.fay.hello("after"))
					late := e.says(control.NewPost{Text: "after the clock was set"})
					time.Sleep(4 * time.Hour)
					e.expect("what came then is there", fmt.Sprint(e.posts(e.fay.url("/notes/after"))), "1")
					e.expect("told of what was said before and after, and heard", e.told(early, late, heard), "0 1 0")
					e.stop() // years of looking every minute would take long
					time.Sleep(by - 5*time.Hour)
					e.start()
					time.Sleep(5 * time.Hour)
					e.expect("once the clock has caught up", e.told(early, late, heard), "1 0 0")
					var status struct{ Waiting, GivenUp, Inbound int }
					e.must("status", nil, &status)
					if status.Waiting+status.GivenUp+status.Inbound > 0 {
						t.Errorf("in the end: %+v", status)
					}
				}
				if running {
					live(t, dir, 0, &friend, func(e *era) {
						before(e)
						e.shift(by)
						after(e)
					})
				} else {
					live(t, dir, by, &friend, before)
					live(t, dir, 10*time.Minute, &friend, after)
				}
				if faults, err := node.Check(t.Context(), dir); err != nil || len(faults) > 0 {
					t.Errorf("the check finds %v, %v", faults, err)
				}
			})
		}
	}
}

// TestFaultClockAhead starts a node with a clock that is ten years ahead, for half an hour: nothing is thrown away for being
// old, nobody is asked again and again, and when the clock is right again all is as if it had always been.
func TestFaultClockAhead(t *testing.T) {
	dir, friend := newborn(t), (*account)(nil)
	var waiting, expiring string
	live(t, dir, 0, &friend, func(e *era) {
		expiring = e.says(control.NewPost{Text: "for a month", ExpiresIn: 30 * 24 * 3600})
		e.fay.post(e.fay.hello("hello"))
		time.Sleep(time.Minute)
		e.expect("told", e.told(expiring), "1")
		e.down.Store(true)
		waiting = e.says(control.NewPost{Text: "waiting"})
		time.Sleep(time.Hour)
	})
	kept := func(e *era) string {
		return fmt.Sprint(len(e.query("SELECT id FROM disclosures WHERE at < ?", time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli())), " ",
			e.posts(expiring), " ", len(e.query("SELECT id FROM inbound")))
	}
	liveWith(t, dir, 10*year, true, &friend, func(e *era) {
		before := kept(e)
		time.Sleep(30 * time.Minute)
		e.expect("ledger rows, own posts, activities seen", kept(e), before)
		var status struct {
			GivenUp int `json:"given_up"`
		}
		if e.must("status", nil, &status); status.GivenUp > 0 {
			t.Errorf("given up: %+v", status)
		}
		if len(e.dials) > 3 {
			t.Errorf("%d requests in half an hour: %q", len(e.dials), e.dials)
		}
	})
	live(t, dir, 3*time.Hour, &friend, func(e *era) {
		time.Sleep(24 * time.Hour) // longer than any wait between two attempts
		e.expect("told", e.told(waiting, expiring), "1 0")
		e.expect("own posts", fmt.Sprint(e.posts(expiring)), "1")
		time.Sleep(31 * 24 * time.Hour)
		e.expect("own posts whose time is over", fmt.Sprint(e.posts(expiring)), "0")
	})
}
