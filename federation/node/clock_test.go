package node

import (
	"testing"
	"time"
)

// TestClockSeesJumps, forward and back, and no others.
func TestClockSeesJumps(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for _, step := range []struct {
		set  time.Duration // beside what passes
		want bool
	}{{0, false}, {0, false}, {time.Second, false}, {2 * time.Hour, true}, {0, false}, {-2 * time.Hour, true}, {-40 * 365 * 24 * time.Hour, true}, {0, false}} {
		var c clock
		c.look(at, time.Hour)
		if got := c.look(at.Add(time.Minute+step.set), time.Hour+time.Minute); got != step.want {
			t.Errorf("set by %v: jumped %v", step.set, got)
		}
		if c.look(at.Add(2*time.Minute+step.set), time.Hour+2*time.Minute) {
			t.Errorf("set by %v: it jumps for ever", step.set)
		}
	}
}
