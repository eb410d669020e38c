package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/dunnock-server/dunnock/federation/delivery"
	"github.com/dunnock-server/dunnock/federation/httpsig"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/storage"
)

// TestDeadServerCostsOneAttemptPerBackoff, however many acts and inboxes wait for it, whether it refuses connections, says
// that it is busy, or takes requests and never answers.
func TestDeadServerCostsOneAttemptPerBackoff(t *testing.T) {
	for _, how := range []string{"down", "busy", "silent"} {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				var tries []time.Time
				w.far.down["a.example"] = how == "down"
				w.far.answer = func(a arrival, _ header) int {
					tries = append(tries, a.at)
					if how == "silent" {
						<-a.ctx.Done()
					}
					return 503
				}
				var inboxes []string
				for i := range 40 {
					inboxes = append(inboxes, fmt.Sprintf("http://a.example/%d", i))
				}
				for range 20 {
					w.post(inboxes...)
				}
				w.far.dial = func(string) {
					if how == "down" {
						tries = append(tries, time.Now())
					}
				}
				stop := w.run()
				for range 4 * 24 {
					time.Sleep(time.Hour)
					w.post(inboxes[0]) // more of it does not wake the server
					w.Wake()
				}
				stop()
				if len(tries) < 20 || len(tries) > 45 {
					t.Fatalf("%d attempts in four days", len(tries))
				}
				full := 30 * time.Second
				for i := 1; i < len(tries); i++ {
					// 30 s is how long an exchange may take.
					if wait := tries[i].Sub(tries[i-1]); wait < full/2 || wait > full+31*time.Second {
						t.Errorf("attempt %d came %v after the last, with a backoff of %v", i, wait, full)
					}
					full = min(2*full, 6*time.Hour)
				}
			})
		})
	}
}

func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for i, c := range []struct {
			status int
			header string
			least  time.Duration
			most   time.Duration
		}{
			{429, "7200", 2 * time.Hour, 2*time.Hour + time.Second},
			{503, "1", 15 * time.Second, 31 * time.Second}, // not earlier than the backoff
			{429, "", 15 * time.Second, 31 * time.Second},
			{429, "99999999999", 24 * time.Hour, 24*time.Hour + time.Second},
			{500, "3600", time.Hour, time.Hour + time.Second},
			{503, time.Now().Add(3 * time.Hour).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT"), 0, 3*time.Hour + time.Second},
		} {
			host, requests := fmt.Sprintf("%d.example", i), atomic.Int32{}
			w.far.set(func() {
				w.far.answer = func(_ arrival, h header) int {
					if requests.Add(1) > 1 {
						return 202
					}
					if c.header != "" {
						h.Set("Retry-After", c.header)
					}
					return c.status
				}
			})
			w.post("http://" + host + "/inbox")
			start := time.Now()
			stop := w.run()
			for requests.Load() < 2 {
				time.Sleep(time.Second)
			}
			stop()
			if waited := time.Since(start); waited < c.least || waited > c.most {
				t.Errorf("%d, Retry-After %q: again after %v", c.status, c.header, waited)
			}
		}
	})
}

// TestAnswers is what each status comes to: taken, given up at once with a reason, or tried again.
func TestAnswers(t *testing.T) {
	for code, want := range map[int]string{
		200: "taken", 202: "taken", 204: "taken",
		400: "given up", 403: "given up", 404: "given up", 405: "given up", 406: "given up", 410: "given up", 413: "given up",
		422: "given up", 451: "given up", 301: "given up", 308: "given up", 501: "given up",
		302: "waits", 303: "waits", 307: "waits", 401: "waits", 408: "waits", 425: "waits", 429: "waits", 500: "waits",
		502: "waits", 503: "waits", 504: "waits", 520: "waits",
	} {
		gaveUp := 0
		w := newWorld(t, notify(func(storage.Delivery) error { gaveUp++; return nil }))
		w.far.answer = func(_ arrival, h header) int {
			h.Set("Location", "http://canary.example/inbox")
			return code
		}
		w.post("http://a.example/inbox")
		later := w.act("Create", 0)
		if want != "waits" {
			w.far.answer = func(a arrival, _ header) int {
				if a.act == "1" {
					return code
				}
				return 202
			}
			w.enqueue(later, "http://a.example/inbox")
		}
		if _, err := w.ProcessBatch(t.Context()); err != nil {
			t.Fatal(err)
		}
		rows, got := w.deliveries(), "taken"
		if len(rows) == 1 {
			got = map[bool]string{true: "given up", false: "waits"}[rows[0].GivenUp]
			if rows[0].Error != fmt.Sprintf("answered with status %d", code) {
				t.Errorf("%d: reason %q", code, rows[0].Error)
			}
		}
		if got != want || (gaveUp == 1) != (want == "given up") || w.far.dialled("canary.example") > 0 {
			t.Errorf("%d: %s, want %s; %d given up, canary dialled %d times", code, got, want, gaveUp, w.far.dialled("canary.example"))
		}
		// What is done with, one way or the other, does not stand in the way of what comes after.
		if want != "waits" && !slices.Contains(w.far.taken("a.example/inbox"), "2") {
			t.Errorf("%d: the next act did not arrive", code)
		}
	}
}

