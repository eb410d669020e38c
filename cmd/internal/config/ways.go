package config

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/egress/proxy"
	"github.com/dunnock-server/dunnock/hardening/egress/sshlink"
	"github.com/dunnock-server/dunnock/hardening/egress/tor"
	"github.com/dunnock-server/dunnock/hardening/egress/wireguard"
)

// ways makes the relays that [egress] leads to, and those that they are reached through. It reads the files that these name,
// and dials nothing. The fault is that of one relay, with the path of a key.
func (c *Config) ways(rules egress.Rules, log *slog.Logger) (relays []egress.Relay, at string, err error) {
	if c.Egress == nil {
		return nil, "", nil
	}
	names := slices.Clone(c.Egress.Relays)
	for _, list := range c.Egress.Route {
		names = append(names, list...)
	}
	names = append(names, c.Listen.Probe)
	for _, w := range c.Ingress {
		names = append(names, w.Relay, w.Probe)
	}
	if c.Owner != nil {
		names = append(names, c.Owner.Onion)
	}
	made := make(map[string]egress.Relay)
	for i, r := range c.Relays { // in the order of the file
		if !slices.Contains(names, r.Name) && !c.leads(r.Name, names) {
			continue
		}
		if at, err = c.build(made, i, rules, log); err != nil {
			for _, r := range made {
				_ = r.Close() // nothing was sent by it
			}
			return nil, at, err
		}
		relays = append(relays, made[r.Name])
	}
	return relays, "", nil
}

// leads says whether one of the names is reached through a relay.
func (c *Config) leads(name string, names []string) bool {
	for _, r := range c.Relays {
		if r.Via == name && (slices.Contains(names, r.Name) || c.leads(r.Name, names)) {
			return true
		}
	}
	return false
}

// build makes a relay, after those that it is reached through.
func (c *Config) build(made map[string]egress.Relay, i int, rules egress.Rules, log *slog.Logger) (at string, err error) {
	r := c.Relays[i]
	if made[r.Name] != nil {
		return "", nil
	}
	dial := egress.Home()
	if r.Via != "" {
		before := slices.IndexFunc(c.Relays, func(b Relay) bool { return b.Name == r.Via })
		if at, err := c.build(made, before, rules, log); err != nil {
			return at, err
		}
		through := made[r.Via]
		dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			return through.DialContext(egress.ToRelay(ctx), network, address)
		}
	}
	at = fmt.Sprintf("relay.%d", i)
	password, err := r.password()
	if err != nil {
		return at + ".password_file", err
	}
	var relay egress.Relay
	switch r.Kind {
	case KindDirect:
		relay = egress.Direct(r.Name, rules)
		if onLoopback(c.Host) {
			relay = loopback{relay}
		}
	case KindSocks, KindHTTP:
		speaks := proxy.Socks
		if r.Kind == KindHTTP {
			speaks = proxy.HTTP
		}
		relay, err = speaks(proxy.Config{Name: r.Name, Address: r.Address, User: r.User, Password: password, TLS: r.TLS, Rules: rules, Dial: dial})
	case KindTor:
		relay, err = proxy.Tor(proxy.TorConfig{Name: r.Name, Socks: r.Socks, Rules: rules, Dial: dial,
			Control: tor.Control{Address: r.Control, Password: password, Dial: dial}})
	case KindSSH:
		return c.buildSSH(made, i, sshlink.Config{Name: r.Name, Address: r.Address, User: r.User, FarNames: r.Resolve == ResolveRelay, Rules: rules, Dial: dial, Log: log})
	case KindWireGuard:
		return c.buildWireGuard(made, i, wireguard.Config{Name: r.Name, Rules: rules, Dial: dial, Log: log})
	default:
		err = errors.New("no kind of relay is called that")
	}
	if err != nil {
		return at, err
	}
	made[r.Name] = relay
	return "", nil
}

// password reads a relay's; empty where it has none.
func (r Relay) password() (string, error) {
	if r.PasswordFile == "" {
		return "", nil
	}
	data, err := secret(r.PasswordFile)
	if err != nil {
		return "", err
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	return strings.TrimSuffix(string(line), "\r"), nil
}

// buildSSH makes a relay of kind ssh, with the keys that it names.
func (c *Config) buildSSH(made map[string]egress.Relay, i int, to sshlink.Config) (at string, err error) {
	r, at := c.Relays[i], fmt.Sprintf("relay.%d", i)
	data, err := secret(r.IdentityFile)
	if err != nil {
		return at + ".identity_file", err
	}
	if to.Identity, err = sshlink.ParseIdentity(data); err != nil {
		return at + ".identity_file", err
	}
	if to.HostKey, err = sshlink.ParseHostKey(r.HostKey); err != nil {
		return at + ".host_key", err
	}
	relay, err := sshlink.New(to)
	if err != nil {
		return at, err
	}
	made[r.Name] = relay
	return "", nil
}

// buildWireGuard makes a relay of kind wireguard, with the file that it names.
func (c *Config) buildWireGuard(made map[string]egress.Relay, i int, to wireguard.Config) (at string, err error) {
	r, at := c.Relays[i], fmt.Sprintf("relay.%d.config_file", i)
	data, err := secret(r.ConfigFile)
	if err != nil {
		return at, err
	}
	if to.Conf, err = wireguard.Parse(data, r.ConfigFile); err != nil {
		return at, err
	}
	relay, err := wireguard.New(to)
	if err != nil {
		return at, err
	}
	made[r.Name] = relay
	return "", nil
}

// most is the size of a file that a relay may name.
const most = 64 << 10

// secret reads a file that no other user may read.
func secret(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errors.New("there is no such file")
	case err != nil:
		return nil, errors.New("it cannot be read")
	case !info.Mode().IsRegular() || info.Size() > most:
		return nil, errors.New("it is no file of at most 64 KiB")
	case info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows":
		return nil, fmt.Errorf("others may read or write it (mode %#o): run chmod 600 %s", info.Mode().Perm(), path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, errors.New("it cannot be read")
	}
	return data, nil
}
