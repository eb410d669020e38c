package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/cmd/internal/config"
	"github.com/dunnock-server/dunnock/federation/control"
)

func (m *Main) policyCommand() *cli.Command {
	return &cli.Command{
		Name: "policy", Category: catNode, Usage: "what each domain is shown of you and told of your acts",
		UsageText: "dunnock policy COMMAND [OPTIONS]",
		Description: "The rules are in the configuration, under [policy], and in " + config.PoliciesName + " in the data directory, which `dunnock policy set` " +
			"writes; for the same match the latter counts. The presets, from the most that is told to nothing:\n\n" +
			"  open      what today's servers tell\n" +
			"  careful   without what hardly a reader misses: counts, languages, blocks\n" +
			"  strict    what a reader needs, with times to the hour; no pins\n" +
			"  silent    nothing told, nothing shown; asked for only what you ask for",
		Subcommands: []*cli.Command{m.policyListCommand(), m.policyShowCommand(), m.policySetCommand(), m.policyPreviewCommand()},
	}
}

func (m *Main) policyListCommand() *cli.Command {
	return &cli.Command{
		Name: "list", Usage: "list the rules",
		UsageText:   "dunnock policy list [OPTIONS]",
		Description: "Lists the rules in the order of their matches. The longest match counts." + examples("dunnock policy list", "dunnock policy list --json"),
		Flags:       []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			cfg, err := m.load()
			if err != nil {
				return err
			}
			rules := cfg.Rules()
			if c.Bool("json") {
				return m.page().json(map[string]any{"default": cfg.Policy.Default, "unsigned": cfg.Policy.Unsigned, "rules": slices.Concat([]config.Rule{}, rules)})
			}
			p := m.page()
			p.row("", cell{bold, "every domain without a rule"}, cell{plain, cfg.Policy.Default})
			p.row("", cell{bold, "visitors without a key"}, cell{plain, cfg.Policy.Unsigned})
			for _, r := range rules {
				preset := r.Preset
				if r.Changed {
					preset += ", changed"
				}
				if r.Everywhere {
					preset += ", withheld everywhere"
				}
				p.row("", cell{bold, r.Match}, cell{plain, preset}, cell{dim, r.File})
			}
			return nil
		},
	}
}

func (m *Main) policyShowCommand() *cli.Command {
	return &cli.Command{
		Name: "show", Usage: "show how a domain stands under the rules",
		UsageText: "dunnock policy show DOMAIN [OPTIONS]",
		Description: "Shows which rule a domain is under, what it is not told and not shown, and who is told or shown that all the same: what " +
			"is public is protected no better than by the laxest rule. - is a visitor without a key." +
			examples("dunnock policy show threads.net", "dunnock policy show -"),
		Flags: []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			given, err := arguments(c, "DOMAIN")
			if err != nil {
				return err
			}
			domain, err := parseDomain(given[0])
			if err != nil {
				return err
			}
			cfg, err := m.load()
			if err != nil {
				return err
			}
			s, err := cfg.Standing(domain)
			if err != nil {
				return err
			}
			if c.Bool("json") {
				return m.page().json(s)
			}
			showStanding(m.page(), s)
			return nil
		},
	}
}

func showStanding(p *page, s config.Standing) {
	name, by := s.Domain, "by the default"
	if name == "" {
		name = "visitors without a key"
	}
	if s.Match != "" {
		by = "by the rule for " + s.Match
	}
	p.row("", cell{bold, name}, cell{plain, s.Preset}, cell{dim, by + ", " + s.File})
	list := func(title string, items []string) {
		if len(items) > 0 {
			p.lines("  ", title+": "+strings.Join(items, ", "))
		}
	}
	list("told", s.Told)
	list("not told", s.Kept)
	if s.Everywhere {
		p.lines("  ", "of likes, boosts and follows of its own that it is not told of, nobody is")
	}
	list("asked by the node itself, for", s.Asked)
	if !s.Media {
		p.lines("  ", "not shown: pictures")
	}
	for _, kind := range slices.Sorted(maps.Keys(s.Hidden)) {
		list("not shown of "+kind, s.Hidden[kind])
	}
	for _, kind := range slices.Sorted(maps.Keys(s.Coarse)) {
		list("shown less exactly of "+kind, s.Coarse[kind])
	}
	if len(s.Others) > 0 {
		p.lines("", "Who gets some of what it does not, and could pass it on:")
	}
	for _, o := range s.Others {
		p.row("  ", cell{plain, o.Who}, cell{plain, fmt.Sprintf("%d kinds of act, %d fields", o.Acts, o.Fields)})
	}
}

