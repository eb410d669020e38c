package main

import (
	"context"
	"fmt"
	"testing"

	"github.com/dunnock-server/dunnock/cmd/dunnock-load/internal/fleet"
	"github.com/dunnock-server/dunnock/storage"
)

// nothingWrong are the figures of kill that have to be nothing.
var nothingWrong = found{killLost: 0, killDoubled: 0, killsLost: 0, killsDoubled: 0, killsLikesWrong: 0, killsFollowsWrong: 0,
	killsUndelivered: 0, killsDelivered: 0, killsCrashed: 0, killsUnsound: 0}

func TestKill(t *testing.T) {
	f, code := load(t, nil, "kill", "--count", fmt.Sprint(scaled(2000)), "--times", fmt.Sprint(scaled(300)), "--seed", "3")
	f.want(t, nothingWrong)
	if code != 0 || f["kills: mentions taken"] == 0 || f["kills: likes taken"] == 0 || f["kills: deliveries"] == 0 {
		t.Errorf("exit %d", code)
	}
}

// Whatever is taken out of the database behind the node's back is missed.
func TestKillLoss(t *testing.T) {
	calls := 0
	f, code := load(t, func(t *trial) error {
		if calls++; calls == 1 {
			return nil
		}
		return spoil(func(ctx context.Context, tx storage.Tx) error {
			list, err := tx.Notifications(ctx, 0, 1000)
			if err != nil {
				return err
			}
			done := map[string]bool{}
			for _, n := range list {
				if !done[n.Kind] {
					if err := tx.DeleteNotification(ctx, n.Kind, n.Actor, n.Object); err != nil {
						return err
					}
				}
				done[n.Kind] = true
			}
			_, err = tx.DeleteFollow(ctx, t.fleet.Actors[2].URI, t.node.Owner())
			return err
		})(t)
	}, "kill", "--count", "10", "--times", "10", "--seed", "1")
	f.want(t, found{killLost: 0, killsLost: 1, killsDoubled: 0, killsLikesWrong: 1, killsFollowsWrong: 1, killsDelivered: 0})
	if code != exitFailed {
		t.Errorf("exit %d", code)
	}
}

func TestDelivered(t *testing.T) {
	at := func(life int, host, id, object string) fleet.Arrival {
		return fleet.Arrival{Life: life, Host: host, ID: id, Type: "Create", Object: object}
	}
	arrivals := []fleet.Arrival{
		at(0, "a", "1", "post"), at(0, "b", "1", "post"), // one act to two servers
		at(1, "a", "1", "post"),  // again in another life
		at(1, "a", "1", "post"),  // and in the same
		at(1, "b", "2", "post"),  // the same under another id
		at(1, "b", "3", "other"), // something else
	}
	if o := delivered(arrivals); o != (outgoing{repeated: 1, doubled: 2}) {
		t.Errorf("%+v", o)
	}
	if n := missed(arrivals, "Create", []string{"post", "other"}, []*fleet.Actor{{Host: "a"}, {Host: "b"}, {Host: "c"}}); n != 3 {
		t.Errorf("%d missed", n)
	}
}
