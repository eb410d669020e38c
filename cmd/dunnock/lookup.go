package main

import (
	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/federation/control"
)

func (m *Main) lookupCommand() *cli.Command {
	return &cli.Command{
		Name: "lookup", Category: catRead, Usage: "find a person or a post",
		UsageText: "dunnock lookup [OPTIONS] HANDLE | URL",
		Description: "What is not known here is fetched now: the server asked learns that this node asked, and when." +
			examples("dunnock lookup @bob@example.com", "dunnock lookup https://example.com/@bob/1"),
		Flags: []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			values, err := arguments(c, "HANDLE or URL")
			if err != nil {
				return err
			}
			m.errors().lines("", "Unless it is known here, this asks the server of "+quoted(values[0])+" now, which learns that you asked.")
			return ask(m, c, "lookup", control.What{What: values[0]}, func(p *page, f control.Found) {
				switch {
				case f.Actor != nil:
					p.account(*f.Actor)
				case f.Post != nil:
					p.post(*f.Post)
				}
			})
		},
	}
}
