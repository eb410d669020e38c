package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// The scripts ask the program itself: it prints what may come next when completionFlag ends the line.
var completionScripts = map[string]string{
	"bash": `_dunnock() {
  local words=("${COMP_WORDS[@]:1:$COMP_CWORD}") current="${COMP_WORDS[COMP_CWORD]}"
  [[ $current == -* ]] || unset 'words[-1]'
  COMPREPLY=($(compgen -W "$(dunnock "${words[@]}" FLAG 2>/dev/null)" -- "$current"))
}
complete -o default -F _dunnock dunnock
`,
	"zsh": `#compdef dunnock
_dunnock() {
  local -a next
  local -a before=("${(@)words[2,CURRENT]}")
  [[ ${words[CURRENT]} == -* ]] || before=("${(@)words[2,CURRENT-1]}")
  next=("${(@f)$(dunnock "${before[@]}" FLAG 2>/dev/null)}")
  if (( ${#next} )) && [[ -n ${next[1]} ]]; then compadd -a next; else _files; fi
}
compdef _dunnock dunnock
`,
	"fish": `function __dunnock_next
  set -l before (commandline -opc)
  set -l current (commandline -ct)
  string match -q -- '-*' $current; and set -a before $current
  dunnock $before[2..] FLAG 2>/dev/null
end
complete -c dunnock -a '(__dunnock_next)'
`,
}

func (m *Main) completionCommand() *cli.Command {
	return &cli.Command{
		Name: "completion", Category: catOther, Usage: "print a script that completes commands in your shell",
		UsageText: "dunnock completion bash | zsh | fish",
		Description: "Put its output where your shell looks for completions." + examples(
			"source <(dunnock completion bash)",
			"dunnock completion zsh > ~/.zfunc/_dunnock",
			"dunnock completion fish > ~/.config/fish/completions/dunnock.fish"),
		Action: func(c *cli.Context) error {
			values, err := arguments(c, "SHELL: bash, zsh or fish")
			if err != nil {
				return err
			}
			script, ok := completionScripts[values[0]]
			if !ok {
				return usagef("there are completions for bash, zsh and fish, not for %s", quoted(values[0]))
			}
			_, err = m.Stdout.Write([]byte(strings.ReplaceAll(script, "FLAG", completionFlag)))
			return err
		},
	}
}

// complete prints what may come next: the options of a command when the word begun looks like one, else its commands.
// The shell picks what fits.
func (m *Main) complete(c *cli.Context) {
	p := m.page()
	if strings.HasPrefix(m.begun, "-") {
		for _, f := range c.Command.VisibleFlags() {
			p.f("--%s", f.Names()[0])
		}
		return
	}
	for _, sub := range c.Command.VisibleCommands() {
		p.f("%s", sub.Name)
	}
}

// completing takes the word begun from a line to complete. The library would run a line with "--" in it instead of
// completing it, and `dunnock post --` and the tab key would post: so "--" is a word begun, and after one that stands
// alone nothing is completed, which is what false says.
func (m *Main) completing(arguments []string) ([]string, bool) {
	last := len(arguments) - 1
	if last < 0 || arguments[last] != completionFlag {
		return arguments, true
	}
	line := arguments[:last]
	if last > 0 {
		if m.begun = line[last-1]; m.begun == "--" {
			line = line[:last-1]
		}
	}
	if slices.Contains(line, "--") {
		return nil, false
	}
	return append(line[:len(line):len(line)], completionFlag), true
}
