package main

import (
	"maps"
	"slices"

	"github.com/urfave/cli/v2"
)

func (m *Main) keysCommand() *cli.Command {
	return &cli.Command{
		Name: "keys", Category: catNode, Usage: "change the keys you sign with",
		UsageText: "dunnock keys COMMAND [OPTIONS]",
		Subcommands: []*cli.Command{{
			Name: "rotate", Usage: "make new keys and announce them", UsageText: "dunnock keys rotate [OPTIONS]",
			Description: "For when somebody else may have the keys: the old ones sign nothing any more once the new ones are announced." +
				examples("dunnock keys rotate"),
			Flags: []cli.Flag{jsonFlag()},
			Action: func(c *cli.Context) error {
				if _, err := arguments(c); err != nil {
					return err
				}
				return ask(m, c, "keys_rotate", nothing{}, func(p *page, keys map[string]string) {
					for _, kind := range slices.Sorted(maps.Keys(keys)) {
						p.f("%-8s %s", kind, keys[kind])
					}
				})
			},
		}},
	}
}
