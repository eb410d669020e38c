package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/federation"
)

func (m *Main) queueCommand() *cli.Command {
	return &cli.Command{
		Name: "queue", Category: catNode, Usage: "list what waits to leave, and what was given up",
		UsageText:   "dunnock queue [OPTIONS]",
		Description: "Lists calls made while the node was down, then deliveries, then those given up after 7 days." + examples("dunnock queue"),
		Flags:       []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			return ask(m, c, "queue", nothing{}, func(p *page, q federation.Queued) {
				for _, call := range q.Calls {
					p.row("", cell{yellow, "call"}, cell{bold, call.Name}, cell{dim, when(call.Created)}, cell{plain, call.Error})
				}
				for _, d := range q.Waiting {
					p.delivery("waiting", d)
				}
				for _, d := range q.GivenUp {
					p.delivery("given up", d)
				}
				if len(q.Calls)+len(q.Waiting)+len(q.GivenUp) == 0 {
					p.lines("", "Nothing waits.")
				}
			})
		},
	}
}

func (p *page) delivery(state string, d federation.Waiting) {
	tried := ""
	if d.Attempts > 0 {
		tried = fmt.Sprintf("tried %d times", d.Attempts)
	}
	p.row("", cell{yellow, state}, cell{bold, d.Act}, cell{plain, "to " + d.Host}, cell{dim, when(d.Due)}, cell{dim, tried}, cell{dim, d.Object})
	if d.Error != "" {
		p.lines("  ", d.Error)
	}
}
