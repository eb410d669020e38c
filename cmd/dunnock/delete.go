package main

import (
	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/federation/control"
)

func (m *Main) deleteCommand() *cli.Command {
	return &cli.Command{
		Name: "delete", Category: catPosts, Usage: "delete one of your posts",
		UsageText: "dunnock delete [OPTIONS] POST",
		Description: "Every server that was told of the post is asked to delete it too; not all do. One that was told of " +
			"nobody yet is simply gone. This cannot be undone." +
			examples("dunnock delete --dry-run https://example.org/@alice/x", "dunnock delete https://example.org/@alice/x"),
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "dry-run", Usage: "show what would be deleted, and delete nothing"},
			jsonFlag(),
		},
		Action: func(c *cli.Context) error {
			values, err := arguments(c, "POST")
			if err != nil {
				return err
			}
			if c.Bool("dry-run") {
				return ask(m, c, "thread", control.ID{ID: values[0]}, func(p *page, thread control.Posts) {
					for _, x := range thread.Posts {
						if values[0] == x.ID || values[0] == x.URI || values[0] == x.URL {
							p.lines("", "Would delete:")
							p.post(x)
						}
					}
				})
			}
			return ask(m, c, "delete", control.ID{ID: values[0]}, func(p *page, gone control.Deleted) { p.f("Deleted %s", gone.URI) })
		},
	}
}
