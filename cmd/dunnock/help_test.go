package main

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
)

// TestHelp holds the help of every command to what a person needs: within 80 columns, each option explained, and the
// command shown in use.
func TestHelp(t *testing.T) {
	var walk func(path []string, commands []*cli.Command)
	walk = func(path []string, commands []*cli.Command) {
		for _, c := range commands {
			here := append(append([]string(nil), path...), c.Name)
			name := strings.Join(here, " ")
			for _, arguments := range [][]string{append([]string{"help"}, here...), append(here[:len(here):len(here)], "--help")} {
				var out, errs bytes.Buffer
				if code := (&Main{Stdout: &out, Stderr: &errs}).Run(t.Context(), arguments); code != 0 || errs.Len() > 0 {
					t.Errorf("dunnock %s: exit code %d, %s", strings.Join(arguments, " "), code, errs.String())
				}
				checkHelp(t, name, out.String(), len(c.Subcommands) > 0)
			}
			if c.Usage == "" || c.UsageText == "" {
				t.Errorf("%s has no usage", name)
			}
			if !strings.Contains(c.UsageText, "dunnock ") || !strings.Contains(c.UsageText, name) {
				t.Errorf("%s: usage is %q", name, c.UsageText)
			}
			for _, f := range c.Flags {
				doc := f.(cli.DocGenerationFlag)
				if doc.GetUsage() == "" || doc.TakesValue() != strings.Contains(doc.GetUsage(), "`") {
					t.Errorf("%s --%s: a flag with a value names it in backquotes, others do not: %q", name, f.Names()[0], doc.GetUsage())
				}
			}
			walk(here, c.Subcommands)
		}
	}
	walk(nil, (&Main{}).app().Commands)

	var out bytes.Buffer
	if code := (&Main{Stdout: &out, Stderr: &out}).Run(t.Context(), nil); code != 0 {
		t.Errorf("dunnock alone: exit code %d", code)
	}
	checkHelp(t, "", out.String(), true)
}

func checkHelp(t *testing.T, name, text string, group bool) {
	for line := range strings.Lines(text) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > maxWidth {
			t.Errorf("%s: %d columns: %s", name, n, line)
		}
	}
	if !group && name != "help" && !strings.Contains(text, "\nExamples:\n  ") {
		t.Errorf("%s: no examples\n%s", name, text)
	}
	if !strings.Contains(text, "\nUsage:\n  ") || strings.Contains(text, "`help`") {
		t.Errorf("%s: not the help\n%s", name, text)
	}
}

// TestUsageErrors are told apart from failures before anything is opened: there is no configuration here.
func TestUsageErrors(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("DUNNOCK_CONFIG", "")
	for _, test := range []struct {
		line string
		want string
	}{
		{"nosuch", `no command "nosuch"`},
		{"followers nosuch", `dunnock followers has no command "nosuch"`},
		{"followers", "needs a command"},
		{"help nosuch", `no command "nosuch"`},
		{"post --nosuch x", "not defined: -nosuch"},
		{"post --cw", "needs an argument"},
		{"--log-level loud version", "--log-level is"},
		{"like", "needs POST"},
		{"like a b", `takes no "b"`},
		{"vote x", "needs CHOICE"},
		{"vote", "needs POST and CHOICE"},
		{"edit", "needs POST"},
		{"timeline x", `takes no "x"`},
		{"timeline --limit 0", "1 to 200"},
		{"timeline --limit x", "invalid value"},
		{"followers list --state x", "--state is"},
		{"undo --kind x y", "--kind is"},
		{"post a b", "in quotes"},
		{"post --visibility friends x", "--visibility is"},
		{"post --visibility= x", "--visibility is"},
		{"post --media nosuch.jpg x", "nosuch.jpg"},
		{"post --media a --media b --alt c x", "2 --media and 1 --alt"},
		{"post --alt c x", "0 --media and 1 --alt"},
		{"post --poll tea x", "two choices"},
		{"post --poll tea| x", "empty choice"},
		{"post --poll-closes 1d x", "need --poll"},
		{"post --poll a|b --poll-closes 1y x", "not a duration"},
		{"post --expires never x", "not a duration"},
		{"post", "no text"},
		{"profile set", "nothing to change"},
		{"profile set --field x", "NAME=VALUE"},
		{"password set", "empty"},
		{"completion tcsh", "bash, zsh and fish"},
		{"init", "--domain: missing"},
		{"init --domain example.org --username Alice", "--username: not a username"},
		{"init --domain example.org --username alice --listen nowhere", "--listen: neither"},
		{"post hello", "dunnock init"},
		{"check", "dunnock serve"},
		{"--config nosuch.toml check", "nosuch.toml:1: there is no such file"},
	} {
		var out, errs bytes.Buffer
		m := &Main{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs}
		if code := m.Run(t.Context(), strings.Fields(test.line)); code != exitUsage {
			t.Errorf("dunnock %s: exit code %d, want %d", test.line, code, exitUsage)
		}
		if text := strings.Join(strings.Fields(errs.String()), " "); !strings.Contains(text, test.want) {
			t.Errorf("dunnock %s: says %q, want %q", test.line, text, test.want)
		}
		if out.Len() > 0 {
			t.Errorf("dunnock %s: wrote to stdout: %s", test.line, out.String())
		}
	}
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		var out bytes.Buffer
		if code := (&Main{Stdout: &out, Stderr: &out}).Run(t.Context(), []string{"completion", shell}); code != 0 {
			t.Errorf("%s: exit code %d", shell, code)
		}
		if !strings.Contains(out.String(), completionFlag) || strings.Contains(out.String(), "FLAG") {
			t.Errorf("%s: %s", shell, out.String())
		}
	}
	const nothing = "\n" // that no answer has
	for _, test := range []struct{ line, want, not string }{
		{"post -- x", "", nothing},
		{"", "timeline", "approve"},
		{"followers", "approve", "timeline"},
		{"post", "", "timeline"},
		{"post --", "--visibility", "timeline"},
		{"followers remove --dr", "--dry-run", "--visibility"},
		{"--", "--config", "--json"},
	} {
		var out bytes.Buffer
		m := &Main{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out}
		if code := m.Run(t.Context(), append(strings.Fields(test.line), completionFlag)); code != 0 {
			t.Errorf("%q: exit code %d", test.line, code)
		}
		if !strings.Contains(out.String(), test.want) || strings.Contains(out.String(), test.not) {
			t.Errorf("after %q: %s", test.line, out.String())
		}
	}
}
