package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/cmd/dunnock-load/internal/volley"
)

func (m *Main) getCommand() *cli.Command {
	return &cli.Command{
		Name: "get", Usage: "signed GETs of the owner's document",
		Description: fmt.Sprintf(`The owner's actor document, asked for by %d actors over %d connections. No
two requests have the same signature.`, actors, connections) +
			examples("dunnock-load get", "dunnock-load get --count 2000 --json"),
		Flags: []cli.Flag{&cli.IntFlag{Name: "count", Usage: "send `N` requests", Value: 20000}},
		Action: func(c *cli.Context) error {
			n, err := count(c, "count", 1)
			if err != nil {
				return err
			}
			return m.try(c, actors, func(ctx context.Context, t *trial) error {
				if err := t.node.Start(ctx); err != nil {
					return err
				}
				return t.get(ctx, n)
			})
		},
	}
}

// get measures how fast the owner's document is served. Every answer has to be longer than what is shown without a signature.
func (t *trial) get(ctx context.Context, n int) error {
	if err := t.introduce(ctx, t.fleet.Actors[:actors]); err != nil {
		return err
	}
	t.say("signing %d requests", n)
	now := time.Now()
	requests, err := volley.Make(n, func(i int) ([]byte, error) {
		const window = 1800 // seconds: half of how old a signature may be
		return volley.Get(t.node.Owner(), t.fleet.Actors[i%actors].Key, now.Add(-time.Second*time.Duration(i/actors%window)))
	})
	if err != nil {
		return err
	}
	stub, err := t.unsigned(ctx)
	if err != nil {
		return err
	}

	if err := t.meddle(); err != nil {
		return err
	}
	t.say("sending %d requests", n)
	var answers []volley.Answer
	took, cpu, err := t.measure(func(time.Time) (err error) {
		answers, err = t.target().Send(ctx, connections, requests)
		return err
	})
	if err != nil {
		return err
	}
	refused := 0
	for _, a := range answers {
		if a.Status != http.StatusOK || a.Size <= stub {
			refused++
		}
	}
	yard, err := t.yardstick()
	if err != nil {
		return err
	}
	t.add(getSpeed, float64(n)/took.Seconds(), "/s")
	t.add("get: CPU each", ms(cpu)/float64(n), "ms")
	t.add("get: CPU each, over one RSA-2048 verification", ms(cpu)/float64(n)/ms(yard.Verify), "×")
	t.add(getRefused, float64(refused), "")
	return nil
}

// unsigned is how long the owner's document is for whoever does not sign, in bytes.
func (t *trial) unsigned(ctx context.Context) (int, error) {
	req, err := http.NewRequest(http.MethodGet, t.node.Owner(), nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Accept", "application/activity+json")
	answers, err := t.target().Send(ctx, 1, [][]byte{volley.Raw(req, nil)})
	return answers[0].Size, err
}