// TestReasonsOfOurOwn are no server's failure: nothing is told, nothing given up, and all of it leaves when it can.
func TestReasonsOfOurOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		noRelay := func(c *Config, e *egressConfig) { e.Relays = nil }
		noKey := func(c *Config, e *egressConfig) {
			c.Sign = func(context.Context, string, httpsig.Scheme) (hardening.Signer, error) {
				return nil, errors.New("no key")
			}
		}
		badKey := func(c *Config, e *egressConfig) {
			c.Sign = func(context.Context, string, httpsig.Scheme) (hardening.Signer, error) {
				return func(*egressRequest, []byte) error { return errors.New("cannot sign") }, nil
			}
		}
		for _, c := range []func(*Config, *egressConfig){noRelay, noKey, badKey} {
			w := newWorld(t, c, func(c *Config, _ *egressConfig) { c.GiveUp = time.Hour })
			a := w.post("http://a.example/inbox")
			w.runFor(5*time.Hour + 5*time.Minute)
			if rows := w.deliveries(); len(rows) != 1 || rows[0].GivenUp || rows[0].Attempts != 0 || rows[0].Error == "" {
				t.Errorf("%+v", rows)
			}
			if h := w.host("a.example"); h.Failures != 0 || !h.FailingSince.IsZero() || w.told(a) != "" || w.far.dialled("a.example") > 0 {
				t.Errorf("%+v, told %q", h, w.told(a))
			}
			w.Queue = w.queue()
			w.runFor(11 * time.Minute)
			if got := w.far.arrivals(""); !slices.Equal(got, []string{"a.example/inbox 1"}) {
				t.Errorf("arrived: %q", got)
			}
		}
	})
}

// TestWithheldDoesNotEndABackoff: that the policy keeps something here says nothing about the server.
func TestWithheldDoesNotEndABackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.far.down["a.example"] = true
		w.far.dial = func(string) { w.enqueue(w.act("Like", -48*time.Hour), "http://a.example/inbox") } // goes before the Create
		w.post("http://a.example/inbox")
		w.runFor(24 * time.Hour)
		if n := w.far.dialled("a.example"); n < 10 || n > 16 {
			t.Errorf("%d attempts in a day", n)
		}
		if rows := w.deliveries(); len(rows) > 2 {
			t.Errorf("left: %+v", rows)
		}
	})
}

// TestAnswerAtTooGreatALength is an arrival as far as can be known: it can be taken back, and is not sent again.
func TestAnswerAtTooGreatALength(t *testing.T) {
	w := newWorld(t, func(_ *Config, e *egress.Config) { e.MaxBody = 1 })
	w.far.answer = func(a arrival, h header) int {
		h.Set("Content-Length", "1000")
		return 202
	}
	a := w.post("http://a.example/inbox")
	w.batch(1)
	if rows := w.deliveries(); len(rows) != 1 || !rows[0].GivenUp || w.told(a) == "" {
		t.Errorf("%+v, told %q", rows, w.told(a))
	}
}

// TestDamagedAct is given up rather than standing in front for ever.
func TestDamagedAct(t *testing.T) {
	w := newWorld(t)
	bad := w.act("Create", 0)
	bad.Document = "{"
	w.enqueue(bad, "http://a.example/inbox")
	w.post("http://a.example/inbox")
	w.post("http://a.example/inbox")
	w.exec("DELETE FROM acts WHERE id = 2")
	w.batch(3)
	if got := w.far.arrivals(""); !slices.Equal(got, []string{"a.example/inbox 3"}) {
		t.Errorf("arrived: %q", got)
	}
}

// TestNothingLeftToTry: a server that failed, and for which nothing is left but what is due much later, gets what comes then.
func TestNothingLeftToTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.far.down["a.example"] = true
		w.post("http://a.example/inbox")
		w.enqueue(w.act("Create", 48*time.Hour), "http://a.example/inbox")
		w.runFor(2 * time.Minute)
		w.exec("DELETE FROM deliveries WHERE act_id = 1") // withdrawn
		delete(w.far.down, "a.example")
		w.runFor(2 * time.Hour)
		w.post("http://a.example/inbox")
		w.runFor(2 * time.Minute)
		if got := w.far.arrivals(""); !slices.Equal(got, []string{"a.example/inbox 3"}) {
			t.Errorf("arrived: %q", got)
		}
	})
}
