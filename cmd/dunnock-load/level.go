package main

import (
	"context"
	"time"

	"github.com/dunnock-server/dunnock/cmd/dunnock-load/internal/gauge"
)

// levels is what a node holds.
type levels struct {
	gauge.Size
	goroutines int
}

// idleLevels are those of a node that does nothing, which is ended and started again.
func (t *trial) idleLevels(ctx context.Context) (l levels, err error) {
	if l, err = t.look(); err != nil {
		return l, err
	}
	return l, t.node.Start(ctx)
}

// look ends the node to see what it holds.
func (t *trial) look() (l levels, err error) {
	if l.Size, err = gauge.Look(t.node.PID()); err == nil {
		l.goroutines, err = t.node.Dump()
	}
	return l, err
}

// keptFor is longer than a node keeps connections that are not used.
const keptFor = 30 * time.Second

// level compares what the node holds after all the load with what it held before, and ends it. It waits for the node to calm
// down: for a time, and until its connections are closed.
func (t *trial) level(ctx context.Context, before levels, calm time.Duration) error {
	t.say("waiting for the node to calm down")
	for waited := time.Duration(0); ; waited += time.Second {
		if err := pauseFor(ctx, time.Second); err != nil {
			return err
		}
		now, err := gauge.Look(t.node.PID())
		if err != nil {
			return err
		}
		if waited >= calm && (now.Sockets <= before.Sockets || waited >= calm+keptFor) {
			break
		}
	}
	after, err := t.look()
	if err != nil {
		return err
	}
	t.add(levelRSS, mib(after.RSS), "MiB")
	t.add("after it: memory, anonymous", mib(after.Anonymous), "MiB")
	t.add("after it: memory at its peak", mib(after.Peak), "MiB")
	t.add("after it: threads", float64(after.Threads), "")
	t.add(levelDescriptors, float64(after.Descriptors-before.Descriptors), "")
	t.add(levelGoroutines, float64(after.goroutines-before.goroutines), "")
	return nil
}
