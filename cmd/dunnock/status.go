package main

import (
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/federation"
)

func (m *Main) statusCommand() *cli.Command {
	return &cli.Command{
		Name: "status", Category: catNode, Usage: "show how the node is doing",
		UsageText:   "dunnock status [OPTIONS]",
		Description: "Shows who and where the node is, whether it runs, and how much waits." + examples("dunnock status --json"),
		Flags:       []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			return ask(m, c, "status", nothing{}, func(p *page, s federation.Status) {
				p.row("", cell{bold, s.Handle}, cell{plain, s.URI})
				p.f("up for %s", s.Uptime.Round(time.Second))
				p.lines("", fmt.Sprintf("%d followers, %d followed; %d deliveries wait to leave, %d were given up, %d arrivals wait to be worked on",
					s.Followers, s.Following, s.Waiting, s.GivenUp, s.Inbound))
			})
		},
	}
}
