package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/cmd/dunnock-load/internal/child"
	"github.com/dunnock-server/dunnock/cmd/dunnock-load/internal/fleet"
	"github.com/dunnock-server/dunnock/cmd/dunnock-load/internal/volley"
	"github.com/dunnock-server/dunnock/cmd/internal/config"
)

// How a load is sent, unless said otherwise.
const (
	actors      = 50
	connections = 16
)

// trial is a node among a fleet.
type trial struct {
	*report
	node   *child.Node
	fleet  *fleet.Fleet
	main   *Main
	dir    string
	known  map[*fleet.Actor]bool // whom the node has met
	follow map[*fleet.Actor]bool // who follows the owner
	number int                   // of the last act: no two are the same
}

// try runs a load in a trial of its own, with a fleet of that many servers, and prints what it found.
func (m *Main) try(c *cli.Context, servers int, load func(ctx context.Context, t *trial) error) (err error) {
	if c.Args().Present() {
		return usageError(fmt.Sprintf("%s takes options only, not %q", c.Command.Name, c.Args().First()))
	}
	dir, err := os.MkdirTemp("", "dunnock-load")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	t := &trial{report: &report{}, main: m, dir: dir}
	program := c.Path("dunnock")
	if program == "" {
		t.say("building dunnock")
		if program, err = child.Build(c.Context, dir); err != nil {
			return err
		}
	}
	if err := t.make(program, child.Direct); err != nil {
		return err
	}
	defer func() { t.node.Kill() }() // whichever it is by then
	if t.fleet, err = fleet.New(servers); err != nil {
		return err
	}
	defer t.fleet.Close()
	if err := load(c.Context, t); err != nil {
		return fmt.Errorf("%s: %w", c.Command.Name, err)
	}
	if err := t.print(m.Stdout, c.Bool("json")); err != nil {
		return err
	}
	if t.Lost || t.Missed && c.Bool("limits") {
		return errMissed
	}
	return nil
}

// make makes a node whom nobody knows, and who knows nobody, and who leaves by a relay.
func (t *trial) make(program string, by config.Relay) error {
	dir, err := os.MkdirTemp(t.dir, "node")
	if err != nil {
		return err
	}
	t.known, t.follow = map[*fleet.Actor]bool{}, map[*fleet.Actor]bool{}
	t.node, err = child.New(program, dir, by)
	return err
}

// anew goes on with another node, which it starts.
func (t *trial) anew(ctx context.Context) error {
	if err := t.node.Stop(); err != nil {
		return err
	}
	return t.by(ctx, child.Direct)
}

// by starts another node, which leaves by a relay. The last one must have ended.
func (t *trial) by(ctx context.Context, relay config.Relay) error {
	if err := t.make(t.node.Program, relay); err != nil {
		return err
	}
	return t.node.Start(ctx)
}

// say tells a terminal what goes on.
func (t *trial) say(format string, values ...any) {
	if t.main.Progress {
		fmt.Fprintf(t.main.Stderr, format+"\n", values...)
	}
}

// warn says what is wrong, whoever listens.
func (t *trial) warn(format string, values ...any) {
	fmt.Fprintf(t.main.Stderr, "dunnock-load: "+format+"\n", values...)
}

// owner is whom acts are about.
func (t *trial) owner() fleet.Owner {
	return fleet.Owner{URI: t.node.Owner(), Handle: "@" + child.Username + "@" + t.node.Address}
}

func (t *trial) target() volley.Target { return volley.Target{Address: t.node.Address} }

// next numbers an act.
func (t *trial) next() int {
	t.number++
	return t.number
}

// sign renders acts, to be sent to the owner's inbox.
func (t *trial) sign(acts []fleet.Act) ([][]byte, error) {
	return volley.Make(len(acts), func(i int) ([]byte, error) {
		return volley.Post(t.node.Inbox(), acts[i].Body, acts[i].Actor.Key)
	})
}

// introduce has the node meet actors before anything is measured: it fetches their keys once.
func (t *trial) introduce(ctx context.Context, actors []*fleet.Actor) error {
	var acts []fleet.Act
	for _, a := range actors {
		if !t.known[a] {
			acts = append(acts, a.Mention(t.owner(), t.next()))
		}
	}
	if len(acts) == 0 {
		return nil
	}
	t.say("introducing %d actors", len(acts))
	before, err := t.newest(ctx)
	if err != nil {
		return err
	}
	if err := t.insist(ctx, acts); err != nil {
		return err
	}
	for _, a := range actors {
		t.known[a] = true
	}
	return t.settle(ctx, before+int64(len(acts)))
}

// taken are the acts that were answered 2xx.
func taken(acts []fleet.Act, answers []volley.Answer) (list []fleet.Act) {
	for i, answer := range answers {
		if answer.OK() {
			list = append(list, acts[i])
		}
	}
	return list
}

// stalled is how long a node may show no progress before it counts as hanging: longer than it leaves a server alone that
// failed once.
const stalled = time.Minute
