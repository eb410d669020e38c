package main

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/cmd/dunnock-load/internal/fleet"
)

func (m *Main) killCommand() *cli.Command {
	return &cli.Command{
		Name: "kill", Usage: "SIGKILL under load: nothing is lost, nothing doubled",
		Description: `Kills the node right after it has answered the last of many mentions, starts
it again and counts. With --times it goes on to kill it at random moments,
while others send mentions, likes and follows, and the owner posts to
followers. What is not answered is sent again, as servers do.` +
			examples("dunnock-load kill", "dunnock-load kill --count 200 --times 500 --seed 7"),
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "count", Usage: "send `N` mentions before the first kill", Value: 2000},
			&cli.IntFlag{Name: "times", Usage: "kill `N` times more, at random moments"},
			&cli.Uint64Flag{Name: "seed", Usage: "`N` chooses the moments and what is sent", Value: 1},
		},
		Action: func(c *cli.Context) error {
			n, err := count(c, "count", 1)
			if err != nil {
				return err
			}
			times, err := count(c, "times", 0)
			if err != nil {
				return err
			}
			return m.try(c, actors, func(ctx context.Context, t *trial) error {
				if err := t.node.Start(ctx); err != nil {
					return err
				}
				if err := t.kill(ctx, n); err != nil || times == 0 {
					return err
				}
				return t.killOften(ctx, times, c.Uint64("seed"))
			})
		},
	}
}

// kill kills the node right after its last answer, and counts what it knows when it runs again.
func (t *trial) kill(ctx context.Context, n int) error {
	if err := t.introduce(ctx, t.fleet.Actors[:actors]); err != nil {
		return err
	}
	acts, requests, first, err := t.prepare(ctx, n)
	if err != nil {
		return err
	}
	t.say("sending them, and then SIGKILL")
	answers, err := t.target().Send(ctx, connections, requests)
	t.node.Kill()
	if err != nil {
		return err
	}
	if err := t.node.Start(ctx); err != nil {
		return err
	}
	if err := t.settle(ctx, first+int64(n)); err != nil {
		return err
	}
	if err := t.meddle(); err != nil {
		return err
	}
	lost, doubled, err := t.countMentions(ctx, first, taken(acts, answers))
	t.add("kill: taken before it", float64(len(taken(acts, answers))), "")
	t.add(killLost, float64(lost), "")
	t.add(killDoubled, float64(doubled), "")
	return err
}

// countMentions counts what the owner is shown of mentions since a notification.
func (t *trial) countMentions(ctx context.Context, first int64, taken []fleet.Act) (lost, doubled int, err error) {
	t.say("counting")
	shown, err := t.shown(ctx, first)
	if err != nil {
		return 0, 0, err
	}
	lost, doubled = tally(taken, shown)
	return lost, doubled, nil
}
