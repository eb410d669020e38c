package main

import (
	"runtime/debug"

	"github.com/urfave/cli/v2"
)

// build is what this binary was built from.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Time     string `json:"time,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
}

func readBuild() build {
	b := build{Version: "unknown"}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.Version, b.Go = info.Main.Version, info.GoVersion
	if b.Version == "" {
		b.Version = "(devel)"
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

func (m *Main) versionCommand() *cli.Command {
	return &cli.Command{
		Name: "version", Category: catOther, Usage: "print the version",
		UsageText:   "dunnock version [OPTIONS]",
		Description: "Prints what this binary was built from." + examples("dunnock version --json"),
		Flags:       []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			b := readBuild()
			if c.Bool("json") {
				return m.page().json(b)
			}
			m.page().f("dunnock %s (%s)", b.Version, b.Go)
			return nil
		},
	}
}
