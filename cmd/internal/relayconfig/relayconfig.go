// Package relayconfig reads relay.toml, which says what `dunnock relay serve` does on a rented machine, and makes keys.
//
// Reading is as strict as that of dunnock.toml: what this version does not know is a fault, all faults are told with file, line,
// key and what to do, and a file with one is not used at all.
//
// The package reads the file named to it and the host key that this file names, which it makes if it is missing. It touches
// nothing else, and opens nothing.
package relayconfig

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
	"golang.org/x/crypto/ssh"

	"github.com/dunnock-server/dunnock/cmd/internal/config"
	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/relay"
)

const (
	// FileName is the configuration in the working directory.
	FileName = "relay.toml"
	// DefaultQuantise is how far apart ticks are when the file does not say.
	DefaultQuantise = 50 * time.Millisecond
)

// Config is a relay.toml that passed every check.
type Config struct {
	// Listen is "address:port", where clients come to. Visitors come to the same address, on the ports of the keys.
	Listen netip.AddrPort
	// HostKey is the path of the key that the relay proves itself with.
	HostKey string
	// Quantise is how far apart ticks are.
	Quantise time.Duration
	// Keys are who may use it.
	Keys []relay.Key
}

// Relay is the configuration as hardening/relay takes it, without host key and log. It reaches public addresses on ports 80
// and 443.
func (c *Config) Relay() relay.Config {
	return relay.Config{Keys: c.Keys, Bind: c.Listen.Addr(), Quantise: c.Quantise, Rules: egress.Rules{Ports: []uint16{80}}}
}

// Example is a whole relay.toml.
const Example = `# relay.toml: what ` + "`dunnock relay serve`" + ` does on this machine.
listen = "0.0.0.0:22"             # an address and a port of this machine
host_key = "relay_host_ed25519"   # made when it is missing
quantise = "50ms"                 # hides how far home is; "0s" does not

[[key]]
name = "home"                     # what the log calls it
public = "ssh-ed25519 AAAA…"      # as "dunnock relay keygen" prints it at home
ports = [443]                     # where it may take visitors
`

type file struct {
	Listen   string `toml:"listen"`
	HostKey  string `toml:"host_key"`
	Quantise string `toml:"quantise"`
	Keys     []key  `toml:"key"`
}

type key struct {
	Name   string   `toml:"name"`
	Public string   `toml:"public"`
	Ports  []uint16 `toml:"ports"`
}

// Load reads the file at path. Its error is config.Faults when the file was read but cannot be used.
func Load(path string) (*Config, error) {
	data, _, more, err := config.ReadFile(path, "name one with --config, or write one: dunnock relay serve --help shows how")
	if err != nil {
		return nil, err
	}
	c, faults := Parse(data, path)
	if faults = append(faults, more...); faults != nil {
		return nil, faults
	}
	return c, nil
}

// Parse is Load for the bytes of a file. Relative paths count from path, which faults name. Either the configuration or the
// faults are nil.
func Parse(data []byte, path string) (*Config, config.Faults) {
	k := checker{path: path, lines: config.Lines(data)}
	if len(data) > config.MaxSize {
		k.fault("", "larger than 64 KiB", "check that it is the right file")
		return nil, k.faults
	}
	if !k.decode(data) {
		return nil, k.faults
	}
	c := k.all()
	if len(k.faults) > 0 {
		slices.SortStableFunc(k.faults, func(a, b config.Fault) int { return cmp.Compare(a.Line, b.Line) })
		return nil, k.faults
	}
	if !filepath.IsAbs(c.HostKey) {
		c.HostKey = filepath.Join(filepath.Dir(path), c.HostKey)
	}
	return c, nil
}

type checker struct {
	file
	path   string
	lines  map[string]int
	faults config.Faults
}

// fault notes what is wrong with the key at a numbered path, where that or its nearest parent stands.
func (k *checker) fault(at, problem, remedy string) {
	line := 1
	for up := at; up != ""; up = up[:max(0, strings.LastIndexByte(up, '.'))] {
		if l, ok := k.lines[up]; ok {
			line = l
			break
		}
	}
	names := slices.DeleteFunc(strings.Split(at, "."), func(n string) bool { return n != "" && n[0] <= '9' })
	k.faults = append(k.faults, config.Fault{File: k.path, Line: line, Key: strings.Join(names, "."), Problem: problem, Remedy: remedy})
}

