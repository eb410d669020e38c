package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/cmd/internal/config"
	"github.com/dunnock-server/dunnock/federation/node"
	"github.com/dunnock-server/dunnock/hardening/ingress"
)

func (m *Main) serveCommand() *cli.Command {
	return &cli.Command{
		Name: "serve", Category: catNode, Usage: "run the node",
		UsageText: "dunnock [--config FILE] serve",
		Description: "Runs until interrupted: it then stops listening, finishes what it is doing and closes the database; a second " +
			"interrupt ends it at once. Without any configuration a trial node is made in ./" + config.TrialDir + ", which nobody but " +
			"this machine can reach." +
			examples("dunnock serve", "dunnock --config /etc/dunnock.toml serve", "dunnock --log-level debug serve"),
		Flags:  []cli.Flag{jsonFlag()},
		Action: m.serve,
	}
}

func (m *Main) serve(c *cli.Context) error {
	if _, err := arguments(c); err != nil {
		return err
	}
	cfg, trial, err := m.whatToServe(c.Context)
	if err != nil {
		return err
	}
	for _, w := range cfg.Warnings {
		m.log.Warn("configuration", "key", w.Key, "line", w.Line, "problem", w.Problem, "remedy", w.Remedy)
	}
	var said error
	n, err := m.listening(c.Context, cfg, func(url string) {
		if c.Bool("json") {
			said = m.page().json(map[string]string{"handle": "@" + cfg.Username + "@" + cfg.Domain, "url": url})
		} else {
			m.welcome(cfg, url, trial)
		}
	})
	if err != nil {
		return err
	}
	collectLess()
	ctx, stop := signal.NotifyContext(c.Context, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // from then on, a second signal ends the process
	return errors.Join(n.Run(ctx), n.Close(), said)
}

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

// whatToServe reads the configuration. Without any, a trial is made; and where one with [unsafe] has no node yet, that is
// made too, since nobody relies on its keys.
func (m *Main) whatToServe(ctx context.Context) (cfg *config.Config, trial bool, err error) {
	path, trial, err := config.Find(m.config)
	if err != nil {
		return nil, false, fmt.Errorf("looking for the configuration: %w", err)
	}
	if _, err := os.Lstat(path); trial && errors.Is(err, os.ErrNotExist) {
		if err := m.startTrial(ctx, path); err != nil {
			return nil, trial, err
		}
	}
	if cfg, err = config.Load(path); err != nil || cfg.Unsafe == nil {
		return cfg, trial, err
	}
	settings, err := cfg.Node(m.log)
	if err != nil {
		return nil, trial, err
	}
	if err := node.Init(ctx, settings); err != nil && !errors.Is(err, node.ErrExists) {
		return nil, trial, opening(err, cfg)
	}
	return cfg, trial, nil
}

// listening opens the node with its listener. ready is told its address once it is answered there, and the owner's commands
// on their socket.
func (m *Main) listening(ctx context.Context, cfg *config.Config, ready func(url string)) (*node.Node, error) {
	settings, err := cfg.Node(m.log)
	if err != nil {
		return nil, err
	}
	settings.Ready = ready
	settings.Listener, err = ingress.Listen(settings.Listen)
	if errors.Is(err, ingress.ErrInUse) && answers(ctx, cfg) {
		return nil, opening(node.ErrLocked, cfg)
	} else if errors.Is(err, ingress.ErrInUse) {
		return nil, fmt.Errorf("another program listens at %s: stop it, or change listen.address in %s", cfg.Listen.Address, cfg.File)
	} else if err != nil {
		return nil, err
	}
	n, err := open(ctx, cfg, settings)
	if err != nil {
		return nil, errors.Join(opening(err, cfg), settings.Listener.Close())
	}
	return n, nil
}

// welcome says where the node is, and for a trial what to try.
func (m *Main) welcome(cfg *config.Config, url string, trial bool) {
	p := m.page()
	p.f("@%s@%s runs at %s", cfg.Username, cfg.Domain, url)
	if !trial {
		return
	}
	p.lines("", "This is a trial: it reaches this machine only. Its data is in ./"+config.TrialDir+"; delete that to start anew. "+
		"Try, in the same directory:")
	p.gap()
	for _, line := range []string{`post "Hello, world"`, "timeline", "profile set --name Alice", "status", "help"} {
		p.f("  %s %s", invocation(), line)
	}
	p.gap()
}

// invocation is how this program was started, to be typed again.
func invocation() string {
	program, err := os.Executable()
	if err == nil && strings.Contains(filepath.ToSlash(program), "/go-build") { // where `go run` builds
		return "go run ./cmd/dunnock"
	}
	if strings.ContainsRune(os.Args[0], filepath.Separator) {
		return os.Args[0]
	}
	return "dunnock"
}
