package main

import (
	"context"
	"fmt"
	"testing"

	"github.com/dunnock-server/dunnock/storage"
)

func TestFanout(t *testing.T) {
	f, code := load(t, nil, "fanout", "--followers", fmt.Sprint(scaled(1000)), "--answer", "20ms")
	f.want(t, found{fanoutLost: 0, fanoutDoubled: 0, followRequests: 3})
	if code != 0 || f[fanoutOrder] > limits[fanoutOrder].value || f[fanoutFollow] > limits[fanoutFollow].value {
		t.Errorf("exit %d", code)
	}
}

// A follower whom the node has forgotten after the first post is missed.
func TestFanoutLoss(t *testing.T) {
	forgotten := false
	f, code := load(t, func(t *trial) error {
		if forgotten {
			return nil
		}
		forgotten = true
		return spoil(func(ctx context.Context, tx storage.Tx) error {
			_, err := tx.DeleteFollow(ctx, t.fleet.Actors[1].URI, t.node.Owner())
			return err
		})(t)
	}, "fanout", "--followers", "5", "--answer", "0")
	f.want(t, found{fanoutLost: turns, fanoutDoubled: 0})
	if code != exitFailed {
		t.Errorf("exit %d", code)
	}
}
