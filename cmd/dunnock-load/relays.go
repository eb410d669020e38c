package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/cmd/dunnock-load/internal/child"
	"github.com/dunnock-server/dunnock/cmd/dunnock-load/internal/far"
	"github.com/dunnock-server/dunnock/cmd/dunnock-load/internal/fleet"
	"github.com/dunnock-server/dunnock/cmd/internal/config"
	"github.com/dunnock-server/dunnock/federation/control"
)

func (m *Main) relaysCommand() *cli.Command {
	return &cli.Command{
		Name: "relays", Usage: "posts by relays of each kind, over posts by none",
		Description: `Posts to followers on servers of their own: by a node that dials directly,
and by others that leave by OpenSSH's sshd, dante, microsocks, squid and
tinyproxy on this machine, which all take turns. The best turn of each
counts. Each post goes to every server: there are as many deliveries as posts
times servers. microsocks and tinyproxy pass on 1 and 2 KiB at a time, and
what is longer waits for an acknowledgement in between: they have a limit
only where servers take their time.` +
			examples("dunnock-load relays", "dunnock-load relays --servers 10 --posts 5 --turns 2"),
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "servers", Usage: "have `N` followers", Value: 50},
			&cli.IntFlag{Name: "posts", Usage: "post `N` times in a turn", Value: 20},
			&cli.IntFlag{Name: "turns", Usage: "let each have `N` turns", Value: 5},
			&cli.DurationFlag{Name: "answer", Usage: "have servers answer after `TIME`", Value: 200 * time.Millisecond}},
		Action: func(c *cli.Context) error {
			var r relays
			for name, n := range map[string]*int{"servers": &r.servers, "posts": &r.posts, "turns": &r.turns} {
				var err error
				if *n, err = count(c, name, 1); err != nil {
					return err
				}
			}
			r.answer = c.Duration("answer")
			return m.try(c, r.servers, func(ctx context.Context, t *trial) error { return t.relays(ctx, r) })
		},
	}
}

// relays is what is to be measured.
type relays struct {
	servers, posts, turns int
	answer                time.Duration
}

// relays measures what a relay adds to the time of deliveries.
func (t *trial) relays(ctx context.Context, r relays) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ways := map[string]config.Relay{config.KindDirect: child.Direct}
	for _, e := range far.Ends {
		dir, err := os.MkdirTemp(t.dir, e.Name)
		if err != nil {
			return err
		}
		if ways[e.Name], err = e.Run(ctx, dir); err != nil {
			return err
		}
	}
	nodes := map[string]*trial{}
	for _, way := range slices.Sorted(maps.Keys(ways)) {
		other := *t
		if err := other.by(ctx, ways[way]); err != nil {
			return err
		}
		defer other.node.Kill()
		if err := other.relayed(ctx, r, t.fleet.Actors[:r.servers]); err != nil {
			return err
		}
		nodes[way] = &other
	}
	best, conns := map[string]time.Duration{}, map[string]int{}
	for range r.turns {
		for _, way := range slices.Sorted(maps.Keys(nodes)) {
			for _, answer := range []time.Duration{0, r.answer} {
				t.fleet.SetAnswer(answer)
				met := t.fleet.Met()
				took, err := nodes[way].turn(ctx, r, answer)
				t.fleet.SetAnswer(0)
				if err != nil {
					return fmt.Errorf("%s: %w", way, err)
				}
				name := way + ", " + atOnce(answer)
				if best[name] == 0 || took < best[name] {
					best[name] = took
				}
				conns[way] = max(conns[way], t.fleet.Met()-met)
			}
		}
	}
	for _, answer := range []time.Duration{0, r.answer} {
		direct := best[config.KindDirect+", "+atOnce(answer)]
		t.add("relays: direct, "+atOnce(answer), direct.Seconds(), "s")
		for _, e := range far.Ends {
			t.add("relays: "+e.Name+", "+atOnce(answer)+", over direct", float64(best[e.Name+", "+atOnce(answer)])/float64(direct), "×")
		}
	}
	for _, way := range slices.Sorted(maps.Keys(nodes)) {
		t.add("relays: "+way+reuse, float64(conns[way])/float64(r.servers), "")
	}
	return nil
}

func atOnce(answer time.Duration) string {
	if answer == 0 {
		return hurried
	}
	return unhurried
}

// relayed makes friends, and lets the node and its relay get going.
func (t *trial) relayed(ctx context.Context, r relays, followers []*fleet.Actor) error {
	if err := t.befriend(ctx, followers); err != nil {
		return err
	}
	_, err := t.turn(ctx, r, 0)
	return err
}

// turn posts, and returns when all servers have got all posts.
func (t *trial) turn(ctx context.Context, r relays, answer time.Duration) (time.Duration, error) {
	t.say("%d posts to %d servers, which answer after %v", r.posts, r.servers, answer)
	before, begun := t.fleet.Arrived(), time.Now()
	for range r.posts {
		if err := t.node.Call(ctx, "post", control.NewPost{Text: fmt.Sprint("Hello, number ", t.next())}, nil); err != nil {
			return 0, err
		}
	}
	if err := t.arrive(ctx, before+r.posts*r.servers); err != nil {
		return 0, err
	}
	took := time.Since(begun)
	if got := t.fleet.Arrived() - before; got != r.posts*r.servers {
		return 0, fmt.Errorf("%d deliveries of %d", got, r.posts*r.servers)
	}
	return took, nil
}
