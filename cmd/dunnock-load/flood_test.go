package main

import (
	"context"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/storage"
)

func TestFlood(t *testing.T) {
	lasts := "2s"
	if scaled(10) == 10 {
		lasts = "1m"
	}
	f, code := load(t, nil, "flood", "--for", lasts)
	f.want(t, found{floodMany + floodLost: 0, floodOne + floodLost: 0, floodMany + floodRefused: 0, floodOne + floodRefused: 0,
		floodMany + "connections refused or broken": 0, floodOne + "connections refused or broken": 0,
		floodLarge + floodLost: 0, floodLarge + floodRefused: 0, floodLarge + floodAfter: 0})
	for _, name := range []string{floodAsked, floodVictim, floodAfter} { // which are no matter of speed
		if f[floodMany+name] > floodLimits[name].value || f[floodOne+name] > floodLimits[name].value {
			t.Errorf("%s: %v, and all from one address %v", name, f[floodMany+name], f[floodOne+name])
		}
	}
	if code != 0 || f[floodMany+"requests answered"] == 0 || f[floodOne+"requests answered"] == 0 || f[floodMany+floodPeak] == 0 ||
		f[floodLarge+"requests answered"] == 0 || f[floodLarge+floodPeak] > floodLimits[floodPeak].value {
		t.Errorf("exit %d", code)
	}
}

// A good request of which nothing is left is noticed.
func TestFloodLoss(t *testing.T) {
	f, code := load(t, spoil(func(ctx context.Context, tx storage.Tx) error {
		list, err := tx.Notifications(ctx, 0, 1)
		if err != nil {
			return err
		}
		return tx.DeleteNotification(ctx, list[0].Kind, list[0].Actor, list[0].Object)
	}), "flood", "--for", "500ms", "--rate", "100", "--connections", "2")
	f.want(t, found{floodMany + floodLost: 1, floodOne + floodLost: 1, floodLarge + floodLost: 1})
	if code != exitFailed {
		t.Errorf("exit %d", code)
	}
}

func TestPercentile(t *testing.T) {
	var all []time.Duration
	for i := range 200 {
		all = append(all, time.Duration(200-i))
	}
	if p50, p99 := percentile(all, 50), percentile(all, 99); p50 != 100 || p99 != 198 || percentile(nil, 99) != 0 {
		t.Error(p50, p99)
	}
}
