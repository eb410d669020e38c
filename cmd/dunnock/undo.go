package main

import (
	"context"
	"errors"

	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/control"
)

func (m *Main) undoCommand() *cli.Command {
	return &cli.Command{
		Name: "undo", Category: catPosts, Usage: "take back a like or a boost",
		UsageText: "dunnock undo [OPTIONS] POST",
		Description: "Takes back what you did with a post, both if you did both. What nobody has been told of yet never will be." +
			examples("dunnock undo https://example.com/@bob/1", "dunnock undo --kind boost https://example.com/@bob/1"),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "kind", Usage: "take back one `KIND` of act only: like or boost"},
			jsonFlag(),
		},
		Action: m.undo,
	}
}

func (m *Main) undo(c *cli.Context) error {
	values, err := arguments(c, "POST")
	if err != nil {
		return err
	}
	kinds := []string{"like", "boost"}
	switch kind := c.String("kind"); kind {
	case "":
	case "like", "boost":
		kinds = []string{kind}
	default:
		return usagef("--kind is like or boost, not %s", quoted(kind))
	}
	undone, err := m.undoAll(c.Context, values[0], kinds)
	if err != nil {
		return err
	}
	for _, u := range undone {
		if c.Bool("json") {
			err = errors.Join(err, m.page().json(u))
		} else {
			m.page().f("Undone: %s", u.URI)
		}
	}
	return err
}

// undoAll takes back every kind of act that is there; that none is, is the error.
func (m *Main) undoAll(ctx context.Context, id string, kinds []string) (undone []control.Undone, err error) {
	for _, kind := range kinds {
		var one control.Undone
		var failure *federation.Error
		switch e := m.call(ctx, "undo", control.Undoing{ID: id, Kind: kind}, &one); {
		case e == nil:
			undone = append(undone, one)
		case errors.As(e, &failure) && failure.Kind == federation.NotFound:
			err = e
		default:
			return undone, e
		}
	}
	if len(undone) > 0 {
		err = nil
	}
	return undone, err
}
