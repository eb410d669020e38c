package main

import (
	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/federation/control"
)

func (m *Main) timelineCommand() *cli.Command {
	return &cli.Command{
		Name: "timeline", Category: catRead, Usage: "read the posts of those you follow, and your own",
		UsageText:   "dunnock timeline [OPTIONS]",
		Description: "Newest first. Only what has arrived is shown: reading asks no other server for anything." + examples("dunnock timeline --limit 5"),
		Flags:       append(pageFlags("posts"), jsonFlag()),
		Action: func(c *cli.Context) error {
			args, err := pageArguments(c)
			if err != nil {
				return err
			}
			return ask(m, c, "timeline", args, func(p *page, list control.Posts) { p.posts(list, "dunnock timeline") })
		},
	}
}

// maxPage is the most that the node lists at once.
const maxPage = 200

// pageFlags are those of every list that is read in parts.
func pageFlags(things string) []cli.Flag {
	return []cli.Flag{
		&cli.IntFlag{Name: "limit", Value: 20, Usage: "show up to `N` " + things + "; 20 if not given"},
		&cli.StringFlag{Name: "before", Usage: "go on from the `PLACE` that the last page ended with"},
	}
}

func pageArguments(c *cli.Context) (control.Page, error) {
	if _, err := arguments(c); err != nil {
		return control.Page{}, err
	}
	if n := c.Int("limit"); n < 1 || n > maxPage {
		return control.Page{}, usagef("--limit is a number from 1 to %d, not %d", maxPage, n)
	}
	return control.Page{Limit: c.Int("limit"), Before: c.String("before")}, nil
}
