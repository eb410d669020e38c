package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/cmd/internal/config"
	"github.com/dunnock-server/dunnock/federation/node"
	"github.com/dunnock-server/dunnock/hardening/ingress/certs"
)

func (m *Main) initCommand() *cli.Command {
	return &cli.Command{
		Name: "init", Category: catNode, Usage: "set up a node of your own",
		UsageText: "dunnock [--config FILE] init --domain DOMAIN --username NAME [OPTIONS]",
		Description: "Writes the configuration (./dunnock.toml if no --config names another), the database and the keys, and says " +
			"what to do next. It never overwrites anything: with a configuration that is there already, and no --domain, only what " +
			"is missing is made. DOMAIN and NAME make your handle, @NAME@DOMAIN, and cannot be changed later." +
			examples("dunnock init --domain example.org --username alice --direct",
				"dunnock init --domain example.org --host social.example.org --username alice"),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "domain", Usage: "the `DOMAIN` of your handle"},
			&cli.StringFlag{Name: "host", Usage: "the `HOST` where the node answers, if not at the domain itself"},
			&cli.StringFlag{Name: "username", Usage: "the `NAME` in your handle: 1 to 30 of a-z, 0-9 and _"},
			&cli.StringFlag{Name: "data", Value: "./data", Usage: "keep database, keys and media in `DIR`; ./data beside the configuration if not given"},
			&cli.StringFlag{Name: "listen", Value: config.DefaultListen, Usage: "listen at `ADDRESS`, for your reverse proxy; " + config.DefaultListen + " if not given"},
			&cli.BoolFlag{Name: "direct", Usage: "let it dial other servers from this machine, which they all see the address of; without it nothing leaves"},
			&cli.StringFlag{Name: "policy", Usage: "show other domains what this `PRESET` does: " + strings.Join(config.Presets(), ", ") + "; " + config.DefaultPolicy + " if not given"},
			&cli.BoolFlag{Name: "unsafe", Usage: "for trials and tests: speak plain http, and dial this machine; only for a domain such as 127.0.0.1:8080"},
			jsonFlag(),
		},
		Action: m.init,
	}
}

func (m *Main) init(c *cli.Context) error {
	if _, err := arguments(c); err != nil {
		return err
	}
	path, trial, err := config.Find(m.config)
	if err != nil {
		return fmt.Errorf("looking for the configuration: %w", err)
	} else if trial {
		path = config.FileName
	}
	var made *config.Config
	if _, err := os.Lstat(path); err == nil && !c.IsSet("domain") && !c.IsSet("username") {
		made, err = m.furnish(c.Context, path)
		if err != nil {
			return err
		}
	} else if made, err = m.create(c.Context, path, described(c)); err != nil {
		return err
	}
	if c.Bool("json") {
		return m.page().json(map[string]string{"handle": "@" + made.Username + "@" + made.Domain, "config": path, "data": made.Data,
			"host": made.Host, "listen": made.Listen.Address})
	}
	m.nextSteps(path, made)
	return nil
}

// described is the configuration that the flags ask for.
func described(c *cli.Context) config.Config {
	wanted := config.Config{Domain: c.String("domain"), Host: c.String("host"), Username: c.String("username"), Data: c.String("data"),
		Listen: config.Listen{Address: c.String("listen")}, Policy: config.Policy{Default: c.String("policy")}}
	if c.Bool("direct") {
		direct(&wanted)
	}
	if c.Bool("unsafe") {
		unsafe(&wanted)
	}
	return wanted
}

// create writes a configuration and makes the node it describes. Nothing that exists is touched; a configuration whose
// node could not be made is taken away again.
func (m *Main) create(ctx context.Context, path string, wanted config.Config) (*config.Config, error) {
	text := config.Annotated(wanted)
	if _, faults := config.Parse(text, path); faults != nil {
		return nil, flagFaults(faults)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil, usagef("%s exists already and is not overwritten: name another with --config, or leave out --domain and "+
			"--username to make the node that it describes", path)
	} else if err != nil {
		return nil, fmt.Errorf("writing the configuration: %w", err)
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, errors.Join(fmt.Errorf("writing the configuration: %w", err), os.Remove(path))
	}
	made, err := m.furnish(ctx, path)
	if err != nil {
		return nil, errors.Join(err, os.Remove(path))
	}
	return made, nil
}

