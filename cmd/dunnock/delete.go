package main

import (
	"errors"

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
				return m.wouldDelete(c, values[0])
			}
			return ask(m, c, "delete", control.ID{ID: values[0]}, func(p *page, gone control.Deleted) { p.f("Deleted %s", gone.URI) })
		},
	}
}

// wouldDelete finds the post that delete would meet, among those of its thread.
func (m *Main) wouldDelete(c *cli.Context, id string) error {
	var thread control.Posts
	if err := m.call(c.Context, "thread", control.ID{ID: id}, &thread); err != nil {
		return err
	}
	for _, x := range thread.Posts {
		switch {
		case id != x.ID && id != x.URI && id != x.URL:
		case x.State == "":
			return errors.New("only your own posts can be deleted")
		case c.Bool("json"):
			return m.page().json(map[string]string{"would_delete": x.URI})
		default:
			x.Depth = 0
			m.page().f("Would delete:")
			m.page().post(x)
			return nil
		}
	}
	return errors.New("the post is not known here")
}
