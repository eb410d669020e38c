package delivery_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/dunnock-server/dunnock/federation/delivery"
	"github.com/dunnock-server/dunnock/federation/httpsig"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/storage"
)

// know writes which scheme a server takes.
func (w *world) know(host string, scheme httpsig.Scheme) {
	w.write(func(ctx context.Context, tx storage.Tx) error { return tx.SetHostScheme(ctx, host, int(scheme)) })
}

func TestRunWaitsForWhatIsDueAndForWake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.enqueue(w.act("Create", 40*time.Minute), "http://a.example/inbox")
		start := time.Now()
		stop := w.run()
		defer stop()
		time.Sleep(10 * time.Minute)
		w.post("http://b.example/inbox")
		w.Wake()
		time.Sleep(10 * time.Minute)
		w.far.set(func() { w.far.down["c.example"] = true })
		w.post("http://c.example/inbox")
		w.Wake()
		time.Sleep(time.Second)
		w.far.set(func() { delete(w.far.down, "c.example") })
		time.Sleep(5 * time.Hour)
		w.far.mu.Lock()
		defer w.far.mu.Unlock()
		at := map[string]time.Duration{}
		for _, a := range w.far.got {
			at[a.host()] = a.at.Sub(start)
		}
		if d := at["a.example"]; d < 40*time.Minute || d > 40*time.Minute+time.Second {
			t.Errorf("what was due after 40 minutes left after %v", d)
		}
		if d := at["b.example"]; d < 10*time.Minute || d > 10*time.Minute+time.Second {
			t.Errorf("what was queued after 10 minutes left after %v", d)
		}
		if d := at["c.example"]; d < 20*time.Minute+15*time.Second || d > 20*time.Minute+31*time.Second {
			t.Errorf("what failed after 20 minutes was tried again after %v", d)
		}
	})
}

// TestSlowServerDelaysNobody: while one server takes its time over many acts, others get theirs at once, and those that
// were queued meanwhile too.
func TestSlowServerDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.far.answer = func(a arrival, _ header) int {
			if a.host() == "slow.example" {
				time.Sleep(29 * time.Second)
			}
			return 202
		}
		for range 20 {
			w.post("http://slow.example/inbox", "http://a.example/inbox")
		}
		stop := w.run()
		defer stop()
		time.Sleep(time.Second)
		if n := len(w.far.taken("a.example/inbox")); n != 20 {
			t.Errorf("%d of 20 acts arrived at the other", n)
		}
		for i := range 5 {
			w.post("http://slow.example/inbox", "http://a.example/inbox", "http://new.example/inbox")
			w.Wake()
			time.Sleep(time.Second)
			if a, n := len(w.far.taken("a.example/inbox")), len(w.far.taken("new.example/inbox")); a != 21+i || n != 1+i {
				t.Errorf("a second after act %d the others have %d and %d", 21+i, a, n)
			}
		}
		time.Sleep(time.Hour)
		if n := len(w.far.taken("slow.example/inbox")); n != 25 {
			t.Errorf("%d of 25 acts arrived at the slow one", n)
		}
	})
}

// TestOverSockets goes through the kernel instead of memory.
func TestOverSockets(t *testing.T) {
	rules := egress.Rules{HTTP: true, Addresses: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	w := newWorld(t, func(_ *Config, e *egressConfig) {
		e.Rules, e.Relays = rules, []egress.Relay{egress.Direct("home", rules)}
	})
	var inboxes []string
	for range 3 {
		s := httptest.NewServer(w.far)
		defer s.Close()
		for i := range 5 {
			inboxes = append(inboxes, fmt.Sprintf("%s/%d", s.URL, i))
		}
	}
	closed := httptest.NewServer(w.far)
	closed.Close()
	w.post(append(inboxes, closed.URL+"/inbox")...)
	w.post(inboxes...)
	w.batch(31)
	for _, inbox := range inboxes {
		if got := w.far.taken(strings.TrimPrefix(inbox, "http://")); !slices.Equal(got, []string{"1", "2"}) {
			t.Errorf("%s took %q", inbox, got)
		}
	}
	if rows := w.deliveries(); len(rows) != 1 || rows[0].Error != "no answer" {
		t.Errorf("left: %+v", rows)
	}
}

// TestBatchesDoNotSendTwice: a batch leaves alone what Run is busy with.
func TestBatchesDoNotSendTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.far.answer = func(arrival, header) int { time.Sleep(10 * time.Second); return 202 }
		w.post("http://a.example/inbox")
		stop := w.run()
		time.Sleep(time.Second)
		w.batch(0)
		time.Sleep(time.Minute)
		stop()
		if got := w.far.arrivals(""); len(got) != 1 {
			t.Errorf("arrived: %q", got)
		}
	})
}