// furnish makes the node that a configuration describes: database and keys.
func (m *Main) furnish(ctx context.Context, path string) (*config.Config, error) {
	made, err := config.Load(path)
	if err != nil {
		return nil, err
	}
	settings, err := made.Node(m.log)
	if err != nil {
		return nil, err
	}
	if err := node.Init(ctx, settings); errors.Is(err, node.ErrExists) {
		return nil, usagef("there is a node in %s already, and it is not overwritten: name another directory with --data", made.Data)
	} else if err != nil {
		return nil, fmt.Errorf("making the node: %w", err)
	}
	return made, nil
}

// flagFaults is faults of a file that was never written, by the flags its values came from.
func flagFaults(faults config.Faults) error {
	flags := map[string]string{"domain": "--domain", "host": "--host", "username": "--username", "data": "--data", "listen.address": "--listen", "policy.default": "--policy"}
	text := ""
	for _, f := range faults {
		text += fmt.Sprintf("\n  %s: %s\n    %s", flags[f.Key], f.Problem, f.Remedy)
	}
	return usageError{"this cannot be set up:" + text, "dunnock init"}
}

// nextSteps says what is left for the owner to do outside of dunnock.
func (m *Main) nextSteps(path string, c *config.Config) {
	p := m.page()
	dir, err := filepath.Abs(c.Data)
	if err != nil {
		dir = c.Data
	}
	p.f("You are @%s@%s.", c.Username, c.Domain)
	p.f("Configuration: %s", path)
	p.f("Data and keys: %s (keep a copy: without the keys the handle is lost)", dir)
	caddy := strings.Replace(c.Listen.Address, "unix:", "unix/", 1)
	if c.Unsafe != nil {
		p.gap()
		p.f("For trials and tests only. Start it: `dunnock serve`.")
		return
	}
	step := 0
	next := func(format string, values ...any) {
		step++
		p.gap()
		for i, line := range wrap(fmt.Sprintf(format, values...), maxWidth-3) {
			if i == 0 {
				p.f("%d. %s", step, line)
			} else {
				p.f("   %s", line)
			}
		}
	}
	if by := slices.IndexFunc(c.Ingress, func(w config.Ingress) bool { return w.Kind == config.IngressRelay }); by >= 0 {
		next("DNS: point %s at the relay %q, whose port 443 leads here:", c.Host, c.Ingress[by].Relay)
		p.f("     %s.  A or AAAA  that relay's address", c.Host)
		next("CAA: once the node has a certificate, `dunnock ingress list` shows a record for the domain, which names your account with the " +
			"certificate authority. Without it, whoever runs the relay can have a certificate issued for your name. It looks like this:")
		p.f("     %s.  %s", c.Host, certs.CAA(c.Ingress[by].ACME, "https://…"))
	} else {
		next("DNS: point %s at the machine where TLS ends, your reverse proxy:", c.Host)
		p.f("     %s.  A or AAAA  that machine's address", c.Host)
	}
	if c.Listen.Address != "" {
		next("TLS: let the reverse proxy pass everything on to %s, with the Host header as it came (signatures cover it):", c.Listen.Address)
		p.f("     Caddy:  %s { reverse_proxy %s }", c.Host, caddy)
		p.f("     nginx:  proxy_pass http://%s; proxy_set_header Host $host;", c.Listen.Address)
	}
	if c.Host != c.Domain {
		next("Handle: at %s, redirect /.well-known/webfinger, with its query, to", c.Domain)
		p.f("     https://%s/.well-known/webfinger", c.Host)
	}
	if c.Egress == nil {
		next("Way out: nothing leaves yet. See [egress] in %s.", path)
	}
	next("Start it: `dunnock check`, then `dunnock serve`.")
	next("For apps: `dunnock password set`.")
}
