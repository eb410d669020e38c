package main

import (
	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/federation/control"
)

func (m *Main) voteCommand() *cli.Command {
	return &cli.Command{
		Name: "vote", Category: catPosts, Usage: "vote in a poll",
		UsageText: "dunnock vote [OPTIONS] POST CHOICE...",
		Description: "A CHOICE is its name or its number, counted from 1 as `dunnock thread` shows it. Votes cannot be taken back." +
			examples("dunnock vote https://example.com/@bob/1 tea", "dunnock vote https://example.com/@bob/1 1 3"),
		Flags: []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			if c.NArg() < 2 {
				_, err := arguments(c, "POST", "CHOICE")
				return err
			}
			values := c.Args().Slice()
			return ask(m, c, "vote", control.Ballot{ID: values[0], Choices: values[1:]}, (*page).post)
		},
	}
}
