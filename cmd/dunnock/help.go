package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
)

// showHelp prints the help of the app or of one command, wrapped to maxWidth. It stands in for the library's templates,
// which wrap neither options nor lists.
func showHelp(w io.Writer, _ string, data any) {
	p := &page{w: w, width: maxWidth}
	switch c := data.(type) {
	case *cli.App:
		p.lines("", c.Name+" - "+c.Usage)
		p.gap()
		p.lines("", c.Description)
		section(p, "Usage")
		p.lines("  ", c.UsageText)
		category := ""
		for _, command := range c.Commands { // they stand in the order of their categories
			if command.Category != category {
				category = command.Category
				section(p, category)
			}
			p.entry(command.Name, command.Usage)
		}
		p.options(c.VisibleFlags())
	case *cli.Command:
		p.lines("", c.HelpName+" - "+c.Usage)
		description, examples, _ := strings.Cut(c.Description, exampleMark)
		if description != "" {
			p.gap()
			p.lines("", description)
		}
		section(p, "Usage")
		p.lines("  ", c.UsageText)
		if len(c.Subcommands) > 0 {
			section(p, "Commands")
			p.commands(c.VisibleCommands())
		}
		p.options(c.VisibleFlags())
		if examples != "" {
			section(p, "Examples")
			p.lines("", examples)
		}
	}
}

// exampleMark parts a command's description from its examples.
const exampleMark = "\n\nExamples:\n"

// examples are the lines of a description that show the command in use.
func examples(lines ...string) string {
	return exampleMark + "  " + strings.Join(lines, "\n  ")
}

func section(p *page, title string) {
	p.gap()
	p.lines("", title+":")
}

func (p *page) commands(list []*cli.Command) {
	for _, c := range list {
		p.entry(c.Name, c.Usage)
	}
}

// options prints flags as "--name VALUE", with VALUE the word in backquotes in their usage.
func (p *page) options(flags []cli.Flag) {
	if len(flags) == 0 {
		return
	}
	section(p, "Options")
	for _, f := range flags {
		doc, ok := f.(cli.DocGenerationFlag)
		if !ok {
			continue
		}
		name := "--" + f.Names()[0]
		usage := doc.GetUsage()
		if before, rest, ok := strings.Cut(usage, "`"); ok {
			value, after, _ := strings.Cut(rest, "`")
			name, usage = name+" "+value, before+value+after
		}
		p.entry(name, usage)
	}
}

// entry is a name and what it means, in two columns; a name too wide for its column has a line of its own.
func (p *page) entry(name, meaning string) {
	const column = 22
	lines := wrap(meaning, p.width-column-2)
	if len(name) >= column {
		p.f("  %s", name)
	} else {
		p.f("  %-*s%s", column, name, lines[0])
		lines = lines[1:]
	}
	for _, line := range lines {
		p.f("  %*s%s", column, "", line)
	}
}

func (m *Main) helpCommand() *cli.Command {
	return &cli.Command{
		Name: "help", Category: catOther, Usage: "show the help of a command",
		UsageText:   "dunnock help [COMMAND [SUBCOMMAND]]",
		Description: "Shows the same as --help after the command." + examples("dunnock help post", "dunnock help followers approve"),
		Action: func(c *cli.Context) error {
			commands, found := c.App.Commands, (*cli.Command)(nil)
			for _, name := range c.Args().Slice() {
				if found = named(commands, name); found == nil {
					return usagef("there is no command %q", strings.Join(c.Args().Slice(), " "))
				}
				commands = found.Subcommands
			}
			if found == nil {
				showHelp(m.Stdout, "", c.App)
				return nil
			}
			if found.HelpName == "" {
				found.HelpName = fmt.Sprint("dunnock ", strings.Join(c.Args().Slice(), " "))
			}
			showHelp(m.Stdout, "", found)
			return nil
		},
	}
}
