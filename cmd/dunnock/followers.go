package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/control"
)

func (m *Main) followersCommand() *cli.Command {
	remove := m.onPerson("followers_remove", "remove", "make someone stop following you",
		"WHO is told, and gets nothing new. They may ask again; `dunnock block` stops that.", "No longer a follower:")
	remove.Flags = append(remove.Flags, &cli.BoolFlag{Name: "dry-run", Usage: "show who would be removed, and remove nobody"})
	act := remove.Action
	remove.Action = func(c *cli.Context) error {
		if c.Bool("dry-run") {
			return m.wouldRemove(c)
		}
		return act(c)
	}
	return &cli.Command{
		Name: "followers", Category: catPeople, Usage: "list, approve, reject and remove followers",
		UsageText:   "dunnock followers COMMAND [OPTIONS] [WHO]",
		Description: "Followers get your posts. Those who asked wait for you if your profile is locked." + examples("dunnock followers list"),
		Subcommands: []*cli.Command{
			{
				Name: "list", Usage: "list your followers", UsageText: "dunnock followers list [OPTIONS]",
				Description: "Lists your followers and those who ask." + examples("dunnock followers list --state pending"),
				Flags: []cli.Flag{
					&cli.StringFlag{Name: "state", Value: "all", Usage: "list those in one `STATE`: all, pending or accepted; all if not given"},
					jsonFlag(),
				},
				Action: m.listFollowers,
			},
			m.onPerson("followers_approve", "approve", "let someone follow you", "WHO has asked to follow you.", "Now a follower:"),
			m.onPerson("followers_reject", "reject", "refuse someone who asks to follow you", "WHO has asked to follow you, and is told.", "Refused:"),
			remove,
		},
	}
}

func (m *Main) listFollowers(c *cli.Context) error {
	if _, err := arguments(c); err != nil {
		return err
	}
	switch state := c.String("state"); state {
	case "all", "pending", "accepted":
		return ask(m, c, "followers", control.State{State: state}, func(p *page, list control.Followers) {
			p.people(list.Followers, "Nobody.")
		})
	default:
		return usagef("--state is all, pending or accepted, not %s", quoted(state))
	}
}

// wouldRemove finds whom followers remove would meet.
func (m *Main) wouldRemove(c *cli.Context) error {
	values, err := arguments(c, "WHO")
	if err != nil {
		return err
	}
	var list control.Followers
	if err := m.call(c.Context, "followers", control.State{}, &list); err != nil {
		return err
	}
	for _, f := range list.Followers {
		switch {
		case values[0] != f.Actor && !strings.EqualFold(strings.TrimPrefix(values[0], "@"), strings.TrimPrefix(f.Handle, "@")):
		case c.Bool("json"):
			return m.page().json(map[string]string{"would_remove": f.Actor})
		default:
			m.page().f("Would remove %s.", called(f))
			return nil
		}
	}
	return fmt.Errorf("%s does not follow you", oneLine(values[0]))
}

// onPerson is a command that does one thing with one person and has nothing to show but that it is done.
func (m *Main) onPerson(call, name, usage, description, done string) *cli.Command {
	full := "dunnock " + name
	if group, _, ok := strings.Cut(call, "_"); ok {
		full = "dunnock " + group + " " + name
	}
	return &cli.Command{
		Name: name, Category: catPeople, Usage: usage, UsageText: full + " [OPTIONS] WHO",
		Description: description + examples(full+" @bob@example.com"),
		Flags:       []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			values, err := arguments(c, "WHO")
			if err != nil {
				return err
			}
			return ask(m, c, call, control.Who{Who: values[0]}, func(p *page, _ nothing) { p.f("%s %s", done, values[0]) })
		},
	}
}

// called is the shortest right name.
func called(f federation.Relationship) string {
	if f.Handle != "" {
		return oneLine(f.Handle)
	}
	return oneLine(f.Actor)
}

func (p *page) people(list []federation.Relationship, none string) {
	if len(list) == 0 {
		p.lines("", none)
	}
	for _, f := range list {
		state := ""
		if f.State != "accepted" {
			state = f.State
		}
		p.row("", cell{bold, called(f)}, cell{plain, f.Name}, cell{yellow, state}, cell{dim, when(f.Since)})
	}
}
