package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/cmd/internal/config"
	"github.com/dunnock-server/dunnock/federation/node"
	"github.com/dunnock-server/dunnock/storage"
)

func (m *Main) checkCommand() *cli.Command {
	return &cli.Command{
		Name: "check", Category: catNode, Usage: "find the faults in the configuration, and damage to the database",
		UsageText: "dunnock [--config FILE] check [OPTIONS]",
		Description: "Lists everything that is wrong, each with file, line, key and what to write instead. Nothing is changed. The " +
			"exit code is 2 if the configuration cannot be used. With --deep all of the database and the pictures is read as well, " +
			"whether the node runs or not: pages that the disk has changed, tables that are not as dunnock makes them, rows that " +
			"contradict each other, keys that cannot be read, pictures that are missing or changed. What is wrong is named with a " +
			"remedy, and the exit code is 1." +
			examples("dunnock check", "dunnock check --deep", "dunnock --config /etc/dunnock.toml check --json"),
		Flags: []cli.Flag{&cli.BoolFlag{Name: "deep", Usage: "read the whole database and all pictures too"}, jsonFlag()},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			loaded, err := m.load()
			faults, warnings := config.Faults{}, config.Faults{}
			if err != nil && !errors.As(err, &faults) {
				return err
			}
			if loaded != nil {
				warnings = append(warnings, loaded.Warnings...)
			}
			var damage []storage.Fault
			if c.Bool("deep") && err == nil {
				damage, err = node.Check(c.Context, loaded.Data)
				if err != nil {
					return fmt.Errorf("checking the node in %s: %w", loaded.Data, err)
				}
			}
			if c.Bool("json") {
				answer := map[string]any{"faults": faults, "warnings": warnings}
				if c.Bool("deep") {
					answer["damage"] = append([]storage.Fault{}, damage...)
				}
				if err := m.page().json(answer); err != nil {
					return err
				}
				switch {
				case len(faults) > 0:
					return errSilent
				case len(damage) > 0:
					return errDamage
				}
				return nil
			}
			for _, w := range warnings {
				m.errors().f("warning: %s", w)
			}
			if err != nil {
				return err
			}
			m.page().f("%s: no faults", loaded.File)
			if !c.Bool("deep") {
				return nil
			}
			if m.page().faults(damage); len(damage) > 0 {
				return errDamage
			}
			m.page().f("%s: no damage", loaded.Data)
			return nil
		},
	}
}

// errSilent is a configuration that cannot be used, already printed.
var errSilent = usageError{}

// errDamage is a damaged node, already described.
var errDamage = errors.New("the node is damaged")

// faults lists what is wrong with a node.
func (p *page) faults(list []storage.Fault) {
	for _, f := range list {
		p.lines("", f.Where+": "+f.Problem)
		p.lines("    ", f.Remedy)
	}
}
