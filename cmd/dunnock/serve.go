package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

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
			"interrupt ends it at once. Without a terminal, SIGHUP has it read the configuration anew: one with a fault is told of in the log " +
			"and not used. Without any configuration a trial node is made in ./" + config.TrialDir + ", which nobody but " +
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
	m.logFaults(slog.LevelWarn, cfg.Warnings)
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
	ctx, stop := signal.NotifyContext(c.Context, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // from then on, a second signal ends the process
	collectLess()
	calm := time.NewTicker(10 * time.Second)
	defer calm.Stop()
	go giveBack(ctx, calm.C)
	return errors.Join(m.run(ctx, n, cfg), said)
}

// run runs a node until ctx ends, with another configuration whenever it is to read that anew.
func (m *Main) run(ctx context.Context, n *node.Node, cfg *config.Config) error {
	again := make(chan os.Signal, 1)
	if m.Width == 0 { // who closes the terminal wants the node to end
		signal.Notify(again, syscall.SIGHUP)
		defer signal.Stop(again)
	}
	for {
		next, err := m.runUntil(ctx, n, cfg, again)
		if err = errors.Join(err, n.Close()); err != nil || next == nil {
			return err
		}
		n, err = m.listening(ctx, next, func(string) { m.log.Info("the configuration was read anew", "file", next.File) })
		if err != nil && ctx.Err() == nil {
			m.log.Error("the new configuration cannot be used: going on with the old one", "err", err)
			next = cfg
			n, err = m.listening(ctx, cfg, nil)
		}
		switch {
		case err != nil && ctx.Err() != nil: // interrupted meanwhile
			return nil
		case err != nil:
			return err
		}
		cfg = next
	}
}

// runUntil runs a node until ctx ends, or until there is another configuration to go on with.
func (m *Main) runUntil(ctx context.Context, n *node.Node, cfg *config.Config, again <-chan os.Signal) (next *config.Config, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	for {
		select {
		case err := <-ended:
			return nil, err
		case <-again:
			if next = m.changed(cfg); next != nil {
				stop()
				return next, <-ended
			}
		}
	}
}

// changed reads the configuration anew; nil if it cannot be used.
func (m *Main) changed(cfg *config.Config) *config.Config {
	next, err := config.Load(cfg.File)
	var faults config.Faults
	switch {
	case errors.As(err, &faults):
		m.logFaults(slog.LevelError, faults)
		return nil
	case err != nil:
		m.log.Error("the configuration cannot be read", "err", err)
		return nil
	case next.Domain != cfg.Domain || next.Host != cfg.Host || next.Username != cfg.Username || next.Data != cfg.Data || (next.Unsafe == nil) != (cfg.Unsafe == nil):
		m.log.Error("domain, host, username, data and [unsafe] cannot change while the node runs", "file", cfg.File)
		return nil
	}
	m.logFaults(slog.LevelWarn, next.Warnings)
	return next
}

func (m *Main) logFaults(level slog.Level, faults config.Faults) {
	for _, f := range faults {
		m.log.Log(context.Background(), level, "configuration", "key", f.Key, "line", f.Line, "problem", f.Problem, "remedy", f.Remedy)
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
	settings.Ready, settings.Reread = ready, config.Reread(cfg.File)
	if settings.Listen.Address != "" {
		settings.Listener, err = ingress.Listen(settings.Listen)
	}
	if errors.Is(err, ingress.ErrInUse) && answers(ctx, cfg) {
		return nil, opening(node.ErrLocked, cfg)
	} else if errors.Is(err, ingress.ErrInUse) {
		return nil, fmt.Errorf("another program listens at %s: stop it, or change listen.address in %s", cfg.Listen.Address, cfg.File)
	} else if err != nil {
		return nil, err
	}
	n, err := open(ctx, cfg, settings)
	if err != nil {
		err = opening(err, cfg)
		if settings.Listener != nil {
			err = errors.Join(err, settings.Listener.Close())
		}
		return nil, err
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
