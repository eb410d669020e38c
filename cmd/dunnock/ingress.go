package main

import (
	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/federation/control"
)

func (m *Main) ingressCommand() *cli.Command {
	return &cli.Command{
		Name: "ingress", Category: catNode, Usage: "the ways by which others come in",
		UsageText:   "dunnock ingress COMMAND [OPTIONS]",
		Description: "Which ways in there are is said in the configuration, under [listen], [[ingress]] and [owner].",
		Subcommands: []*cli.Command{m.ingressListCommand()},
	}
}

func (m *Main) ingressListCommand() *cli.Command {
	return &cli.Command{
		Name: "list", Usage: "list the ways in, and which of them are up",
		UsageText: "dunnock ingress list [OPTIONS]",
		Description: "Lists the ways in of the node that runs. One is up when the node has seen itself from outside by it, which it does where " +
			"the configuration names a probe, and always for onion services. Where TLS ends at the node, it also shows the certificate, and the " +
			"CAA record that the domain should have." + examples("dunnock ingress list", "dunnock ingress list --json"),
		Flags: []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			return ask(m, c, "ingress", nothing{}, showIngress)
		},
	}
}

func showIngress(p *page, r control.Ingress) {
	for _, w := range r.Ingress {
		state := cell{yellow, "not up"}
		if w.Up {
			state = cell{plain, "up"}
		}
		p.row("", cell{bold, w.Name}, state, cell{dim, when(w.Since)}, cell{plain, w.Onion})
		switch {
		case w.Reason != "" && !w.Next.IsZero():
			p.lines("  ", w.Reason+"; looked at again "+when(w.Next))
		case w.Reason != "":
			p.lines("  ", w.Reason)
		}
	}
	if len(r.Ingress) == 0 {
		p.lines("", "The node is not running: nobody comes in.")
	}
	if s := r.Certificate; s != nil {
		switch {
		case !s.Until.IsZero():
			p.lines("", "The certificate is good until "+s.Until.UTC().Format("2006-01-02")+".")
		case s.Reason != "":
			p.lines("", "There is no certificate: "+s.Reason+"; tried again "+when(s.Next))
		default:
			p.lines("", "There is no certificate yet.")
		}
		if s.CAA != "" {
			p.lines("", "Without this record of the domain, whoever holds its address can have a certificate issued:")
			p.row("  ", cell{plain, s.CAA})
		}
	}
}
