package main

import (
	"strings"

	"github.com/urfave/cli/v2"
)

// completionFlag is what the completion scripts add at the end of a line.
const completionFlag = "--generate-bash-completion"

// flagsFirst moves the flags of a command before its other arguments, so that `dunnock follow @a@b.c --json` means what
// it says: the parser takes everything after the first argument for arguments. "--" ends flags, as everywhere, and is
// put between the two, so that they stay apart.
func flagsFirst(app *cli.App, arguments []string) []string {
	if n := len(arguments); n > 0 && arguments[n-1] == completionFlag {
		return arguments
	}
	flags, commands := app.Flags, app.Commands
	var done, moved, rest []string // commands and their flags; flags of the last command; its arguments
	for i := 0; i < len(arguments); i++ {
		argument := arguments[i]
		if argument == "--" {
			rest = append(rest, arguments[i+1:]...)
			break
		}
		if len(argument) > 1 && argument[0] == '-' {
			moved = append(moved, argument)
			if takesValue(flags, argument) && i+1 < len(arguments) {
				i++
				moved = append(moved, arguments[i])
			}
			continue
		}
		if command := named(commands, argument); command != nil && rest == nil {
			done = append(append(done, moved...), argument)
			flags, commands, moved = command.Flags, command.Subcommands, nil
			continue
		}
		rest = append(rest, argument)
	}
	if done = append(done, moved...); rest != nil {
		done = append(append(done, "--"), rest...)
	}
	return done
}

func named(commands []*cli.Command, name string) *cli.Command {
	for _, c := range commands {
		if c.HasName(name) {
			return c
		}
	}
	return nil
}

// takesValue reports whether the argument after this flag belongs to it. An unknown flag is left for the parser to name.
func takesValue(flags []cli.Flag, argument string) bool {
	name := strings.TrimLeft(argument, "-")
	for _, f := range flags {
		for _, n := range f.Names() {
			if n == name {
				doc, ok := f.(cli.DocGenerationFlag)
				return ok && doc.TakesValue()
			}
		}
	}
	return false
}

// arguments are the values after the flags, as many as names. The error says which is missing, or which is too many.
func arguments(c *cli.Context, names ...string) ([]string, error) {
	values := c.Args().Slice()
	switch {
	case len(values) < len(names):
		return nil, usageError{c.Command.HelpName + " needs " + strings.Join(names[len(values):], " and "), c.Command.HelpName}
	case len(values) > len(names):
		return nil, usageError{c.Command.HelpName + " takes no " + quoted(values[len(names)]) + ": put text with spaces in quotes", c.Command.HelpName}
	}
	return values, nil
}

// quoted is an argument inside a message.
func quoted(s string) string { return `"` + oneLine(s) + `"` }

// given is a flag's value if the flag was given, else nil: "as it is".
func given[T any](c *cli.Context, flag string) *T {
	if !c.IsSet(flag) {
		return nil
	}
	value := c.Value(flag).(T)
	return &value
}

// nothing is the answer to a call that has none, and the arguments of one that takes none.
type nothing struct{}
