package main

import (
	"context"
	"io"
	"log/slog"
	"os"

	"golang.org/x/term"
)

// Main is one run of the program. Tests give it streams of their own.
type Main struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Colour is whether Stdout is a terminal that may get colours.
	Colour bool
	// Width is the columns that text is wrapped to: those of the terminal, 0 for anything else.
	Width int

	config string       // --config
	log    *slog.Logger // to Stderr, at --log-level
	begun  string       // the last word of a line to complete
}

// NewMain is a run of the program on the streams of the process.
func NewMain() *Main {
	m := &Main{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	if fd := int(os.Stdout.Fd()); term.IsTerminal(fd) {
		m.Colour = colours(os.Getenv)
		if width, _, err := term.GetSize(fd); err == nil && width >= 40 {
			m.Width = min(width, maxWidth)
		}
	}
	return m
}

// colours reports whether a terminal gets colours (no-color.org).
func colours(env func(string) string) bool {
	return env("NO_COLOR") == "" && env("TERM") != "dumb"
}

// Run runs one command, given without the program's name, and returns the exit code: 0 for success, 1 for a command that
// failed, 2 for wrong arguments or a configuration that cannot be used.
func (m *Main) Run(ctx context.Context, arguments []string) int {
	m.log = slog.New(slog.DiscardHandler)
	arguments, ok := m.completing(arguments)
	if !ok {
		return 0
	}
	app := m.app()
	err := app.RunContext(ctx, append([]string{app.Name}, flagsFirst(app, arguments)...))
	return m.report(err)
}