func (m *Main) policySetCommand() *cli.Command {
	return &cli.Command{
		Name: "set", Usage: "put a domain under a preset",
		UsageText: "dunnock policy set DOMAIN PRESET [OPTIONS]",
		Description: "Writes " + config.PoliciesName + " in the data directory; a node that runs follows at once. DOMAIN may be *. and a domain, for all below it. " +
			"PRESET is " + strings.Join(config.Presets(), ", ") + ", or \"none\", which takes away what was set so. What a domain was told before stays told." +
			examples("dunnock policy set threads.net silent", "dunnock policy set '*.threads.net' silent", "dunnock policy set threads.net none"),
		Flags: []cli.Flag{jsonFlag(), &cli.BoolFlag{Name: "dry-run", Usage: "say how the domain would stand, and write nothing"}},
		Action: func(c *cli.Context) error {
			given, err := arguments(c, "DOMAIN", "PRESET")
			if err != nil {
				return err
			}
			match, err := config.ParseMatch(given[0])
			if err != nil {
				return usagef("%s is no domain: write threads.net, or *.threads.net for all below it", quoted(given[0]))
			}
			preset := given[1]
			if preset != "none" && !slices.Contains(config.Presets(), preset) {
				return usagef("%s is no preset: write one of %s, none", quoted(preset), strings.Join(config.Presets(), ", "))
			}
			cfg, err := m.load()
			if err != nil {
				return err
			}
			return m.setPolicy(c, cfg, match, strings.TrimPrefix(preset, "none"))
		},
	}
}

func (m *Main) setPolicy(c *cli.Context, cfg *config.Config, match, preset string) error {
	if c.Bool("dry-run") {
		cfg.Suppose(match, preset)
	} else {
		if err := cfg.SetPolicy(match, preset); err != nil {
			return err
		}
		if err := m.reread(c.Context, cfg); err != nil {
			return err
		}
	}
	below, wild := strings.CutPrefix(match, "*")
	domain := match
	if wild {
		domain = "any" + below // any of those that the match is for
	}
	s, err := cfg.Standing(domain)
	if err != nil {
		return err
	}
	s.Domain = match
	if c.Bool("json") {
		return m.page().json(s)
	}
	showStanding(m.page(), s)
	return nil
}

// reread has a node that runs follow what was written.
func (m *Main) reread(ctx context.Context, cfg *config.Config) error {
	if !answers(ctx, cfg) {
		return nil // it reads that when it starts
	}
	return m.call(ctx, "policy_reread", nothing{}, nil)
}

func (m *Main) policyPreviewCommand() *cli.Command {
	return &cli.Command{
		Name: "preview", Usage: "show what a domain would get of a document of yours",
		UsageText: "dunnock policy preview DOMAIN [URL] [OPTIONS]",
		Description: "Prints the very bytes that a domain would get now of what is under one of your own addresses: your profile, unless URL " +
			"names a post, an act or a list. Where somebody there follows you, it is what they would get. Nobody is told. - is a visitor without a key." +
			examples("dunnock policy preview threads.net", "dunnock policy preview - --explain"),
		Flags: []cli.Flag{jsonFlag(), &cli.BoolFlag{Name: "explain", Usage: "add what is withheld, and what it would reveal"}},
		Action: func(c *cli.Context) error {
			names := []string{"DOMAIN"}
			if c.NArg() > 1 {
				names = append(names, "URL")
			}
			given, err := arguments(c, names...)
			if err != nil {
				return err
			}
			domain, err := parseDomain(given[0])
			if err != nil {
				return err
			}
			view := control.View{Domain: domain, URL: strings.Join(given[1:], "")}
			return ask(m, c, "policy_preview", view, func(p *page, r control.Preview) {
				if r.Document == "" {
					p.lines("", "Nothing: it is answered as if there were no such document.")
				} else {
					p.f("%s", r.Document)
				}
				if !c.Bool("explain") {
					return
				}
				p.gap()
				for _, w := range r.Withheld {
					p.row("", cell{bold, w.Field}, cell{plain, "withheld: " + w.Reveals})
				}
				if len(r.Withheld) == 0 {
					p.lines("", "Nothing of it is withheld.")
				}
			})
		},
	}
}

// parseDomain is a domain as others have it; "-" is a visitor without a key.
func parseDomain(text string) (string, error) {
	domain, err := config.ParseDomain(text)
	if err != nil {
		return "", usagef("%s is no domain: write its name, such as threads.net", quoted(text))
	}
	return domain, nil
}
