package main

import (
	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/control"
)

func (m *Main) followCommand() *cli.Command {
	return m.following("follow", "follow someone", "Asks WHO, a handle or an address, to send you their posts from now on.",
		func(p *page, f federation.Relationship) {
			switch f.State {
			case "accepted":
				p.f("You follow %s.", called(f))
			case "rejected":
				p.f("%s does not want you to follow.", called(f))
			default:
				p.f("Asked %s; the answer shows up in `dunnock following`.", called(f))
			}
		})
}

func (m *Main) unfollowCommand() *cli.Command {
	return m.following("unfollow", "stop following someone", "Takes a follow back, answered or not.",
		func(p *page, f federation.Relationship) { p.f("You no longer follow %s.", called(f)) })
}

func (m *Main) following(name, usage, description string, show func(*page, federation.Relationship)) *cli.Command {
	return &cli.Command{
		Name: name, Category: catPeople, Usage: usage, UsageText: "dunnock " + name + " [OPTIONS] WHO",
		Description: description + examples("dunnock "+name+" @bob@example.com"),
		Flags:       []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			values, err := arguments(c, "WHO")
			if err != nil {
				return err
			}
			return ask(m, c, name, control.Who{Who: values[0]}, show)
		},
	}
}

func (m *Main) followingCommand() *cli.Command {
	return &cli.Command{
		Name: "following", Category: catPeople, Usage: "list whom you follow",
		UsageText:   "dunnock following [OPTIONS]",
		Description: "Lists whom you follow and whom you asked." + examples("dunnock following", "dunnock following --json"),
		Flags:       []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			return ask(m, c, "following", nothing{}, func(p *page, list control.Following) { p.people(list.Following, "You follow nobody.") })
		},
	}
}
