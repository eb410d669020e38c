package main

import (
	"errors"

	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/cmd/internal/config"
)

func (m *Main) checkCommand() *cli.Command {
	return &cli.Command{
		Name: "check", Category: catNode, Usage: "find the faults in the configuration",
		UsageText: "dunnock [--config FILE] check [OPTIONS]",
		Description: "Lists everything that is wrong, each with file, line, key and what to write instead. Nothing is opened " +
			"or changed. The exit code is 2 if the configuration cannot be used." +
			examples("dunnock check", "dunnock --config /etc/dunnock.toml check --json"),
		Flags: []cli.Flag{jsonFlag()},
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
			if c.Bool("json") {
				if err := m.page().json(map[string]config.Faults{"faults": faults, "warnings": warnings}); err != nil {
					return err
				}
				if len(faults) > 0 {
					return errSilent
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
			return nil
		},
	}
}

// errSilent is a configuration that cannot be used, already printed.
var errSilent = usageError{}
