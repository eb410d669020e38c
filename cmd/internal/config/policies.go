package config

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/hostname"
)

// PoliciesName is the file in the data directory that holds what commands have set, so that nothing but its owner writes
// dunnock.toml. What it has for a match takes the place of what dunnock.toml has for the same one.
const PoliciesName = "policies.toml"

// maxHosts is how long a file of hosts, or of policies, may be, in bytes.
const maxHosts = 4 << 20

// Set is what commands have set: a preset for each match.
type Set map[string]string

// with is the set with another preset for a match; empty takes what was set away.
func (s Set) with(match, preset string) Set {
	next := Set{}
	maps.Copy(next, s)
	if next[match] = preset; preset == "" {
		delete(next, match)
	}
	return next
}

// setFile is policies.toml.
type setFile struct {
	Domains []struct {
		Match  string `toml:"match"`
		Preset string `toml:"preset"`
	} `toml:"domain"`
}

// loadPolicies reads the files beside the configuration that say what domains are shown.
func (c *Config) loadPolicies() (faults Faults, err error) {
	for i := range c.Policy.Domains {
		d := &c.Policy.Domains[i]
		if d.Include == "" {
			continue
		}
		d.Include = fromFile(c.File, d.Include)
		more, err := d.include()
		if err != nil {
			return nil, err
		}
		faults = append(faults, more...)
	}
	set, more, err := readSet(filepath.Join(c.Data, PoliciesName))
	c.set = set
	return append(faults, more...), err
}

// include reads the hosts of a file.
func (d *Domain) include() (Faults, error) {
	data, _, faults, err := readUpTo(d.Include, maxHosts, "correct include")
	if err != nil || len(faults) > 0 {
		return faultsOf(err, faults)
	}
	hosts, faults := parseHosts(data, d.Include)
	d.included = hosts
	return faults, nil
}

// faultsOf tells what is wrong with a file from why it could not be read.
func faultsOf(err error, faults Faults) (Faults, error) {
	var wrong Faults
	if errors.As(err, &wrong) {
		return append(faults, wrong...), nil
	}
	return faults, err
}

// parseHosts reads matches, one a line. In a file that begins as Mastodon's export of domain blocks does, the first column
// counts, and a host stands for those below it too, as it does there.
func parseHosts(data []byte, path string) (hosts []string, faults Faults) {
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	r.FieldsPerRecord, r.LazyQuotes, r.TrimLeadingSpace = -1, true, true
	blocks := false
	for first := true; len(faults) < maxFaults; first = false {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		line, _ := r.FieldPos(0)
		if err != nil {
			return hosts, append(faults, Fault{File: path, Line: max(line, 1), Problem: "neither a list of hosts nor CSV", Remedy: "write one host a line"})
		}
		text := strings.TrimSpace(record[0])
		switch {
		case first && (text == "#domain" || text == "domain"):
			blocks = true
			continue
		case text == "" || strings.HasPrefix(text, "#"):
			continue
		}
		match, err := hostname.Match(text)
		if err != nil {
			faults = append(faults, Fault{File: path, Line: line, Problem: fmt.Sprintf("%q is no domain", text), Remedy: "write one host a line, or \"*.\" and one for all below it"})
			continue
		}
		hosts = append(hosts, match)
		if _, err := hostname.Match("*." + match); blocks && err == nil {
			hosts = append(hosts, "*."+match)
		}
	}
	slices.Sort(hosts)
	return slices.Compact(hosts), faults
}

