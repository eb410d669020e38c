// Package config reads and writes dunnock.toml.
//
// Reading is strict: a key this version does not know, a value of the wrong kind or a contradiction is a fault, and a
// file with a fault is not used at all. Nothing falls back to a guess, because what is left of a half-read file could
// send more than the owner wrote down. All faults are found in one go, each with file, line, key and what to do.
//
// The package reads the file named to it, the keys, passwords and settings of relays that this file names, which no other
// user may be able to read, files of hosts, and what commands have set, which it also writes: policies.toml, in the data
// directory. It touches nothing else: it opens no database, resolves no name and dials nothing. There are no secrets in the
// files themselves.
package config

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dunnock-server/dunnock/hardening/egress/wireguard"
)

// MaxSize is how long a configuration may be, in bytes.
const MaxSize = 64 << 10

const maxFaults = 100 // of one look at the file: the work grows with their square

// DefaultListen is where a node listens when the file does not say: on this machine only.
const DefaultListen = "127.0.0.1:8080"

// Config is a dunnock.toml that passed every check. Hosts are canonical (hardening/hostname), paths absolute or relative
// to the working directory.
type Config struct {
	// Domain is the part of the handle after the @: a public name, or with Unsafe one that only exists in trials.
	Domain string `toml:"domain"`
	// Host is where the node answers; Load sets it to Domain when the file has none.
	Host string `toml:"host"`
	// Username is 1 to 30 of a-z, 0-9 and _.
	Username string `toml:"username"`
	// Data is the directory of the database, keys, media and control socket.
	Data string `toml:"data"`
	// Listen is the way in behind a reverse proxy. Load sets it to DefaultListen when the file has neither it nor an [[ingress]].
	Listen Listen `toml:"listen"`
	// Ingress are ways in by relays.
	Ingress []Ingress `toml:"ingress"`
	// Owner is nil when the file has no [owner]: then what is for the owner alone is served nowhere.
	Owner *Owner `toml:"owner"`
	// Relays are the ways out that [egress] may name. One that it does not name carries nothing.
	Relays []Relay `toml:"relay"`
	// Egress is nil when the file has no [egress]: then nothing leaves.
	Egress *Egress `toml:"egress"`
	// Policy is what each domain is shown and told.
	Policy Policy `toml:"policy"`
	// Retention is how long things are kept.
	Retention Retention `toml:"retention"`
	// Unsafe is nil for every node that is meant for the world.
	Unsafe *Unsafe `toml:"unsafe"`

	// File is the path it was read from.
	File string `toml:"-"`
	set  Set    // what commands have set
	// Warnings do not stop the node; serve and check print them.
	Warnings Faults `toml:"-"`
}

// Egress chooses the ways out.
type Egress struct {
	// Relays are names of [[relay]] tables, at least one, none twice. Each domain is given one of them, and keeps it.
	Relays []string `toml:"relays"`
	// Route gives some domains other relays: by host, or by "*." and one for all below it. The longest match counts.
	Route map[string][]string `toml:"route"`
	// Resolver is asked for names through relays that look up none by themselves, by DNS over HTTPS. Load sets it to
	// DefaultResolver when the file has none.
	Resolver string `toml:"resolver"`
	// Echo tells at what address it is asked: a test of a relay asks it. Load sets it to DefaultEcho when the file has none.
	Echo string `toml:"echo"`
}

// Unsafe loosens what must hold for any node on the internet. Load refuses it with a public domain.
type Unsafe struct {
	// HTTP federates over plain http.
	HTTP bool `toml:"http"`
	// Addresses are private networks that may be dialled, such as "127.0.0.0/8".
	Addresses []string `toml:"addresses"`
}

// Load reads the file at path. Its error is Faults when the file was read but cannot be used.
func Load(path string) (*Config, error) {
	data, warnings, more, err := ReadFile(path, "name one with --config, or make one with `dunnock init`")
	if err != nil {
		return nil, err
	}
	c, faults := Parse(data, path)
	faults = append(faults, more...)
	if c != nil {
		more, err := c.loadPolicies()
		if err != nil {
			return nil, err
		}
		faults = append(append(faults, more...), c.checkWays(data)...)
	}
	if len(faults) > 0 {
		faults.sort()
		return nil, faults
	}
	c.Warnings = append(c.Warnings, warnings...)
	return c, nil
}

// checkWays makes the relays once, to see that it can be done with the files that they name.
func (c *Config) checkWays(data []byte) Faults {
	rules, err := c.rules()
	if err != nil {
		return Faults{{File: c.File, Line: 1, Key: "unsafe.addresses", Problem: err.Error(), Remedy: "correct it"}}
	}
	lines := outline(data)
	relays, at, err := c.ways(rules, slog.New(slog.DiscardHandler))
	if err != nil {
		return wrong(err, Fault{File: c.File, Line: lines.line(at), Key: plain(at), Remedy: "correct it, then check again: relays that come after it were not looked at"})
	}
	for _, r := range relays {
		if w, ok := r.(*wireguard.Relay); ok {
			at := fmt.Sprintf("relay.%d.config_file", slices.IndexFunc(c.Relays, func(r Relay) bool { return r.Name == w.Name() }))
			for _, note := range w.Notes() {
				c.Warnings = append(c.Warnings, Fault{c.File, lines.line(at), plain(at), note, "nothing: the rest of that file is used"})
			}
		}
		_ = r.Close() // nothing was sent by it
	}
	return nil
}

// wrong is an error of the making of a relay: at, or the faults of the file that is named there.
func wrong(err error, at Fault) (all Faults) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			all = append(all, wrong(err, at)...)
		}
		return all
	}
	var f *wireguard.Fault
	if errors.As(err, &f) {
		return Faults{{f.File, max(f.Line, 1), f.Key, f.What, f.Remedy}}
	}
	at.Problem = err.Error()
	return Faults{at}
}

// Parse is Load for the bytes of a file, wherever they are; relative paths count from path, which faults name. Either the
// configuration or the faults are nil.
func Parse(data []byte, path string) (*Config, Faults) {
	if len(data) > MaxSize {
		return nil, Faults{{File: path, Line: 1, Problem: "larger than 64 KiB", Remedy: "check that it is the right file"}}
	}
	c := &Config{File: path}
	doc, refused := decode(data, path, c)
	if c.Listen.Address == "" && !doc.has("listen.address") && len(c.Ingress) == 0 {
		c.Listen.Address = DefaultListen
	}
	if slices.ContainsFunc(refused, func(f Fault) bool { return f.Key == "" }) { // not TOML: the rest was not read
		refused.sort()
		return nil, refused
	}
	k := checker{Config: c, document: doc, refused: refused}
	k.all()
	if faults := append(refused, k.faults...); len(faults) > 0 {
		faults.sort()
		return nil, faults
	}
	c.Data = fromFile(path, c.Data)
	for i := range c.Relays {
		c.Relays[i].paths(path)
	}
	addresses := []*string{&c.Listen.Address}
	for i := range c.Ingress {
		addresses = append(addresses, &c.Ingress[i].Address)
	}
	if c.Owner != nil {
		addresses = append(addresses, &c.Owner.Address)
	}
	for _, address := range addresses {
		if socket, ok := strings.CutPrefix(*address, "unix:"); ok {
			*address = "unix:" + fromFile(path, socket)
		}
	}
	return c, nil
}

// fromFile gives a path of the file at path as the process sees it.
func fromFile(path, name string) string {
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(filepath.Dir(path), name)
}
