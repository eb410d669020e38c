package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/cmd/internal/config"
	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/control"
	"github.com/dunnock-server/dunnock/federation/node"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/storage"
)

// load reads the configuration.
func (m *Main) load() (*config.Config, error) {
	path, trial, err := config.Find(m.config)
	if err != nil {
		return nil, fmt.Errorf("looking for the configuration: %w", err)
	}
	if _, err := os.Lstat(path); trial && errors.Is(err, os.ErrNotExist) {
		return nil, usagef("there is no %s here: make one with `dunnock init`, start a trial with `dunnock serve`, or name one with --config",
			config.FileName)
	}
	return config.Load(path)
}

// A node that starts or stops, or another command, holds the lock for a moment without answering.
const (
	patience = 3 * time.Second
	pause    = 50 * time.Millisecond
)

// connection is a way to the node, and what ends it.
type connection struct {
	*control.Client
	running bool   // in a process of its own
	data    string // its directory
	close   func() error
}

// connect gives the way to the node: through its socket if it runs, else by opening it in this process.
func (m *Main) connect(ctx context.Context) (*connection, error) { return m.join(ctx, true) }

// join is connect; with offline, what needs the network waits for the node to run.
func (m *Main) join(ctx context.Context, offline bool) (*connection, error) {
	c, err := m.load()
	if err != nil {
		return nil, err
	}
	settings, err := c.Node(m.log)
	if err != nil {
		return nil, err
	}
	settings.Offline = offline
	socket := filepath.Join(c.Data, node.SocketName)
	deadline := time.After(patience)
	for {
		if answers(ctx, c) {
			return &connection{control.Dial(socket), true, c.Data, func() error { return nil }}, nil
		}
		n, err := open(ctx, c, settings)
		if err == nil {
			return &connection{control.InProcess(n.Control()), false, c.Data, n.Close}, nil
		} else if !errors.Is(err, node.ErrLocked) {
			return nil, opening(err, c)
		}
		select {
		case <-time.After(pause):
		case <-deadline:
			return nil, fmt.Errorf("another process holds the lock of %s, but does not answer at %s: "+
				"it hangs, or takes long to start or stop; look at the log of `dunnock serve`", c.Data, socket)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// answers reports whether the node runs.
func answers(ctx context.Context, c *config.Config) bool {
	conn, err := egress.DialControl(ctx, filepath.Join(c.Data, node.SocketName))
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// open opens the node where there is one: a mistyped data directory is not made.
func open(ctx context.Context, c *config.Config, settings node.Config) (*node.Node, error) {
	if _, err := os.Stat(c.Data); errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("there is nothing: make the node with `dunnock init`, or correct data in %s", c.File)
	}
	return node.Open(ctx, settings)
}

// opening is why a node could not be opened, for people.
func opening(err error, c *config.Config) error {
	if errors.Is(err, node.ErrLocked) {
		return fmt.Errorf("the node in %s runs already", c.Data)
	}
	if means := storage.Trouble(err); means != nil && !errors.Is(err, means) {
		err = fmt.Errorf("%w: %w", err, means)
	}
	return fmt.Errorf("opening the node in %s: %w", c.Data, err)
}

// call makes one call.
func (m *Main) call(ctx context.Context, name string, args, result any) error {
	node, err := m.connect(ctx)
	if err != nil {
		return err
	}
	err = errors.Join(node.Call(ctx, name, args, result), node.close())
	var failure *federation.Error
	if errors.As(err, &failure) && failure.Kind == federation.Network && !node.running {
		return errors.New("this needs other servers, and the node is not running: start it with `dunnock serve`")
	}
	if errors.As(err, &failure) && failure.Kind == federation.Disk {
		return fmt.Errorf("the node in %s: %w", node.data, err)
	}
	return err
}

// ask makes one call and prints the answer: as it came with --json, else as show does. What was queued succeeded too.
func ask[T any](m *Main, c *cli.Context, name string, args any, show func(*page, T)) error {
	var answer json.RawMessage
	if err := m.call(c.Context, name, args, &answer); err != nil {
		return err
	}
	if c.Bool("json") {
		return m.page().json(answer)
	}
	var later control.Kept
	if json.Unmarshal(answer, &later) == nil && later.Queued {
		m.page().lines("", fmt.Sprintf("Queued (%d): this needs other servers, and the node is not running. "+
			"It happens once `dunnock serve` runs; `dunnock queue` lists it.", later.ID))
		return nil
	}
	var result T
	if err := json.Unmarshal(answer, &result); err != nil {
		return fmt.Errorf("reading the node's answer: %w", err)
	}
	show(m.page(), result)
	return nil
}
