package main

import (
	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/control"
)

func (m *Main) boostCommand() *cli.Command {
	return m.reactionCommand("boost", "pass a post on to your followers", "Passes a public or unlisted post on.", "Boosted", "https://example.com/@bob/1")
}

func (m *Main) likeCommand() *cli.Command {
	return m.reactionCommand("like", "like a post", "Tells the author of a post, and nobody else, that you like it.", "Liked", "https://example.com/@bob/1")
}

func (m *Main) reactionCommand(name, usage, description, done, example string) *cli.Command {
	return &cli.Command{
		Name: name, Category: catPosts, Usage: usage, UsageText: "dunnock " + name + " [OPTIONS] POST",
		Description: description + " `dunnock undo POST` takes it back." + examples("dunnock "+name+" "+example),
		Flags:       []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			values, err := arguments(c, "POST")
			if err != nil {
				return err
			}
			return ask(m, c, name, control.ID{ID: values[0]}, func(p *page, r federation.Reaction) { p.f("%s %s", done, r.Object) })
		},
	}
}
