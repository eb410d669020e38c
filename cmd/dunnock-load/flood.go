package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/cmd/dunnock-load/internal/fleet"
	"github.com/dunnock-server/dunnock/cmd/dunnock-load/internal/gauge"
	"github.com/dunnock-server/dunnock/cmd/dunnock-load/internal/volley"
)

// victims are the servers of the fleet that forged requests claim to be of; the last actors are theirs. Every other one
// claims to be of the first victim.
const victims = 20

func (m *Main) floodCommand() *cli.Command {
	return &cli.Command{
		Name: "flood", Usage: "thousands of forged requests, and good ones among them",
		Description: `A flood of signatures by keys that do not exist, wrong ones by keys that do,
Deletes of unknown actors and junk. Meanwhile others send mentions now and
then, every other one over a new connection, and their answers are timed.

First the flood comes from several addresses and the others from another,
then all from one, which is how it looks behind a reverse proxy. Last comes a
hundredth of it in bodies of 1 MiB: lists of objects, names, numbers, texts.` +
			examples("dunnock-load flood", "dunnock-load flood --for 10s --connections 400"),
		Flags: []cli.Flag{
			&cli.DurationFlag{Name: "for", Usage: "flood for `TIME`, three times", Value: time.Minute},
			&cli.IntFlag{Name: "rate", Usage: "send up to `N` requests a second", Value: 10000},
			&cli.IntFlag{Name: "connections", Usage: "flood over `N` connections", Value: 64},
		},
		Action: func(c *cli.Context) error {
			f := flood{lasts: c.Duration("for")}
			var err error
			if f.rate, err = count(c, "rate", 1); err != nil {
				return err
			}
			if f.connections, err = count(c, "connections", 1); err != nil {
				return err
			}
			return m.try(c, actors+victims, func(ctx context.Context, t *trial) error {
				if err := t.node.Start(ctx); err != nil {
					return err
				}
				return t.floods(ctx, f)
			})
		},
	}
}

// flood is how much of it there is.
type flood struct {
	lasts       time.Duration
	rate        int // requests a second, all connections together
	connections int
	large       bool     // requests of the greatest size that is taken
	from        []string // addresses that it comes from
	prefix      string   // of its figures
}

// floods runs a flood from several addresses, one from the address that good requests come from, too, and one of large
// requests.
func (t *trial) floods(ctx context.Context, f flood) error {
	if err := t.introduce(ctx, t.fleet.Actors[:actors]); err != nil {
		return err
	}
	f.prefix = floodMany
	for i := range 8 {
		f.from = append(f.from, fmt.Sprintf("127.64.0.%d", 1+i))
	}
	if err := t.flood(ctx, f); err != nil {
		return err
	}
	large := f
	f.prefix, f.from = floodOne, []string{""}
	if err := t.flood(ctx, f); err != nil {
		return err
	}
	large.prefix, large.large, large.rate = floodLarge, true, max(1, f.rate/largeFor)
	return t.flood(ctx, large)
}

// largeFor is for how many requests of a flood there is one in a flood of large ones.
const largeFor = 100

// aftermath is how long the fleet is watched for requests after a flood: longer than a look-up may take.
const aftermath = 20 * time.Second

// flood runs one flood.
func (t *trial) flood(ctx context.Context, f flood) error {
	const every = 50 * time.Millisecond // of good requests
	acts, requests, first, err := t.prepare(ctx, max(1, int(f.lasts/every)))
	if err != nil {
		return err
	}

	t.say("flooding for %s", f.lasts)
	ends, cancel := context.WithTimeout(ctx, f.lasts)
	defer cancel()
	asked, worst := t.fleet.Asked(), t.fleet.AskedOf(t.victim(0))
	done := make(chan tide)
	go func() { done <- t.pour(ends, f) }()
	answers, took := t.steadily(ctx, requests, every)
	cancel()
	poured := <-done
	if err := ctx.Err(); err != nil {
		return err
	}
	during := t.fleet.Asked() - asked
	held, err := gauge.Look(t.node.PID())
	if err != nil {
		return err
	}
	arrived := taken(acts, answers)
	if err := t.settle(ctx, first+int64(len(arrived))); err != nil {
		return err
	}
	t.say("watching what comes after it")
	if err := pauseFor(ctx, min(aftermath, f.lasts)); err != nil {
		return err
	}
	worst = t.fleet.AskedOf(t.victim(0)) - worst

	if err := t.meddle(); err != nil {
		return err
	}
	lost, doubled, err := t.countMentions(ctx, first, arrived)
	seconds := f.lasts.Seconds()
	t.add(f.prefix+"requests answered", float64(poured.answered)/seconds, "/s")
	t.add(f.prefix+"connections refused or broken", float64(poured.broken), "")
	t.add(f.prefix+"good ones, median", ms(percentile(took, 50)), "ms")
	t.add(f.prefix+floodP99, ms(percentile(took, 99)), "ms")
	t.add(f.prefix+floodRefused, float64(len(acts)-len(arrived)), "")
	t.add(f.prefix+floodLost, float64(lost+doubled), "")
	t.add(f.prefix+floodPeak, mib(held.Peak), "MiB")
	t.add(f.prefix+floodAsked, float64(max(0, during-500))/seconds, "/s")
	t.add(f.prefix+floodVictim, float64(max(0, worst-100))/seconds, "/s")
	t.add(f.prefix+floodAfter, float64(t.fleet.Asked()-asked-during), "")
	return err
}

func (t *trial) victim(i int) *fleet.Actor { return t.fleet.Actors[len(t.fleet.Actors)-1-i%victims] }

// steadily sends requests at even intervals, every other one over a new connection, and none waits for the one before it.
// Each is timed from when it was due.
func (t *trial) steadily(ctx context.Context, requests [][]byte, every time.Duration) ([]volley.Answer, []time.Duration) {
	answers, took := make([]volley.Answer, len(requests)), make([]time.Duration, len(requests))
	idle := make(chan *link, len(requests)) // connections that are kept open
	begun := time.Now()
	var sending sync.WaitGroup
	for i, request := range requests {
		due := begun.Add(time.Duration(i) * every)
		if pauseFor(ctx, time.Until(due)) != nil {
			break
		}
		sending.Go(func() {
			l := &link{target: t.target()}
			if i%2 == 0 {
				defer l.close()
			} else {
				select {
				case l = <-idle:
				default:
				}
				defer func() { idle <- l }()
			}
			answers[i] = l.exchange(ctx, request)
			took[i] = time.Since(due)
		})
	}
	sending.Wait()
	close(idle)
	for l := range idle {
		l.close()
	}
	return answers, took
}
