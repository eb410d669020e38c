package main

import (
	"log/slog"

	"github.com/urfave/cli/v2"
)

// Categories of commands.
const (
	catNode   = "Your node"
	catPosts  = "Posts"
	catPeople = "People"
	catRead   = "Reading"
	catOther  = "Other"
)

// app is the tree of commands.
func (m *Main) app() *cli.App {
	cli.HelpPrinter = showHelp // the library has no other place for it
	app := &cli.App{
		Name:      "dunnock",
		HelpName:  "dunnock",
		Usage:     "a fediverse server for one person",
		UsageText: "dunnock [--config FILE] [--log-level LEVEL] COMMAND [OPTIONS] [ARGUMENTS]",
		Description: "Start with `dunnock serve`, which without a configuration runs a trial node, or with " +
			"`dunnock init`, which sets up a node of your own. Every other command works while the node runs and while " +
			"it does not. Exit codes: 0 done, 1 failed, 2 wrong arguments or configuration.",
		Reader: m.Stdin, Writer: m.Stdout, ErrWriter: m.Stderr,
		HideVersion: true, HideHelpCommand: true,
		EnableBashCompletion: true, DisableSliceFlagSeparator: true,
		ExitErrHandler: func(*cli.Context, error) {}, // Run gives the exit code
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "config", Usage: "read the configuration from `FILE`, not from $DUNNOCK_CONFIG or ./dunnock.toml", Destination: &m.config},
			&cli.StringFlag{Name: "log-level", Usage: "log from `LEVEL` on: debug, info, warn or error"},
			cli.HelpFlag, // the library leaves it out where a command is called help
		},
		Before: m.before,
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usageError{"there is no command " + quoted(c.Args().First()), "dunnock"}
			}
			return cli.ShowAppHelp(c)
		},
		Commands: []*cli.Command{
			m.initCommand(), m.serveCommand(), m.checkCommand(), m.backupCommand(), m.restoreCommand(), m.statusCommand(), m.metricsCommand(), m.queueCommand(), m.policyCommand(), m.relayCommand(), m.ingressCommand(), m.doctorCommand(), m.guideCommand(), m.simulateCommand(), m.observeCommand(),
			m.keysCommand(),
			m.passwordCommand(), m.profileCommand(),
			m.postCommand(), m.editCommand(), m.deleteCommand(), m.boostCommand(), m.likeCommand(),
			m.undoCommand(), m.voteCommand(), m.pinCommand(), m.unpinCommand(),
			m.followCommand(), m.unfollowCommand(), m.followingCommand(), m.followersCommand(),
			m.blockCommand(), m.unblockCommand(), m.muteCommand(), m.unmuteCommand(), m.blocksCommand(),
			m.timelineCommand(), m.threadCommand(), m.notificationsCommand(), m.lookupCommand(),
			m.versionCommand(), m.completionCommand(), m.helpCommand(),
		},
	}
	app.OnUsageError, app.BashComplete = badFlags, m.complete
	for _, c := range app.Commands {
		m.finish(c)
	}
	return app
}

// before reads what holds for every command.
func (m *Main) before(c *cli.Context) error {
	level := slog.LevelWarn
	if text := c.String("log-level"); text != "" {
		if err := level.UnmarshalText([]byte(text)); err != nil {
			return usagef("--log-level is debug, info, warn or error, not %s", quoted(text))
		}
	} else if c.Args().First() == "serve" || c.Args().First() == "relay" && c.Args().Get(1) == "serve" {
		level = slog.LevelInfo
	}
	m.log = slog.New(slog.NewTextHandler(m.Stderr, &slog.HandlerOptions{Level: level}))
	return nil
}

// finish gives a command what all of them have. The library would add a "help" below each, which `dunnock post help`
// then were.
func (m *Main) finish(c *cli.Command) {
	c.HideHelpCommand = true
	c.OnUsageError, c.BashComplete = badFlags, m.complete
	if len(c.Subcommands) > 0 {
		c.Action = func(c *cli.Context) error {
			if c.Args().Present() {
				return usageError{c.Command.HelpName + " has no command " + quoted(c.Args().First()), c.Command.HelpName}
			}
			return usageError{c.Command.HelpName + " needs a command after it", c.Command.HelpName}
		}
	}
	for _, sub := range c.Subcommands {
		m.finish(sub)
	}
}

func badFlags(c *cli.Context, err error, _ bool) error {
	return usageError{err.Error(), c.Command.HelpName}
}

// jsonFlag is on every command that prints.
func jsonFlag() cli.Flag {
	return &cli.BoolFlag{Name: "json", Usage: "print JSON instead of text"}
}
