package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/dunnock-server/dunnock/federation/control"
)

func (m *Main) passwordCommand() *cli.Command {
	return &cli.Command{
		Name: "password", Category: catNode, Usage: "set the password that apps sign in with",
		UsageText: "dunnock password COMMAND",
		Subcommands: []*cli.Command{{
			Name: "set", Usage: "set the password", UsageText: "dunnock password set [OPTIONS]",
			Description: "Asks for it twice on a terminal and shows nothing; else the first line of standard input is taken. The old " +
				"password is not needed: this is how a lost one is replaced." +
				examples("dunnock password set", "pass show dunnock | dunnock password set"),
			Flags: []cli.Flag{jsonFlag()},
			Action: func(c *cli.Context) error {
				if _, err := arguments(c); err != nil {
					return err
				}
				password, err := m.password()
				if err != nil {
					return err
				}
				return ask(m, c, "password_set", control.Password{Password: password}, func(p *page, _ nothing) { p.f("The password is set.") })
			},
		}},
	}
}

// password asks twice on a terminal, without showing what is typed, and reads one line of anything else.
func (m *Main) password() (string, error) {
	if f, ok := m.Stdin.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		first, err := m.typed(f, "New password: ")
		if err != nil {
			return "", err
		}
		second, err := m.typed(f, "Once more: ")
		if err != nil {
			return "", err
		}
		if first != second {
			return "", usagef("the two are not the same; the password was not changed")
		}
		return notEmpty(first)
	}
	line, err := bufio.NewReader(io.LimitReader(m.Stdin, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("reading the password: %w", err)
	}
	return notEmpty(strings.TrimRight(line, "\r\n"))
}

func (m *Main) typed(f *os.File, prompt string) (string, error) {
	fmt.Fprint(m.Stderr, prompt)
	password, err := term.ReadPassword(int(f.Fd()))
	fmt.Fprintln(m.Stderr)
	if err != nil {
		return "", fmt.Errorf("reading the password: %w", err)
	}
	return string(password), nil
}

func notEmpty(password string) (string, error) {
	if password == "" {
		return "", usagef("the password is empty; it was not changed")
	}
	return password, nil
}
