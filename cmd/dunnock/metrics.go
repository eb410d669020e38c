package main

import (
	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/federation/metrics"
)

func (m *Main) metricsCommand() *cli.Command {
	return &cli.Command{
		Name: "metrics", Category: catNode, Usage: "print figures for Prometheus",
		UsageText: "dunnock metrics [OPTIONS]",
		Description: "Prints how relays, ways in, queue and process are, in the text format of Prometheus. They are served nowhere: a timer " +
			"of yours writes them into a file that node_exporter collects (--collector.textfile.directory). Of a node that does not run they say " +
			"dunnock_up 0 and no more.\n\n" +
			"No server, account or URL is in them; the names of relays and ways in are your own. But what waits and what leaves moves when you act: " +
			"whoever has these figures over weeks knows when you are awake. So all of that is counted once an hour, and when the node has " +
			"started: a line tells your hours, and not your minutes. A relay can be seen to be down at the moment when you act. " +
			"Keep them where you alone can read them, not at somebody else's Prometheus; and node_exporter shows them to whoever reaches its port, " +
			"so have it listen where you alone do (--web.listen-address)." +
			examples("dunnock metrics", "dunnock metrics --json",
				"", "# in a crontab",
				"F=/var/lib/prometheus/node-exporter/dunnock.prom",
				"*/5 * * * *  dunnock metrics >$F.new && mv $F.new $F"),
		Flags: []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			cfg, err := m.load()
			if err != nil {
				return err
			}
			// A node that is down is not opened: a timer must not be in the way of one that starts.
			var figures metrics.Snapshot
			if answers(c.Context, cfg) {
				if err := m.call(c.Context, "metrics", nothing{}, &figures); err != nil {
					return err
				}
			}
			if c.Bool("json") {
				return m.page().json(figures)
			}
			m.page().f("%s", figures.Text())
			return nil
		},
	}
}
