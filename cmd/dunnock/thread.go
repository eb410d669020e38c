package main

import (
	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/federation/control"
)

func (m *Main) threadCommand() *cli.Command {
	return &cli.Command{
		Name: "thread", Category: catRead, Usage: "read a post with what it answers and its answers",
		UsageText:   "dunnock thread [OPTIONS] POST",
		Description: "Only what has arrived is shown; `dunnock lookup` fetches a post that has not." + examples("dunnock thread https://example.com/@bob/1"),
		Flags:       []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			values, err := arguments(c, "POST")
			if err != nil {
				return err
			}
			return ask(m, c, "thread", control.ID{ID: values[0]}, func(p *page, list control.Posts) { p.posts(list, "") })
		},
	}
}
