package main

import (
	"errors"
	"fmt"

	"github.com/dunnock-server/dunnock/cmd/internal/config"
)

const (
	exitFailed = 1
	exitUsage  = 2
)

// usageError is wrong arguments. The command is the one whose help to point to, if known. Without a message everything
// was said already.
type usageError struct {
	message, command string
}

func (e usageError) Error() string { return e.message }

func usagef(format string, values ...any) error {
	return usageError{message: fmt.Sprintf(format, values...)}
}

// report prints an error for people and gives its exit code.
func (m *Main) report(err error) int {
	if err == nil {
		return 0
	}
	p := m.errors()
	var usage usageError
	var faults config.Faults
	switch {
	case errors.Is(err, errDamage):
		return exitFailed
	case errors.As(err, &usage):
		if usage.message != "" {
			p.lines("", "dunnock: "+usage.message)
		}
		if usage.command != "" {
			p.lines("", "Try: "+usage.command+" --help")
		}
		return exitUsage
	case errors.As(err, &faults):
		for _, f := range faults {
			p.lines("", f.String())
		}
		return exitUsage
	default:
		p.lines("", "dunnock: "+err.Error())
		return exitFailed
	}
}
