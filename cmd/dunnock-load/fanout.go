package main

import (
	"context"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/cmd/dunnock-load/internal/fleet"
	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/control"
)

func (m *Main) fanoutCommand() *cli.Command {
	return &cli.Command{
		Name: "fanout", Usage: "posts to followers on servers of their own",
		Description: `Every follower has a server of its own, and no shared inbox. One post goes to
servers that take their time to answer, two to the same servers answering at
once: for the CPU a delivery, and to see whether the order is random.` +
			examples("dunnock-load fanout", "dunnock-load fanout --followers 100 --answer 1s"),
		Flags: append(sizeFlags(),
			&cli.IntFlag{Name: "followers", Usage: "have `N` followers", Value: 1000},
			&cli.DurationFlag{Name: "answer", Usage: "answer the first post after `TIME`", Value: 200 * time.Millisecond}),
		Action: func(c *cli.Context) error {
			n, err := count(c, "followers", 3)
			if err != nil {
				return err
			}
			s, err := sizeOf(c)
			if err != nil {
				return err
			}
			return m.try(c, n, func(ctx context.Context, t *trial) error {
				err := t.twice(ctx, s, func(ctx context.Context) error { return t.fanout(ctx, n, c.Duration("answer")) })
				t.fanoutOver()
				return err
			})
		},
	}
}

// fanout measures how a post reaches all followers.
func (t *trial) fanout(ctx context.Context, n int, answer time.Duration) error {
	followers := t.fleet.Actors[:n]
	if err := t.befriend(ctx, followers); err != nil {
		return err
	}
	before := t.fleet.Arrived()
	t.fleet.SetAnswer(answer)
	slow, err := t.deliver(ctx, followers)
	t.fleet.SetAnswer(0)
	if err != nil {
		return err
	}
	first, err := t.deliver(ctx, followers)
	if err != nil {
		return err
	}
	yard, err := t.yardstick()
	if err != nil {
		return err
	}
	second, err := t.deliver(ctx, followers)
	if err != nil {
		return err
	}
	lost, doubled := 0, 0
	for _, s := range []*spread{&slow, &first, &second} { // counted last, so that what came late counts too
		var l, d int
		s.place, l, d = places(t.fleet.Arrivals(before), s.post, followers)
		lost, doubled = lost+l, doubled+d
	}
	cpu := ms(first.cpu+second.cpu) / float64(2*n)
	t.add(fanoutSlow, slow.took.Seconds(), "s")
	t.add(fanoutFast, min(first.took, second.took).Seconds(), "s")
	t.add("fan-out: CPU a delivery", cpu, "ms")
	t.add(fanoutCPU, cpu/ms(yard.Sign), "×")
	t.add(fanoutOrder, alike(first.place, second.place), "σ")
	t.add(fanoutFollow, max(alike(first.place, nil), alike(second.place, nil)), "σ")
	t.add(fanoutLost, float64(lost), "")
	t.add(fanoutDoubled, float64(doubled), "")
	return nil
}

// spread is how one post reached the followers.
type spread struct {
	post      string // its URI
	took, cpu time.Duration
	place     []int // of each follower in the order of arrival
}

// deliver posts, and returns when every follower has got it.
func (t *trial) deliver(ctx context.Context, followers []*fleet.Actor) (s spread, err error) {
	t.say("a post to %d followers", len(followers))
	before := t.fleet.Arrived()
	s.took, s.cpu, err = t.measure(func(time.Time) error {
		var post federation.Post
		if err := t.node.Call(ctx, "post", control.NewPost{Text: fmt.Sprint("Hello, number ", t.next())}, &post); err != nil {
			return err
		}
		s.post = post.URI
		return t.arrive(ctx, before+len(followers))
	})
	if err != nil {
		return s, err
	}
	return s, t.meddle()
}

func (t *trial) fanoutOver() {
	t.over(fanoutTimeOver, fanoutFast)
	t.over(fanoutCPUOver, fanoutCPU)
}
