package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/cmd/internal/relayconfig"
	"github.com/dunnock-server/dunnock/hardening/ingress"
	"github.com/dunnock-server/dunnock/hardening/relay"
)

func (m *Main) relayServeCommand() *cli.Command {
	return &cli.Command{
		Name: "serve", Usage: "be a relay, on a rented machine",
		UsageText: "dunnock relay serve [OPTIONS]",
		Description: "Runs a small SSH server until interrupted, for nodes whose keys are in the configuration. They go out by it, to public " +
			"addresses on ports 80 and 443, and are reached at the ports listed for their key. There is no shell, and nothing is " +
			"logged of where connections come from or go to. It prints the line for host_key in dunnock.toml at home. Ports below " +
			"1024 need a right that root has, or: setcap cap_net_bind_service=+ep dunnock" +
			"\n\n" + relayconfig.Example + examples("dunnock relay serve", "dunnock relay serve --config /etc/dunnock/relay.toml"),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "config", Usage: "read the configuration from `FILE`, not from ./" + relayconfig.FileName},
			jsonFlag(),
		},
		Action: m.relayServe,
	}
}

func (m *Main) relayServe(c *cli.Context) error {
	if _, err := arguments(c); err != nil {
		return err
	}
	path := relayconfig.FileName
	if m.config != "" {
		path = m.config
	}
	if c.String("config") != "" {
		path = c.String("config")
	}
	cfg, err := relayconfig.Load(path)
	if err != nil {
		return err
	}
	settings := cfg.Relay()
	settings.Log = m.log
	if settings.HostKey, err = cfg.HostKeySigner(); err != nil {
		return fmt.Errorf("host key: %w", err)
	}
	s, err := relay.New(settings)
	if err != nil {
		return err
	}
	ln, err := ingress.Listen(ingress.Config{Address: cfg.Listen.String()})
	switch {
	case errors.Is(err, ingress.ErrInUse):
		return fmt.Errorf("another program listens at %s, sshd perhaps: move that, or change listen in %s", cfg.Listen, path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: run as root, or once: setcap cap_net_bind_service=+ep %s", err, os.Args[0])
	case err != nil:
		return err
	}
	host := relayconfig.Line(settings.HostKey.PublicKey())
	if c.Bool("json") {
		err = m.page().json(map[string]string{"address": ln.Addr().String(), "host_key": host})
	} else {
		p := m.page()
		p.f("the relay runs at %s", ln.Addr())
		p.f("host_key = %q", host)
	}
	ctx, stop := signal.NotifyContext(c.Context, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // from then on, a second signal ends the process
	return errors.Join(err, s.Serve(ctx, ln))
}

func (m *Main) relayKeygenCommand() *cli.Command {
	return &cli.Command{
		Name: "keygen", Usage: "make the key that your relay knows you by",
		UsageText: "dunnock relay keygen [OPTIONS]",
		Description: "Writes a new key, for identity_file in dunnock.toml, and prints what lets it in at the relay: lines for relay.toml where " +
			"`dunnock relay serve` runs, or a line for ~/.ssh/authorized_keys where a plain sshd does. Either way it can do nothing " +
			"there but forward." + examples("dunnock relay keygen", "dunnock relay keygen --out vps_ed25519 --port 8443"),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "out", Value: "relay_ed25519", Usage: "write the key to `FILE`; relay_ed25519 if not given"},
			&cli.IntFlag{Name: "port", Value: 443, Usage: "be reached at `PORT` of the relay; 443 if not given"},
			jsonFlag(),
		},
		Action: m.relayKeygen,
	}
}

func (m *Main) relayKeygen(c *cli.Context) error {
	if _, err := arguments(c); err != nil {
		return err
	}
	port, out := c.Int("port"), c.String("out")
	if port < 1 || port > 65535 {
		return usagef("--port is a number from 1 to 65535")
	}
	key, err := relayconfig.WriteKey(out)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already: name another file with --out", out)
	} else if err != nil {
		return fmt.Errorf("writing the key: %w", err)
	}
	public := key.PublicKey()
	entry, line := relayconfig.Entry(public, uint16(port)), relayconfig.Authorized(public, uint16(port))
	if c.Bool("json") {
		return m.page().json(map[string]string{"file": out, "public": relayconfig.Line(public), "relay_toml": entry, "authorized_keys": line})
	}
	p := m.page()
	p.f("%s holds the key; nobody else may read it. The public key is", out)
	p.gap()
	p.f("%s", relayconfig.Line(public))
	p.gap()
	p.f("On the relay, in relay.toml of `dunnock relay serve`:")
	p.gap()
	for text := range strings.Lines(entry) {
		p.f("%s", text)
	}
	p.gap()
	p.f("Or in ~/.ssh/authorized_keys of a plain sshd, whose sshd_config must have")
	p.f("GatewayPorts clientspecified and should have ClientAliveInterval 15:")
	p.gap()
	p.f("%s", line)
	return nil
}
