package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/federation/control"
	"github.com/dunnock-server/dunnock/hardening/egress"
)

func (m *Main) relayTestCommand() *cli.Command {
	return &cli.Command{
		Name: "test", Usage: "test whether relays keep what is promised of them",
		UsageText: "dunnock relay test [OPTIONS] [NAME]",
		Description: "Tests the relay called NAME, or each that is in use:\n\n" +
			"  link               it comes up, and how long a signal takes there and back:\n" +
			"                     who reaches this node through the relay can measure it,\n" +
			"                     and tell from it how far from the relay you can be\n" +
			"  private addresses  none of its machine or network can be asked for\n" +
			"  direct dial        with the relay down, nothing goes another way\n" +
			"  address            what servers see, as told by the echo in egress.echo,\n" +
			"                     which learns that the relay was tested\n" +
			"  names              they are looked up beyond the relay\n\n" +
			"The exit code is 0 only if all hold. A relay of kind direct never passes. The node may run or not." +
			examples("dunnock relay test", "dunnock relay test vps", "dunnock relay test --json"),
		Flags:  []cli.Flag{jsonFlag()},
		Action: m.relayTest,
	}
}

func (m *Main) relayTest(c *cli.Context) error {
	var names []string
	if c.Args().Present() {
		if _, err := arguments(c, "NAME"); err != nil {
			return err
		}
		names = []string{c.Args().First()}
	}
	node, err := m.join(c.Context, false)
	if err != nil {
		return err
	}
	trials, err := m.trials(c, node, names)
	err = errors.Join(err, node.close())
	if c.Bool("json") && trials != nil {
		err = errors.Join(m.page().json(trials), err)
	}
	return err
}

// trials tests relays one after the other, and shows each as it ends.
func (m *Main) trials(c *cli.Context, node *connection, names []string) ([]control.Trial, error) {
	if names == nil {
		var all control.Relays
		if err := node.Call(c.Context, "relays", nothing{}, &all); err != nil {
			return nil, err
		}
		for _, w := range all.Relays {
			names = append(names, w.Name)
		}
		if names == nil {
			return nil, errors.New("there is no relay in use: nothing leaves this node")
		}
	}
	var trials []control.Trial
	var broken []string
	for _, name := range names {
		var t control.Trial
		if err := node.Call(c.Context, "relay_test", control.What{What: name}, &t); err != nil {
			return trials, err
		}
		trials = append(trials, t)
		if !c.Bool("json") {
			m.showTrial(t)
		}
		for _, check := range t.Checks {
			if !check.OK && !slices.Contains(broken, name) {
				broken = append(broken, name)
			}
		}
	}
	if broken != nil {
		return trials, fmt.Errorf("%d of %d relays did not pass", len(broken), len(names))
	}
	return trials, nil
}

func (m *Main) showTrial(t control.Trial) {
	p := m.page()
	p.row("", cell{bold, t.Name})
	p.checks("  ", t.Checks)
}

// checks shows what was found out, a line each.
func (p *page) checks(indent string, checks []egress.Check) {
	for _, check := range checks {
		verdict := cell{plain, "ok"}
		if !check.OK {
			verdict = cell{yellow, "FAILED"}
		}
		p.row(indent, verdict, cell{bold, check.What}, cell{plain, check.Found})
	}
}
