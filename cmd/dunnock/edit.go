package main

import (
	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/federation/control"
)

func (m *Main) editCommand() *cli.Command {
	return &cli.Command{
		Name: "edit", Category: catPosts, Usage: "change one of your posts",
		UsageText: "dunnock edit [OPTIONS] POST [TEXT | -]",
		Description: "With - in place of TEXT, or with nothing but POST, the new text is read from standard input. What is not " +
			"named stays as it is." +
			examples(`dunnock edit https://example.org/@alice/x "Hello, world!"`, `dunnock edit --cw food https://example.org/@alice/x`),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "cw", Usage: "the new content warning `TEXT`; empty for none"},
			&cli.BoolFlag{Name: "sensitive", Usage: "hide the pictures until clicked; --sensitive=false shows them"},
			&cli.StringFlag{Name: "language", Usage: "its language as a `CODE`"},
			jsonFlag(),
		},
		Action: func(c *cli.Context) error {
			values := c.Args().Slice()
			if len(values) == 0 {
				return usageError{c.Command.HelpName + " needs POST", c.Command.HelpName}
			}
			args := control.EditedPost{ID: values[0], Warning: given[string](c, "cw"), Sensitive: given[bool](c, "sensitive"),
				Language: given[string](c, "language")}
			if len(values) > 1 || args == (control.EditedPost{ID: values[0]}) {
				text, err := m.text(c, values[1:], false)
				if err != nil {
					return err
				}
				args.Text = &text
			}
			return ask(m, c, "edit", args, (*page).written)
		},
	}
}
