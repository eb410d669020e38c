package main

import (
	"context"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/cmd/dunnock-load/internal/fleet"
	"github.com/dunnock-server/dunnock/cmd/dunnock-load/internal/gauge"
)

func (m *Main) inboxCommand() *cli.Command {
	return &cli.Command{
		Name: "inbox", Usage: "signed mentions, until the owner can see them all",
		Description: fmt.Sprintf(`Posts that mention the owner, by %d actors over %d connections, all signed
before the clock starts. It stops when the last one is visible.`, actors, connections) +
			examples("dunnock-load inbox", "dunnock-load inbox --count 500 --json"),
		Flags: []cli.Flag{&cli.IntFlag{Name: "count", Usage: "send `N` mentions", Value: 5000}},
		Action: func(c *cli.Context) error {
			n, err := count(c, "count", 1)
			if err != nil {
				return err
			}
			return m.try(c, actors, func(ctx context.Context, t *trial) error {
				if err := t.node.Start(ctx); err != nil {
					return err
				}
				return t.inbox(ctx, n)
			})
		},
	}
}

// mentions are that many, by all actors in turn.
func (t *trial) mentions(n int) []fleet.Act {
	acts := make([]fleet.Act, n)
	for i := range acts {
		acts[i] = t.fleet.Actors[i%actors].Mention(t.owner(), t.next())
	}
	return acts
}

// inbox measures how fast mentions become visible.
func (t *trial) inbox(ctx context.Context, n int) error {
	if err := t.introduce(ctx, t.fleet.Actors[:actors]); err != nil {
		return err
	}
	t.say("signing %d mentions", n)
	acts := t.mentions(n)
	requests, err := t.sign(acts)
	if err != nil {
		return err
	}
	yard, err := t.yardstick()
	if err != nil {
		return err
	}
	first, err := t.newest(ctx)
	if err != nil {
		return err
	}

	t.say("sending %d mentions", n)
	used, begun, err := t.begin()
	if err != nil {
		return err
	}
	statuses, err := t.target().Send(ctx, connections, requests)
	if err != nil {
		return err
	}
	answered := time.Since(begun)
	arrived := taken(acts, statuses)
	if err := t.settle(ctx, first+int64(len(arrived))); err != nil {
		return err
	}
	took := time.Since(begun)
	cpu, err := t.since(used)
	if err != nil {
		return err
	}

	if err := t.meddle(); err != nil {
		return err
	}
	t.say("counting")
	shown, err := t.shown(ctx, first)
	if err != nil {
		return err
	}
	lost, doubled := tally(arrived, shown)
	t.add(inboxSpeed, float64(n)/took.Seconds(), "/s")
	t.add("inbox: answered", float64(n)/answered.Seconds(), "/s")
	t.add(inboxCPU, ms(cpu)/float64(n), "ms")
	t.add("inbox: CPU an activity, over one RSA-2048 verification", ms(cpu)/float64(n)/ms(yard.Verify), "×")
	t.add("inbox: not answered 2xx", float64(n-len(arrived)), "")
	t.add(inboxLost, float64(lost), "")
	t.add(inboxDoubled, float64(doubled), "")
	return nil
}

// yardstick measures what RSA costs now, and adds it to the report.
func (t *trial) yardstick() (gauge.RSA, error) {
	r, err := gauge.MeasureRSA()
	if err == nil {
		t.add("CPU of one RSA-2048 signature", ms(r.Sign), "ms")
		t.add("CPU of one RSA-2048 verification", ms(r.Verify), "ms")
	}
	return r, err
}

// begin is the node's processor time so far, and the time.
func (t *trial) begin() (used time.Duration, now time.Time, err error) {
	used, err = gauge.CPU(t.node.PID())
	return used, time.Now(), err
}

// since is the processor time that the node has used since it had used that much.
func (t *trial) since(used time.Duration) (time.Duration, error) {
	now, err := gauge.CPU(t.node.PID())
	return now - used, err
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// meddle lets a test spoil what is about to be counted.
func (t *trial) meddle() error {
	if t.main.meddle == nil {
		return nil
	}
	return t.main.meddle(t)
}