// decode reads the file as far as TOML goes. False: nothing more can be said of it.
func (k *checker) decode(data []byte) bool {
	err := toml.NewDecoder(bytes.NewReader(data)).DisallowUnknownFields().Decode(&k.file)
	var unknown *toml.StrictMissingError
	var refused *toml.DecodeError
	switch {
	case errors.As(err, &unknown):
		for _, e := range unknown.Errors {
			line, _ := e.Position()
			k.faults = append(k.faults, config.Fault{File: k.path, Line: line, Key: strings.Join(e.Key(), "."), Problem: "this version of dunnock has no such key",
				Remedy: "remove it; what the file may have: listen, host_key, quantise, [[key]] with name, public, ports"})
		}
	case errors.As(err, &refused):
		line, _ := refused.Position()
		f := config.Fault{File: k.path, Line: line, Key: strings.Join(refused.Key(), "."), Problem: "not TOML: " + strings.TrimPrefix(refused.Error(), "toml: "), Remedy: "correct this line, then try again: what follows was not read"}
		if f.Key != "" {
			f.Problem, f.Remedy = "a value of the wrong kind", "write "+wanted(f.Key)+", then try again: what follows was not read"
		}
		k.faults = append(k.faults, f)
		return false
	case err != nil:
		k.fault("", err.Error(), "write it as TOML 1.0")
		return false
	}
	if _, list := k.lines["key.0"]; !list && len(k.file.Keys) > 0 { // the decoder takes one table for a list of them
		k.fault("key", "a value of the wrong kind", "write "+wanted("key"))
	}
	for path := range k.lines { // the decoder does not mind capitals
		if lower := strings.ToLower(path); lower != path {
			k.fault(path, "keys are written in lower case", "write "+lower[strings.LastIndexByte(lower, '.')+1:])
		}
	}
	return true
}

// wanted is how a key is written.
func wanted(key string) string {
	for line := range strings.Lines(Example) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name == key[strings.LastIndexByte(key, '.')+1:] {
			line, _, _ = strings.Cut(line, " #")
			return strings.TrimSpace(line)
		}
	}
	return "[[key]] on a line of its own, and its keys below"
}

func (k *checker) all() *Config {
	c := &Config{HostKey: k.HostKey, Quantise: DefaultQuantise}
	addr, err := netip.ParseAddrPort(k.Listen)
	if err != nil || addr.Port() == 0 || addr.Addr().Zone() != "" {
		k.fault("listen", missingOr(k.Listen, "not an address and a port"), "write "+wanted("listen"))
	}
	c.Listen = addr
	if k.HostKey == "" || strings.ContainsRune(k.HostKey, 0) {
		k.fault("host_key", missingOr(k.HostKey, "a path holds no NUL"), "write "+wanted("host_key"))
	}
	if _, written := k.lines["quantise"]; written {
		if c.Quantise, err = time.ParseDuration(k.Quantise); err != nil || c.Quantise < 0 || c.Quantise > relay.MaxQuantise {
			k.fault("quantise", "not a time from 0s to 1s", "write "+wanted("quantise"))
		}
	}
	if len(k.Keys) == 0 {
		k.fault("key", "missing: nobody may use this relay", "write [[key]] and what `dunnock relay keygen` prints at home")
	}
	for i := range k.Keys {
		c.Keys = append(c.Keys, k.key(i, c.Keys, addr.Port()))
	}
	return c
}

// key checks one [[key]] against those before it.
func (k *checker) key(i int, before []relay.Key, clients uint16) relay.Key {
	at, r := fmt.Sprintf("key.%d", i), k.Keys[i]
	made := relay.Key{Name: r.Name, Ports: r.Ports}
	if r.Name == "" || strings.ContainsFunc(r.Name, func(c rune) bool { return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' }) || len(r.Name) > 32 {
		k.fault(at+".name", missingOr(r.Name, "not a name"), `write 1 to 32 of a-z, 0-9 and -: name = "home"`)
	}
	public, _, options, rest, err := ssh.ParseAuthorizedKey([]byte(r.Public))
	if err != nil || len(options) > 0 || len(rest) > 0 {
		k.fault(at+".public", missingOr(r.Public, "not a public key"), "write "+wanted("public")+", as `dunnock relay keygen` prints it at home")
	} else {
		made.Public = public
	}
	for j, other := range before {
		if other.Name == r.Name && r.Name != "" {
			k.fault(at+".name", fmt.Sprintf("a second key called %q", r.Name), "give each [[key]] a name of its own")
		}
		if other.Public != nil && made.Public != nil && bytes.Equal(other.Public.Marshal(), made.Public.Marshal()) {
			k.fault(at+".public", fmt.Sprintf("the key of %q too", k.Keys[j].Name), "make a key for each home")
		}
	}
	for n, port := range r.Ports {
		switch {
		case port == 0 || port == clients:
			k.fault(at+".ports", fmt.Sprintf("no visitor can come to port %d", port), "write "+wanted("ports"))
		case slices.Contains(r.Ports[:n], port), slices.ContainsFunc(before, func(o relay.Key) bool { return slices.Contains(o.Ports, port) }):
			k.fault(at+".ports", fmt.Sprintf("port %d is listed twice", port), "list each port once, for one key")
		}
	}
	return made
}

func missingOr(value, problem string) string {
	if value == "" {
		return "missing"
	}
	return problem
}
