package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/cmd/dunnock-load/internal/child"
	"github.com/dunnock-server/dunnock/cmd/dunnock-load/internal/gauge"
	"github.com/dunnock-server/dunnock/cmd/dunnock-load/internal/volley"
)

func (m *Main) startCommand() *cli.Command {
	return &cli.Command{
		Name: "start", Usage: "how fast the node starts, and how large it is when idle",
		Description: `From the start of the process to the first request that is answered, on data
that is there; then its memory after a while of nothing.` +
			examples("dunnock-load start", "dunnock-load start --build --posts 1000000 --queue 100000"),
		Flags: append(sizeFlags(),
			&cli.IntFlag{Name: "times", Usage: "start `N` times, and take the median", Value: 10},
			&cli.DurationFlag{Name: "idle", Usage: "measure the memory after `TIME`", Value: 30 * time.Second},
			&cli.BoolFlag{Name: "build", Usage: "build the program from an empty cache, too"}),
		Action: func(c *cli.Context) error {
			times, err := count(c, "times", 1)
			if err != nil {
				return err
			}
			s, err := sizeOf(c)
			if err != nil {
				return err
			}
			return m.try(c, 0, func(ctx context.Context, t *trial) error {
				err := t.twice(ctx, s, func(ctx context.Context) error { return t.start(ctx, times, c.Duration("idle")) })
				if err == nil && c.Bool("build") {
					err = t.build(ctx)
				}
				return err
			})
		},
	}
}

// start measures starts of a node that has run before.
func (t *trial) start(ctx context.Context, times int, idle time.Duration) error {
	req, err := http.NewRequest(http.MethodGet, t.node.Origin()+"/.well-known/nodeinfo", nil)
	if err != nil {
		return err
	}
	request := volley.Raw(req, nil)
	t.say("starting %d times", times)
	var took, used []time.Duration
	for range times {
		if err := t.node.Stop(); err != nil {
			return err
		}
		begun := time.Now()
		if err := t.node.Exec(ctx); err != nil {
			return err
		}
		if err := t.firstAnswer(ctx, request); err != nil {
			return err
		}
		took = append(took, time.Since(begun))
		cpu, err := gauge.CPU(t.node.PID())
		if err != nil {
			return err
		}
		used = append(used, cpu)
	}
	slices.Sort(took)
	slices.Sort(used)
	t.say("doing nothing for %s", idle)
	if err := pauseFor(ctx, idle); err != nil {
		return err
	}
	held, err := gauge.Look(t.node.PID())
	if err != nil {
		return err
	}
	program, err := os.Stat(t.node.Program)
	if err != nil {
		return err
	}
	t.add(startTime, ms(took[len(took)/2]), "ms")
	t.add("start: CPU of it, median", ms(used[len(used)/2]), "ms")
	t.add("start: the slowest", ms(took[len(took)-1]), "ms")
	t.add(idleRSS, mib(held.RSS), "MiB")
	t.add(idleAnonymous, mib(held.Anonymous), "MiB")
	t.add(binarySize, mib(program.Size()), "MiB")
	return nil
}

// firstAnswer asks until it is answered well.
func (t *trial) firstAnswer(ctx context.Context, request []byte) error {
	deadline := time.Now().Add(stalled)
	for time.Now().Before(deadline) {
		select {
		case <-t.node.Ended():
			return fmt.Errorf("dunnock ended:\n%s", t.node.Log())
		default:
		}
		if answers, err := t.target().Send(ctx, 1, [][]byte{request}); err == nil && answers[0].OK() {
			return nil
		}
		if err := pauseFor(ctx, 200*time.Microsecond); err != nil {
			return err
		}
	}
	return fmt.Errorf("dunnock has not answered for %s:\n%s", stalled, t.node.Log())
}

// build measures how long building takes when nothing is there but the sources of all modules.
func (t *trial) build(ctx context.Context) error {
	t.say("building from an empty cache")
	dir := filepath.Join(t.dir, "build")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	begun := time.Now()
	_, err := child.Build(ctx, dir, "GOCACHE="+filepath.Join(dir, "cache"))
	t.add(buildTime, time.Since(begun).Seconds(), "s")
	return err
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }
