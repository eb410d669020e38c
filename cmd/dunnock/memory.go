package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// collectLess has garbage collected when the heap is three times as large as what lives, while it is small: a node keeps a few
// megabytes, and at twice that it collects dozens of times a second under load. What the environment says goes first.
func collectLess() {
	const (
		percent = 200
		limit   = 40 << 20 // bytes: from there on as often as it must
	)
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit)
	}
}

// giveBack returns memory to the system when the node has become quiet: at a tick since whose last one little was made, after
// much was. Left alone, what a burst has used is collected after two minutes, and given back slowly.
func giveBack(ctx context.Context, ticks <-chan time.Time) {
	const much, little = 16 << 20, 1 << 20 // bytes
	made := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(made)
	last := made[0].Value.Uint64()
	given := last
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
		}
		metrics.Read(made)
		now := made[0].Value.Uint64()
		if now-given >= much && now-last < little {
			debug.FreeOSMemory()
			given = now
		}
		last = now
	}
}
