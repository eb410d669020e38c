package main

import (
	"context"
	"time"

	"github.com/urfave/cli/v2"
)

func (m *Main) allCommand() *cli.Command {
	return &cli.Command{
		Name: "all", Usage: "everything in one run, and the size of the node after it",
		Description: `All the other commands, one after the other on one node; what it holds then,
beside what it held before; the loads again on a filled database; and kills.
In full it takes about a quarter of an hour.` +
			examples("dunnock-load all --limits", "dunnock-load all --scale 0.1 --json"),
		Flags: []cli.Flag{
			&cli.Float64Flag{Name: "scale", Usage: "do `PART` of everything: 0.001 to 1", Value: 1},
			&cli.Uint64Flag{Name: "seed", Usage: "`N` chooses what is not measured: moments of kills", Value: 1},
		},
		Action: func(c *cli.Context) error {
			scale := scale(c.Float64("scale"))
			if scale < 0.001 || scale > 1 {
				return usageError("--scale is from 0.001 to 1")
			}
			return m.try(c, max(actors, scale.of(1000))+victims, func(ctx context.Context, t *trial) error {
				return t.all(ctx, scale, c.Uint64("seed"))
			})
		},
	}
}

// scale is a part of everything.
type scale float64

// of is that part of n, and enough to mean something.
func (s scale) of(n int) int { return max(min(n, 10), int(float64(s)*float64(n))) }

// span is that part of a time, and a second at least.
func (s scale) span(d time.Duration) time.Duration {
	return max(time.Second, time.Duration(float64(s)*float64(d)))
}

// all runs everything: kills at the end, on a node that has no followers but those that they need.
func (t *trial) all(ctx context.Context, s scale, seed uint64) error {
	if err := t.node.Start(ctx); err != nil {
		return err
	}
	if err := t.start(ctx, s.of(10), s.span(30*time.Second)); err != nil {
		return err
	}
	if s == 1 {
		if err := t.build(ctx); err != nil {
			return err
		}
	}
	before, err := t.idleLevels(ctx)
	if err != nil {
		return err
	}
	loads := func() error {
		if err := t.fanout(ctx, s.of(1000), 200*time.Millisecond); err != nil {
			return err
		}
		return t.inbox(ctx, s.of(5000))
	}
	for _, step := range []func() error{
		loads,
		func() error { return t.get(ctx, s.of(20000)) },
		func() error {
			return t.floods(ctx, flood{lasts: s.span(time.Minute), rate: 10000, connections: 64})
		},
		func() error { return t.level(ctx, before, s.span(time.Minute)) },
		func() error {
			return t.filled(ctx, size{posts: s.of(1_000_000), queue: s.of(100_000)}, func(ctx context.Context) error {
				if err := t.start(ctx, s.of(10), s.span(30*time.Second)); err != nil {
					return err
				}
				return loads()
			})
		},
		func() error { return t.anew(ctx) },
		func() error { return t.kill(ctx, s.of(2000)) },
		func() error { return t.killOften(ctx, s.of(500), seed) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	t.inboxOver()
	t.fanoutOver()
	return nil
}
