package main

import (
	"context"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/cmd/dunnock-load/internal/fleet"
)

func (m *Main) inboxCommand() *cli.Command {
	return &cli.Command{
		Name: "inbox", Usage: "signed mentions, until the owner can see them all",
		Description: fmt.Sprintf(`Posts that mention the owner, by %d actors over %d connections, all signed
before the clock starts. It stops when the last one is visible.`, actors, connections) +
			examples("dunnock-load inbox", "dunnock-load inbox --posts 1000000 --queue 100000"),
		Flags: append(sizeFlags(), &cli.IntFlag{Name: "count", Usage: "send `N` mentions", Value: 5000}),
		Action: func(c *cli.Context) error {
			n, err := count(c, "count", 1)
			if err != nil {
				return err
			}
			s, err := sizeOf(c)
			if err != nil {
				return err
			}
			return m.try(c, actors, func(ctx context.Context, t *trial) error {
				err := t.twice(ctx, s, func(ctx context.Context) error { return t.inbox(ctx, n) })
				t.inboxOver()
				return err
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

// prepare makes and signs that many mentions, and gives the newest notification before they are sent.
func (t *trial) prepare(ctx context.Context, n int) (acts []fleet.Act, requests [][]byte, first int64, err error) {
	t.say("signing %d mentions", n)
	acts = t.mentions(n)
	if requests, err = t.sign(acts); err == nil {
		first, err = t.newest(ctx)
	}
	return acts, requests, first, err
}

// inbox measures how fast mentions become visible.
func (t *trial) inbox(ctx context.Context, n int) error {
	if err := t.introduce(ctx, t.fleet.Actors[:actors]); err != nil {
		return err
	}
	acts, requests, first, err := t.prepare(ctx, n)
	if err != nil {
		return err
	}

	t.say("sending %d mentions", n)
	var arrived []fleet.Act
	var answered time.Duration
	took, cpu, err := t.measure(func(begun time.Time) error {
		answers, err := t.target().Send(ctx, connections, requests)
		if err != nil {
			return err
		}
		answered, arrived = time.Since(begun), taken(acts, answers)
		return t.settle(ctx, first+int64(len(arrived)))
	})
	if err != nil {
		return err
	}

	if err := t.meddle(); err != nil {
		return err
	}
	lost, doubled, err := t.countMentions(ctx, first, arrived)
	if err != nil {
		return err
	}
	yard, err := t.yardstick()
	if err != nil {
		return err
	}
	t.add(inboxSpeed, float64(n)/took.Seconds(), "/s")
	t.add("inbox: answered", float64(n)/answered.Seconds(), "/s")
	t.add(inboxCPU, ms(cpu)/float64(n), "ms")
	t.add("inbox: CPU an activity, over one RSA-2048 verification", ms(cpu)/float64(n)/ms(yard.Verify), "×")
	t.add("inbox: not answered 2xx", float64(n-len(arrived)), "")
	t.add(inboxLost, float64(lost), "")
	t.add(inboxDoubled, float64(doubled), "")
	return nil
}

func (t *trial) inboxOver() {
	t.over(inboxSpeedOver, inboxSpeed)
	t.over(inboxCPUOver, inboxCPU)
}
