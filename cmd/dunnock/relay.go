package main

import (
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/federation/control"
)

func (m *Main) relayCommand() *cli.Command {
	return &cli.Command{
		Name: "relay", Category: catNode, Usage: "the ways by which everything leaves",
		UsageText:   "dunnock relay COMMAND [OPTIONS]",
		Description: "Which relays there are is said in the configuration, under [[relay]] and [egress].",
		Subcommands: []*cli.Command{m.relayListCommand(), m.relayTestCommand(), m.relayServeCommand(), m.relayKeygenCommand()},
	}
}

func (m *Main) relayListCommand() *cli.Command {
	return &cli.Command{
		Name: "list", Usage: "list the relays, and which of them are up",
		UsageText: "dunnock relay list [OPTIONS]",
		Description: "Lists the relays of the node that runs, what they carry and whether they can be reached. While a relay is down what " +
			"it should carry waits; nothing goes another way than the configuration says." + examples("dunnock relay list", "dunnock relay list --json"),
		Flags: []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			return ask(m, c, "relays", nothing{}, func(p *page, r control.Relays) {
				for _, w := range r.Relays {
					state := cell{plain, "up"}
					switch {
					case w.Down:
						state = cell{yellow, "down"}
					case w.Since.IsZero():
						state = cell{dim, "-"}
					}
					carries := strings.Join(w.Routes, ", ")
					if w.Pool {
						carries = strings.TrimSuffix("everything else, "+carries, ", ")
					}
					p.row("", cell{bold, w.Name}, cell{plain, w.Kind}, state, cell{dim, when(w.Since)}, cell{plain, carries})
					if w.Down {
						p.lines("  ", w.Reason+"; tried again "+when(w.Next))
					}
				}
				if len(r.Relays) == 0 {
					p.lines("", "There is no relay, or the node is not running: nothing leaves.")
				}
			})
		},
	}
}
