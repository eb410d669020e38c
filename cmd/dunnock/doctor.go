package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/federation/control"
)

func (m *Main) doctorCommand() *cli.Command {
	return &cli.Command{
		Name: "doctor", Category: catNode, Usage: "find out what others could see that they should not",
		UsageText: "dunnock doctor [OPTIONS]",
		Description: "Examines the node that runs:\n\n" +
			"  relay NAME   it can be reached, and is not of kind direct\n" +
			"  exits        what is not signed leaves from another address than the one\n" +
			"               where visitors come: who is asked for a picture could tell\n" +
			"               by that address that it is you\n" +
			"  way in NAME  the node has seen itself from outside\n" +
			"  certificate  there is one, where TLS ends at the node\n" +
			"  CAA NAME     nobody else may be issued one: not even the relay, which\n" +
			"               holds the name's address\n\n" +
			"It asks the resolver in egress.resolver for the CAA records of your domain, and nobody for anything else. The exit code is 0 " +
			"only if all is well." + examples("dunnock doctor", "dunnock doctor --json"),
		Flags: []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			var found control.Findings
			if err := m.call(c.Context, "doctor", nothing{}, &found); err != nil {
				return err
			}
			if !c.Bool("json") {
				m.page().checks("", found.Checks)
			} else if err := m.page().json(found); err != nil {
				return err
			}
			failed := 0
			for _, check := range found.Checks {
				if !check.OK {
					failed++
				}
			}
			if failed > 0 {
				return fmt.Errorf("%d of %d checks failed", failed, len(found.Checks))
			}
			return nil
		},
	}
}
