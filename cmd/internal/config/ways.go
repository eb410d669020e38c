package config

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/egress/proxy"
	"github.com/dunnock-server/dunnock/hardening/egress/tor"
)

// ways makes the relays that [egress] leads to, and those that they are reached through. It reads the files that these name,
// and dials nothing. The fault is that of one relay, with the path of a key.
func (c *Config) ways(rules egress.Rules) (relays []egress.Relay, at string, err error) {
	if c.Egress == nil {
		return nil, "", nil
	}
	names := slices.Clone(c.Egress.Relays)
	for _, list := range c.Egress.Route {
		names = append(names, list...)
	}
	made := make(map[string]egress.Relay)
	for i, r := range c.Relays { // in the order of the file
		if !slices.Contains(names, r.Name) && !c.leads(r.Name, names) {
			continue
		}
		if at, err = c.build(made, i, rules); err != nil {
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
func (c *Config) build(made map[string]egress.Relay, i int, rules egress.Rules) (at string, err error) {
	r := c.Relays[i]
	if made[r.Name] != nil {
		return "", nil
	}
	dial := egress.Home()
	if r.Via != "" {
		before := slices.IndexFunc(c.Relays, func(b Relay) bool { return b.Name == r.Via })
		if at, err := c.build(made, before, rules); err != nil {
			return at, err
		}
		through := made[r.Via]
		dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			return through.DialContext(egress.ToRelay(ctx), network, address)
		}
	}
	at = fmt.Sprintf("relay.%d", i)
	password := ""
	if r.PasswordFile != "" {
		data, err := secret(r.PasswordFile)
		if err != nil {
			return at + ".password_file", err
		}
		line, _, _ := bytes.Cut(data, []byte("\n"))
		password = strings.TrimSuffix(string(line), "\r")
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
	default:
		err = errors.New("no kind of relay is called that")
	}
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
