package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/dunnock-server/dunnock/cmd/dunnock-load/internal/fleet"
	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/control"
)

// newest is the number of the newest notification; 0: there is none. Each has the number after the one before it, so that
// it says how many there are, at the cost of reading one.
func (t *trial) newest(ctx context.Context) (int64, error) {
	var page control.Notifications
	if err := t.node.Call(ctx, "notifications", control.Page{Limit: 1}, &page); err != nil || len(page.Notifications) == 0 {
		return 0, err
	}
	return number64(page.Notifications[0].ID)
}

func number64(id string) (int64, error) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("the number of a notification: %w", err)
	}
	return n, nil
}

// settle returns when the owner is shown the notification of that number, or when the node has nothing left to do: what is
// missing then is missing for good.
func (t *trial) settle(ctx context.Context, number int64) error {
	const (
		pause = 3 * time.Millisecond
		still = time.Second // before the status is asked for: that costs the node as much as some activities
	)
	var last int64
	moved, asked := time.Now(), time.Now()
	for {
		n, err := t.newest(ctx)
		if err != nil || n >= number {
			return err
		}
		if n > last {
			last, moved = n, time.Now()
		}
		if time.Since(moved) > still && time.Since(asked) > still {
			asked = time.Now()
			if idle, err := t.idle(ctx); err != nil || idle {
				return err
			}
		}
		if time.Since(moved) > stalled {
			return fmt.Errorf("for %s the node has shown nothing new, and says that it is at work", stalled)
		}
		if err := pauseFor(ctx, pause); err != nil {
			return err
		}
	}
}

// idle says whether all that came in has taken effect.
func (t *trial) idle(ctx context.Context) (bool, error) {
	var s federation.Status
	err := t.node.Call(ctx, "status", nil, &s)
	return s.Inbound == 0, err
}

func pauseFor(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// shown are the notifications after a number.
func (t *trial) shown(ctx context.Context, after int64) (list []federation.Notification, err error) {
	page := control.Notifications{}
	for ask := (control.Page{Limit: 200}); ; ask.Before = page.Next {
		page = control.Notifications{}
		if err := t.node.Call(ctx, "notifications", ask, &page); err != nil {
			return nil, err
		}
		for _, n := range page.Notifications {
			number, err := number64(n.ID)
			if err != nil {
				return nil, err
			}
			if number <= after {
				return list, nil
			}
			list = append(list, n)
		}
		if page.Next == "" {
			return list, nil
		}
	}
}

// tally counts what of the mentions that were taken is lost: not shown, or with another text; and what is shown twice.
func tally(taken []fleet.Act, shown []federation.Notification) (lost, doubled int) {
	times, text := map[string]int{}, map[string]string{}
	for _, n := range shown {
		if n.Kind == "mention" {
			if times[n.Object]++; times[n.Object] > 1 {
				doubled++
			}
			text[n.Object] = n.Text
		}
	}
	for _, act := range taken {
		if times[act.Object] == 0 || text[act.Object] != act.Text {
			lost++
		}
	}
	return lost, doubled
}
