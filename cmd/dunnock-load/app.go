package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"
)

// Exit codes.
const (
	exitFailed = 1
	exitUsage  = 2
)

// Main is one run of the program. Tests give it streams of their own.
type Main struct {
	Stdout, Stderr io.Writer
	Progress       bool // whether Stderr is a terminal, which is told how far things are

	meddle func(*trial) error // in tests: called in the middle of a load
}

// NewMain is a run of the program on the streams of the process.
func NewMain() *Main {
	return &Main{Stdout: os.Stdout, Stderr: os.Stderr, Progress: term.IsTerminal(int(os.Stderr.Fd()))}
}

// errMissed says that a figure is beyond its limit; the report has said which.
var errMissed = errors.New("missed")

// Run runs one command, given without the program's name, and returns the exit code: 0 for success, 1 when something was
// lost or doubled, the load could not be run, or with --limits a figure is beyond its limit, 2 for wrong arguments.
func (m *Main) Run(ctx context.Context, arguments []string) int {
	app := m.app()
	err := app.RunContext(ctx, append([]string{app.Name}, arguments...))
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errMissed):
		return exitFailed
	case errors.As(err, &usage):
		fmt.Fprintf(m.Stderr, "dunnock-load: %s\nTry: dunnock-load --help\n", usage)
		return exitUsage
	default:
		fmt.Fprintf(m.Stderr, "dunnock-load: %v\n", err)
		return exitFailed
	}
}

type usageError string

func (e usageError) Error() string { return string(e) }

func (m *Main) app() *cli.App {
	app := &cli.App{
		Name: "dunnock-load", HelpName: "dunnock-load", Usage: "put a dunnock under load, and count what comes of it",
		UsageText: "dunnock-load COMMAND [OPTIONS]",
		Description: `Runs the real program on loopback, among a fleet of servers that this process
plays. All data is made for the run and taken away after it.

Exit codes: 0 all is well; 1 something was lost or doubled, or with --limits
a figure is beyond its limit; 2 wrong arguments.` + examples("dunnock-load inbox", "dunnock-load all --scale 0.1 --limits"),
		Writer: m.Stdout, ErrWriter: m.Stderr, HideVersion: true, HideHelpCommand: true,
		ExitErrHandler: func(*cli.Context, error) {}, // Run gives the exit code
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usageError(fmt.Sprintf("there is no command %q", c.Args().First()))
			}
			return cli.ShowAppHelp(c)
		},
		Commands: []*cli.Command{m.inboxCommand(), m.fanoutCommand(), m.getCommand(), m.killCommand(),
			m.floodCommand(), m.startCommand(), m.relaysCommand(), m.allCommand()},
	}
	app.OnUsageError = badFlags
	for _, c := range app.Commands {
		c.HideHelpCommand, c.OnUsageError = true, badFlags
		c.UsageText = "dunnock-load " + c.Name + " [OPTIONS]"
		c.Flags = append(c.Flags,
			&cli.PathFlag{Name: "dunnock", Usage: "run the program at `PATH`; none: build it"},
			&cli.BoolFlag{Name: "limits", Usage: "end with 1 if a figure misses its limit"},
			&cli.BoolFlag{Name: "json", Usage: "print JSON instead of a table"})
	}
	return app
}

func badFlags(_ *cli.Context, err error, _ bool) error { return usageError(err.Error()) }

// examples are the end of a description.
func examples(lines ...string) string { return "\n\nExamples:\n  " + strings.Join(lines, "\n  ") }

// count is a flag that is a number of at least 1, or of at least least.
func count(c *cli.Context, name string, least int) (int, error) {
	n := c.Int(name)
	if n < least {
		return 0, usageError(fmt.Sprintf("--%s is at least %d", name, least))
	}
	return n, nil
}
