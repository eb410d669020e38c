package main

import (
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/control"
	"github.com/dunnock-server/dunnock/storage"
)

func (m *Main) profileCommand() *cli.Command {
	return &cli.Command{
		Name: "profile", Category: catNode, Usage: "show and change your profile",
		UsageText:   "dunnock profile COMMAND [OPTIONS]",
		Description: "Your profile is what other servers show of you." + examples("dunnock profile show", `dunnock profile set --name Alice`),
		Subcommands: []*cli.Command{
			{
				Name: "show", Usage: "show your profile", UsageText: "dunnock profile show [OPTIONS]",
				Description: "Shows it as it is told to others." + examples("dunnock profile show --json"),
				Flags:       []cli.Flag{jsonFlag()},
				Action: func(c *cli.Context) error {
					if _, err := arguments(c); err != nil {
						return err
					}
					return ask(m, c, "profile_show", nothing{}, (*page).profile)
				},
			},
			{
				Name: "set", Usage: "change your profile", UsageText: "dunnock profile set [OPTIONS]",
				Description: "What no option names stays as it is; all --field together replace all fields." +
					examples(`dunnock profile set --name Alice --summary "Birds, mostly."`,
						`dunnock profile set --field "Site=https://example.org" --field "Town=Leeds"`,
						`dunnock profile set --locked=false --avatar me.jpg`),
				Flags: []cli.Flag{
					&cli.StringFlag{Name: "name", Usage: "be called `NAME`"},
					&cli.StringFlag{Name: "summary", Usage: "say `TEXT` about yourself"},
					&cli.StringSliceFlag{Name: "field", Usage: "show a field, written `NAME=VALUE`; may be repeated; one empty --field removes all"},
					&cli.BoolFlag{Name: "locked", Usage: "followers need your approval; --locked=false for not"},
					&cli.BoolFlag{Name: "discoverable", Usage: "let others list you in directories; --discoverable=false for not"},
					&cli.StringFlag{Name: "avatar", Usage: "show the picture in `FILE`; empty for none"},
					&cli.StringFlag{Name: "header", Usage: "show the picture in `FILE` across the top; empty for none"},
					jsonFlag(),
				},
				Action: m.setProfile,
			},
		},
	}
}

func (m *Main) setProfile(c *cli.Context) error {
	if _, err := arguments(c); err != nil {
		return err
	}
	args := control.NewProfile{Name: given[string](c, "name"), Summary: given[string](c, "summary"),
		Locked: given[bool](c, "locked"), Discoverable: given[bool](c, "discoverable")}
	var err error
	if args.Avatar, err = picture(c, "avatar"); err != nil {
		return err
	}
	if args.Header, err = picture(c, "header"); err != nil {
		return err
	}
	if c.IsSet("field") {
		if args.Fields, err = profileFields(c.StringSlice("field")); err != nil {
			return err
		}
	}
	if args == (control.NewProfile{}) {
		return usageError{"nothing to change", c.Command.HelpName}
	}
	return ask(m, c, "profile_set", args, (*page).profile)
}

// picture is the file a flag names: nil if not given, empty for an empty name.
func picture(c *cli.Context, flag string) (*[]byte, error) {
	if !c.IsSet(flag) {
		return nil, nil
	}
	data := []byte{}
	if file := c.String(flag); file != "" {
		var err error
		if data, err = readPicture(file); err != nil {
			return nil, err
		}
	}
	return &data, nil
}

func profileFields(texts []string) (*[]storage.Field, error) {
	list := []storage.Field{}
	for _, text := range texts {
		if text == "" {
			continue
		}
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return nil, usagef("--field is written NAME=VALUE, not %s", quoted(text))
		}
		list = append(list, storage.Field{Name: name, Value: value})
	}
	return &list, nil
}

func (p *page) profile(x federation.Profile) {
	p.account(federation.Account{URI: x.URI, Handle: x.Handle, Name: x.Name, Summary: x.Summary, Fields: x.Fields, Locked: x.Locked})
}

// account prints a person.
func (p *page) account(x federation.Account) {
	p.row("", who(federation.Person{URI: x.URI, Handle: x.Handle, Name: x.Name})...)
	p.row("", cell{dim, x.URI})
	if x.Summary != "" {
		p.lines("  ", x.Summary)
	}
	for _, f := range x.Fields {
		p.row("  ", cell{bold, oneLine(f.Name) + ":"}, cell{plain, f.Value})
	}
	if x.Locked {
		p.lines("  ", "Followers need approval.")
	}
	if x.Following != "" {
		p.f("  You follow: %s", x.Following)
	}
	if x.Follower != "" {
		p.f("  Follows you: %s", x.Follower)
	}
}
