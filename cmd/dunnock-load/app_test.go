package main

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestHelp(t *testing.T) {
	commands := []string{""}
	for _, c := range NewMain().app().Commands {
		commands = append(commands, c.Name)
	}
	for _, name := range commands {
		var out bytes.Buffer
		m := &Main{Stdout: &out, Stderr: &out}
		if code := m.Run(t.Context(), append(strings.Fields(name), "--help")); code != 0 {
			t.Errorf("%q --help: exit %d", name, code)
		}
		if !strings.Contains(out.String(), "Examples:\n") {
			t.Errorf("%q has no examples", name)
		}
		for line := range strings.Lines(out.String()) {
			if utf8.RuneCountInString(strings.TrimRight(line, "\n")) > 80 {
				t.Errorf("%q: wider than 80 columns: %s", name, line)
			}
		}
	}
}

func TestUsage(t *testing.T) {
	for line, want := range map[string]string{
		"storm":            `no command "storm"`,
		"inbox --nothing":  "nothing",
		"inbox --count 0":  "--count is at least 1",
		"inbox mentions":   `not "mentions"`,
		"fanout --posts=x": "posts",
		"kill --times -1":  "--times is at least 0",
		"all --scale 2":    "--scale is from 0.001 to 1",
	} {
		var out, errs bytes.Buffer
		m := &Main{Stdout: &out, Stderr: &errs}
		if code := m.Run(t.Context(), strings.Fields(line)); code != exitUsage || !strings.Contains(errs.String(), want) {
			t.Errorf("%s: exit %d, %s%s", line, code, &out, &errs)
		}
	}
	var out, errs bytes.Buffer
	m := &Main{Stdout: &out, Stderr: &errs}
	if code := m.Run(t.Context(), []string{"inbox", "--dunnock", "/nowhere/dunnock"}); code != exitFailed || !strings.Contains(errs.String(), "starting dunnock") {
		t.Errorf("no program: exit %d, %s", code, &errs)
	}
}
