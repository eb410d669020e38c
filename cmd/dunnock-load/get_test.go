package main

import (
	"context"
	"fmt"
	"testing"

	"github.com/dunnock-server/dunnock/storage"
)

func TestGet(t *testing.T) {
	f, code := load(t, nil, "get", "--count", fmt.Sprint(scaled(10000)))
	f.want(t, found{getRefused: 0})
	if code != 0 || f[getSpeed] <= 0 {
		t.Errorf("exit %d", code)
	}
}

// Whom the node has forgotten since it met them is shown less, which is noticed.
func TestGetRefused(t *testing.T) {
	f, code := load(t, func(t *trial) error {
		return spoil(func(ctx context.Context, tx storage.Tx) error {
			return tx.ForgetActor(ctx, t.fleet.Actors[0].URI, storage.Now().Time)
		})(t)
	}, "get", "--count", "100")
	f.want(t, found{getRefused: 2})
	if code != exitFailed {
		t.Errorf("exit %d", code)
	}
}