// readSet reads policies.toml, which need not be there.
func readSet(path string) (Set, Faults, error) {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil, nil, nil
	}
	data, _, faults, err := readUpTo(path, maxHosts, "")
	if err != nil || len(faults) > 0 {
		faults, err = faultsOf(err, faults)
		return nil, faults, err
	}
	var file setFile
	d := toml.NewDecoder(bytes.NewReader(data)).DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		line := 1
		var refused *toml.DecodeError
		var unknown *toml.StrictMissingError
		if errors.As(err, &refused) {
			line, _ = refused.Position()
		} else if errors.As(err, &unknown) && len(unknown.Errors) > 0 {
			line, _ = unknown.Errors[0].Position()
		}
		return nil, Faults{{File: path, Line: line, Problem: "not as `dunnock policy set` writes it", Remedy: "correct it, or delete the file and set the policies again"}}, nil
	}
	set := Set{}
	for _, d := range file.Domains {
		match, err := hostname.Match(d.Match)
		if err != nil || match != d.Match || !slices.Contains(hardening.Presets(), d.Preset) || set[match] != "" {
			return nil, Faults{{File: path, Line: 1, Key: "domain", Problem: fmt.Sprintf("%q cannot be %q", d.Match, d.Preset),
				Remedy: "correct it, or delete the file and set the policies again"}}, nil
		}
		set[match] = d.Preset
	}
	return set, nil, nil
}

// SetPolicy writes into the data directory that a match, as hostname.Match has it, has a preset; empty takes what was set so
// away. Nothing is half-written, whatever happens meanwhile.
func (c *Config) SetPolicy(match, preset string) (err error) {
	path := filepath.Join(c.Data, PoliciesName)
	set, faults, err := readSet(path)
	if err == nil && len(faults) > 0 {
		err = faults
	}
	if err != nil {
		return err
	}
	set = set.with(match, preset)
	temporary, err := os.CreateTemp(c.Data, PoliciesName+".*") // which nobody else can read
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = temporary.Write(set.encode())
	if err = errors.Join(err, temporary.Sync(), temporary.Close()); err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		_ = os.Remove(temporary.Name()) // why it could not be written is told
		return fmt.Errorf("write %s: %w", path, err)
	}
	c.set = set
	return nil
}

// Suppose has a match stand under a preset as SetPolicy does, and writes nothing.
func (c *Config) Suppose(match, preset string) { c.set = c.set.with(match, preset) }

func (s Set) encode() []byte {
	var b bytes.Buffer
	b.WriteString("# Written by `dunnock policy set`. What is here takes the place of what dunnock.toml has for the same match.\n")
	for _, match := range slices.Sorted(maps.Keys(s)) {
		fmt.Fprintf(&b, "\n[[domain]]\nmatch = %s\npreset = %s\n", quote(match), quote(s[match]))
	}
	return b.Bytes()
}

// Rule is the policy of a match, with where that is written.
type Rule struct {
	Match  string `json:"match"`
	Preset string `json:"preset"`
	// Changed says that acts or fields are listed beside the preset.
	Changed bool `json:"changed"`
	// Everywhere says that what is withheld about it is withheld from all.
	Everywhere bool   `json:"everywhere,omitempty"`
	File       string `json:"file"`
}

// Rules are the policies of all matches, sorted by them.
func (c *Config) Rules() (rules []Rule) {
	for match, w := range c.rulings() {
		rules = append(rules, Rule{match, w.Preset, w.Acts != nil || len(w.Fields) > 0, w.Withhold != "", w.file})
	}
	slices.SortFunc(rules, func(a, b Rule) int { return cmp.Compare(a.Match, b.Match) })
	return rules
}

// ruling is the rule of a match, with the file that says which it is.
type ruling struct {
	*Domain
	file string
}

// rulings are what counts for each match: what commands have set, else what stands in the configuration, else the first file of
// hosts that has it.
func (c *Config) rulings() map[string]ruling {
	all := map[string]ruling{}
	for i := range c.Policy.Domains {
		d := &c.Policy.Domains[i]
		for _, match := range d.included {
			if all[match].Domain == nil {
				all[match] = ruling{d, d.Include}
			}
		}
	}
	for i := range c.Policy.Domains {
		d := &c.Policy.Domains[i]
		for _, match := range d.Match {
			all[match] = ruling{d, c.File}
		}
	}
	presets := map[string]*Domain{}
	for match, preset := range c.set {
		if presets[preset] == nil {
			presets[preset] = &Domain{Preset: preset}
		}
		all[match] = ruling{presets[preset], filepath.Join(c.Data, PoliciesName)}
	}
	return all
}
