package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/dunnock-server/dunnock/cmd/dunnock-load/internal/fleet"
	"github.com/dunnock-server/dunnock/federation"
)

// befriend has actors follow the owner who do not, and measures what that makes the node ask of their servers.
func (t *trial) befriend(ctx context.Context, actors []*fleet.Actor) error {
	var acts []fleet.Act
	strangers := true
	for _, a := range actors {
		if !t.follow[a] {
			acts = append(acts, a.Follow(t.owner(), t.next()))
			strangers = strangers && !t.known[a]
			t.known[a], t.follow[a] = true, true
		}
	}
	if len(acts) == 0 {
		return nil
	}
	t.say("%d follows", len(acts))
	before, asked := t.fleet.Arrived(), t.fleet.Asked()
	if err := t.insist(ctx, acts); err != nil {
		return err
	}
	if err := t.arrive(ctx, before+len(acts)); err != nil {
		return err
	}
	if strangers {
		t.add(followRequests, float64(t.fleet.Asked()-asked)/float64(len(acts)), "")
	}
	return nil
}

// insist sends acts until all are taken, as servers do: of strangers a node looks up so many at once, and asks the others to
// come again.
func (t *trial) insist(ctx context.Context, acts []fleet.Act) error {
	for moved := time.Now(); len(acts) > 0; {
		requests, err := t.sign(acts)
		if err != nil {
			return err
		}
		answers, err := t.target().Send(ctx, min(connections, len(acts)), requests)
		if err != nil {
			return err
		}
		var left []fleet.Act
		for i, answer := range answers {
			switch {
			case answer.Status == http.StatusServiceUnavailable:
				left = append(left, acts[i])
			case !answer.OK():
				return fmt.Errorf("the node answers an act with status %d", answer.Status)
			}
		}
		if len(left) < len(acts) {
			moved = time.Now()
		} else if time.Since(moved) > stalled {
			return fmt.Errorf("for %s the node has taken none of %d acts", stalled, len(left))
		}
		if acts = left; len(acts) > 0 {
			if err := pauseFor(ctx, time.Second); err != nil {
				return err
			}
		}
	}
	return nil
}

// arrive returns when the fleet has had n deliveries, or when nothing is left to come: what is missing then is missing for
// good.
func (t *trial) arrive(ctx context.Context, n int) error {
	last, moved, idle := -1, time.Now(), false
	for {
		some, cancel := context.WithTimeout(ctx, time.Second)
		err := t.fleet.Await(some, n)
		cancel()
		if err == nil || !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		now := t.fleet.Arrived()
		if now > last {
			last, moved = now, time.Now()
		} else if idle || time.Since(moved) > stalled {
			return nil
		}
		if idle, err = t.sent(ctx); err != nil { // asked only now: it costs the node as much as some deliveries
			return err
		}
	}
}

// sent says whether nothing waits to be delivered.
func (t *trial) sent(ctx context.Context) (bool, error) {
	var s federation.Status
	err := t.node.Call(ctx, "status", nil, &s)
	return s.Waiting == 0, err
}
