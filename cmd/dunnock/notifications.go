package main

import (
	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/control"
)

func (m *Main) notificationsCommand() *cli.Command {
	return &cli.Command{
		Name: "notifications", Category: catRead, Usage: "read what others did that concerns you",
		UsageText:   "dunnock notifications [OPTIONS]",
		Description: "Follows, mentions, answers, likes, boosts, reports and moves, newest first." + examples("dunnock notifications --limit 50"),
		Flags:       append(pageFlags("of them"), jsonFlag()),
		Action: func(c *cli.Context) error {
			args, err := pageArguments(c)
			if err != nil {
				return err
			}
			return ask(m, c, "notifications", args, func(p *page, list control.Notifications) {
				for _, n := range list.Notifications {
					who := called(federation.Relationship{Actor: n.Actor, Handle: n.Handle})
					p.row("", cell{yellow, n.Kind}, cell{bold, who}, cell{dim, when(n.At)}, cell{plain, n.Object})
					if n.Text != "" {
						p.lines("  ", n.Text)
					}
				}
				if len(list.Notifications) == 0 {
					p.lines("", "Nothing here.")
				}
				if list.Next != "" {
					p.gap()
					p.f("Older: dunnock notifications --before %s", oneLine(list.Next))
				}
			})
		},
	}
}
