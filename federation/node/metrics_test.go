package node_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dunnock-server/dunnock/federation/control"
	"github.com/dunnock-server/dunnock/federation/metrics"
	"github.com/dunnock-server/dunnock/federation/node"
)

func figures(t *testing.T, n *node.Node) (s metrics.Snapshot) {
	t.Helper()
	if err := control.InProcess(n.Control()).Call(t.Context(), "metrics", nil, &s); err != nil {
		t.Error(err)
	}
	return s
}

// TestMetricsHoldNoName runs days of everything, much of which fails: what the metrics say of it is without a name or a word of
// anybody.
func TestMetricsHoldNoName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAviary(t)
		one, two := a.open("canary-one.example"), a.open("canary-two.example")
		a.day(one, "@canary@canary-two.example")
		a.strangers(one)
		a.down.Store(true)
		a.day(one, "@canary@canary-two.example")
		err := control.InProcess(one.Control()).Call(t.Context(), "post", control.NewPost{Text: "canary @canary@canary-two.example"}, nil)
		if err != nil {
			t.Error(err)
		}
		time.Sleep(time.Hour)
		s := figures(t, one)
		if c := s.Counts; c.Due == 0 || c.Oldest.IsZero() || c.Attempts.Arrived == 0 || c.Attempts.Failed == 0 || c.Ledger == 0 || c.Database == 0 {
			t.Errorf("nothing was counted: %+v", c)
		}
		text := s.Text()
		if !strings.Contains(text, `dunnock_relay_up{relay="memory",kind="memory"} 1`) || !strings.Contains(text, `dunnock_ingress_up{ingress="listen"} 0`) {
			t.Error(text)
		}
		for line := range strings.Lines(text) {
			if strings.Contains(line, canary) || strings.Contains(line, "example") || strings.Contains(line, "://") {
				t.Errorf("the metrics say %s", line)
			}
		}
		a.close(one, two)
	})
}

// TestMetricsMoveOnceAnHour: whoever reads them each minute learns the hour of what the owner does, and not the minute.
func TestMetricsMoveOnceAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAviary(t)
		one, two := a.open("canary-one.example"), a.open("canary-two.example")
		call := func(name string, args any) {
			if err := control.InProcess(one.Control()).Call(t.Context(), name, args, nil); err != nil {
				t.Error(err)
			}
		}
		call("follow", control.Who{Who: "@canary@canary-two.example"})
		a.down.Store(true)
		time.Sleep(time.Until(time.Now().Truncate(time.Hour).Add(time.Hour))) // to the next one
		before := figures(t, one)
		for minute := range 59 {
			if minute == 23 {
				time.Sleep(7 * time.Second)
				call("post", control.NewPost{Text: "Hello, @canary@canary-two.example"})
			}
			time.Sleep(time.Until(before.Counts.At.Add(time.Duration(minute+1) * time.Minute)))
			if now := figures(t, one); now.Counts != before.Counts {
				t.Fatalf("minute %d: %+v after %+v", minute+1, now.Counts, before.Counts)
			}
		}
		time.Sleep(time.Minute)
		after := figures(t, one).Counts
		if after.Due != 1 || after.Attempts.Failed == 0 || after.Ledger == before.Counts.Ledger || !after.At.Equal(before.Counts.At.Add(time.Hour)) {
			t.Errorf("%+v after %+v", after, before.Counts)
		}
		if !after.Oldest.Equal(before.Counts.At) { // the hour, at whatever moment of it the act was
			t.Errorf("the oldest is due since %v", after.Oldest)
		}
		a.close(one, two)
	})
}
