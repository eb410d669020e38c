package main

import (
	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/federation"
)

func (m *Main) blockCommand() *cli.Command {
	return m.onPerson("block", "block", "have nothing more to do with someone",
		"Whatever WHO sends is refused, they no longer follow you nor you them, and they cannot read your posts with their key.", "Blocked")
}

func (m *Main) unblockCommand() *cli.Command {
	return m.onPerson("unblock", "unblock", "take a block back", "Follows that the block ended do not come back.", "No longer blocked:")
}

func (m *Main) muteCommand() *cli.Command {
	return m.onPerson("mute", "mute", "see nothing of someone", "Only you know: WHO is told nothing, and may still follow you.", "Muted")
}

func (m *Main) unmuteCommand() *cli.Command {
	return m.onPerson("unmute", "unmute", "take a mute back", "What came in meanwhile shows up again.", "No longer muted:")
}

func (m *Main) blocksCommand() *cli.Command {
	return &cli.Command{
		Name: "blocks", Category: catPeople, Usage: "list whom you blocked and muted",
		UsageText:   "dunnock blocks [OPTIONS]",
		Description: "Lists blocks, then mutes." + examples("dunnock blocks"),
		Flags:       []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			return ask(m, c, "blocks", nothing{}, func(p *page, list federation.Blocks) {
				for _, f := range list.Blocked {
					p.row("", cell{plain, "blocked"}, cell{bold, called(f)}, cell{plain, f.Name}, cell{dim, when(f.Since)})
				}
				for _, f := range list.Muted {
					p.row("", cell{plain, "muted  "}, cell{bold, called(f)}, cell{plain, f.Name}, cell{dim, when(f.Since)})
				}
				if len(list.Blocked)+len(list.Muted) == 0 {
					p.lines("", "Nobody.")
				}
			})
		},
	}
}
