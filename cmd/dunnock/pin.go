package main

import (
	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/federation/control"
)

func (m *Main) pinCommand() *cli.Command {
	return m.pinning("pin", "show a post at the top of your profile", "Pinned")
}

func (m *Main) unpinCommand() *cli.Command {
	return m.pinning("unpin", "take a post from the top of your profile", "No longer pinned:")
}

func (m *Main) pinning(name, usage, done string) *cli.Command {
	return &cli.Command{
		Name: name, Category: catPosts, Usage: usage, UsageText: "dunnock " + name + " [OPTIONS] POST",
		Description: "POST is one of your own public or unlisted posts." + examples("dunnock "+name+" https://example.org/@alice/x"),
		Flags:       []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			values, err := arguments(c, "POST")
			if err != nil {
				return err
			}
			return ask(m, c, name, control.ID{ID: values[0]}, func(p *page, _ nothing) { p.f("%s %s", done, values[0]) })
		},
	}
}
