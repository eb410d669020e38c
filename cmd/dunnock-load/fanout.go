package main

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/cmd/dunnock-load/internal/bare"
	"github.com/dunnock-server/dunnock/cmd/dunnock-load/internal/fleet"
	"github.com/dunnock-server/dunnock/cmd/dunnock-load/internal/gauge"
	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/control"
)

func (m *Main) fanoutCommand() *cli.Command {
	return &cli.Command{
		Name: "fanout", Usage: "posts to followers on servers of their own",
		Description: `Every follower has a server of its own, and no shared inbox. One post goes to
servers that take their time to answer, four to the same servers answering at
once: for the CPU a delivery, and to see whether the order is random. After
each a process that only signs and sends does the same, for comparison.` +
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
	fast, c, err := t.takeTurns(ctx, followers)
	if err != nil {
		return err
	}
	lost, doubled := 0, 0
	all := append([]spread{slow}, fast...)
	for i, s := range all { // counted last, so that what came late counts too
		place, l, d := places(t.fleet.Arrivals(before), s.post, followers)
		all[i].place, lost, doubled = place, lost+l, doubled+d
	}
	t.add(fanoutSlow, slow.took.Seconds(), "s")
	t.add(fanoutFast, c.took.Seconds(), "s")
	t.add("fan-out: CPU of one RSA-2048 signature", ms(c.signature), "ms")
	t.add("fan-out: CPU a delivery", ms(c.delivery), "ms")
	t.add("fan-out: CPU a delivery by a bare client, over one signature", float64(c.bare)/float64(c.signature), "×")
	t.add(fanoutCPU, float64(c.delivery)/float64(c.signature), "×")
	t.add(fanoutBare, float64(c.delivery)/float64(c.bare), "×")
	t.add(fanoutOrder, alike(all[1].place, all[2].place), "σ")
	t.add(fanoutFollow, max(alike(all[1].place, nil), alike(all[2].place, nil)), "σ")
	t.add(fanoutLost, float64(lost), "")
	t.add(fanoutDoubled, float64(doubled), "")
	return nil
}

// turns is how many posts servers get that answer at once.
const turns = 4

// costs are what deliveries took: the fastest post, and the processor time of one of each.
type costs struct{ took, delivery, bare, signature time.Duration }

// takeTurns sends those posts. Node, bare client and RSA are measured in turns: other work on the machine makes all of them
// slower, and what was not measured beside it cannot be compared.
func (t *trial) takeTurns(ctx context.Context, followers []*fleet.Actor) (posts []spread, c costs, err error) {
	each := time.Duration(turns * len(followers))
	c.took = math.MaxInt64
	for range turns {
		post, err := t.deliver(ctx, followers)
		if err != nil {
			return nil, c, err
		}
		least, err := t.bare(ctx, followers)
		if err != nil {
			return nil, c, err
		}
		yard, err := gauge.MeasureRSA()
		if err != nil {
			return nil, c, err
		}
		posts, c.took = append(posts, post), min(c.took, post.took)
		c.delivery, c.bare, c.signature = c.delivery+post.cpu/each, c.bare+least/each, c.signature+yard.Sign/turns
	}
	return posts, c, nil
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

// bare delivers as much as a post is with the least that can, and gives the processor time of that.
func (t *trial) bare(ctx context.Context, followers []*fleet.Actor) (time.Duration, error) {
	t.say("%d deliveries by a bare client", len(followers))
	body := fmt.Sprintf(`{"type":"Create","object":%q}`, strings.Repeat("x", 1720)) // as long as what the node sends
	task := bare.Task{Body: []byte(body), Workers: 64}
	for _, f := range followers {
		task.Inboxes = append(task.Inboxes, f.URI+"/inbox")
	}
	return bare.Run(ctx, task)
}

func (t *trial) fanoutOver() {
	t.over(fanoutTimeOver, fanoutFast)
	t.over(fanoutCPUOver, fanoutCPU)
}
