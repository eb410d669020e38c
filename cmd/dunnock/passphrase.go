package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/dunnock-server/dunnock/federation"
)

// passphraseFlag is where a passphrase comes from, if not from whoever types it.
func passphraseFlag() cli.Flag {
	return &cli.StringFlag{Name: "passphrase-file", Usage: "take the passphrase from the first line of `FILE`"}
}

// newPassphrase asks for the passphrase of a backup to be made, twice on a terminal.
func (m *Main) newPassphrase(file string) (string, error) {
	text, err := m.passphrase(file, "Passphrase of the backup: ", "Once more: ")
	if err == nil && utf8.RuneCountInString(text) < federation.MinPassword {
		return "", usagef("a passphrase has at least %d characters: it guards the keys and all that was said in confidence", federation.MinPassword)
	}
	return text, err
}

// passphrase reads the first line of a file if one is named; else it asks on a terminal, once for each prompt, without
// showing what is typed, or reads one line of standard input.
func (m *Main) passphrase(file string, prompts ...string) (string, error) {
	in := m.Stdin
	if file != "" {
		f, err := os.Open(file)
		if err != nil {
			return "", fmt.Errorf("reading the passphrase: %w", err)
		}
		defer f.Close()
		in = f
	} else if f, ok := m.Stdin.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		text := ""
		for i, prompt := range prompts {
			typed, err := m.typed(f, prompt)
			if err != nil {
				return "", err
			}
			if i > 0 && typed != text {
				return "", usagef("the two are not the same")
			}
			text = typed
		}
		return text, nil
	}
	line, err := bufio.NewReader(io.LimitReader(in, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("reading the passphrase: %w", err)
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", usagef("the passphrase is empty: name its file with --passphrase-file, or give it in the first line of standard input")
	}
	return line, nil
}

// fromFiles reads the keys in the files that a flag names.
func fromFiles[K any](flag string, names []string, parse func(io.Reader) ([]K, error)) (keys []K, err error) {
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			return nil, usagef("%s: %v", flag, err)
		}
		found, err := parse(f)
		f.Close()
		if err != nil {
			return nil, usagef("%s %s: %v", flag, name, err)
		}
		keys = append(keys, found...)
	}
	return keys, nil
}
