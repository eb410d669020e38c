package main

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/urfave/cli/v2"
)

//go:embed guide/*.md
var guides embed.FS

func (m *Main) guideCommand() *cli.Command {
	return &cli.Command{
		Name: "guide", Category: catNode, Usage: "show how to set up a node with relays",
		UsageText: "dunnock guide [NAME]",
		Description: "Shows a guide, each with a complete configuration and with what it does not give; without NAME, lists them." +
			examples("dunnock guide", "dunnock guide vps", "dunnock guide tor | less"),
		Action: func(c *cli.Context) error {
			if !c.Args().Present() {
				return m.listGuides()
			}
			if _, err := arguments(c, "NAME"); err != nil {
				return err
			}
			text, err := guides.ReadFile("guide/" + c.Args().First() + ".md")
			if err != nil {
				return fmt.Errorf("there is no guide called %q: `dunnock guide` lists them", c.Args().First())
			}
			if _, err := m.Stdout.Write(text); err != nil {
				return fmt.Errorf("printing the guide: %w", err)
			}
			return nil
		},
	}
}

func (m *Main) listGuides() error {
	names, err := fs.Glob(guides, "guide/*.md")
	if err != nil {
		return fmt.Errorf("listing the guides: %w", err)
	}
	p := m.page()
	for _, name := range names {
		text, err := guides.ReadFile(name)
		if err != nil {
			return fmt.Errorf("reading a guide: %w", err)
		}
		title, _, _ := strings.Cut(string(text), "\n")
		p.row("", cell{bold, strings.TrimSuffix(path.Base(name), ".md")}, cell{plain, strings.TrimPrefix(title, "# ")})
	}
	return nil
}
