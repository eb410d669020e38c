package config

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/hostname"
	"github.com/dunnock-server/dunnock/hardening/redact"
)

// What [policy] is when the file does not say.
const (
	DefaultPolicy   = hardening.PresetCareful
	DefaultUnsigned = hardening.PresetStub
)

// Everywhere is the only value of withhold.
const Everywhere = "everywhere"

// Presets are the names of what a policy may be, from the most that is told to nothing.
func Presets() []string { return hardening.Presets() }

// Policy says what each domain is shown and told.
type Policy struct {
	// Default is the preset for every domain that no other rule is for. Load sets it to DefaultPolicy when the file has none.
	Default string `toml:"default"`
	// Unsigned is the preset for visitors without a key. Load sets it to DefaultUnsigned when the file has none.
	Unsigned string `toml:"unsigned"`
	// Domains are rules of their own for some domains.
	Domains []Domain `toml:"domain"`
}

// Domain is a rule for some domains. The longest match counts, whichever table it is in.
type Domain struct {
	// Match are hosts, or "*." and one for all below it.
	Match []string `toml:"match"`
	// Include is a file of further hosts: one a line, or domain blocks as Mastodon exports them.
	Include string `toml:"include"`
	// Preset is where the rule begins: one of hardening.Presets.
	Preset string `toml:"preset"`
	// Acts, if written, are all the kinds of act that are told.
	Acts []string `toml:"acts"`
	// Withhold is empty, or [Everywhere]: then no other domain is told of a like, a boost or a follow of this one's posts and people
	// either, where this one is not.
	Withhold string `toml:"withhold"`
	// Fields are, by kind of document in any case, all that is shown of it, each with a transform after a colon if it has one.
	Fields map[string][]string `toml:"fields"`

	included []string // what Include holds
}

func (k *checker) policy() {
	p := &k.Policy
	p.Default, p.Unsigned = k.preset("policy.default", p.Default, DefaultPolicy), k.preset("policy.unsigned", p.Unsigned, DefaultUnsigned, hardening.PresetStub)
	switch p.Unsigned {
	case hardening.PresetStub:
	case hardening.PresetSilent:
		k.warn("policy.unsigned", "nobody can read your key without one", `write unsigned = "stub": Threads, and others that answer only signed requests, will wait for it in vain`)
	default:
		k.warn("policy.unsigned", "whoever comes without a key sees of the profile what the preset "+p.Unsigned+" shows, so any domain does", `write unsigned = "stub"`)
	}
	seen := map[string]bool{}
	for i := range p.Domains {
		k.domain(fmt.Sprintf("policy.domain.%d", i), &p.Domains[i], seen)
	}
}

// preset is the preset written at a key, or what stands for it.
func (k *checker) preset(key, name, otherwise string, also ...string) string {
	if !k.has(key) {
		return otherwise
	}
	if names := append(hardening.Presets(), also...); !slices.Contains(names, name) {
		k.fault(key, missingOr(name, fmt.Sprintf("there is no preset %q", name)), "write one of: "+strings.Join(names, ", "))
	}
	return name
}

func (k *checker) domain(path string, d *Domain, seen map[string]bool) {
	for i, text := range d.Match {
		match, err := hostname.Match(text)
		switch {
		case err != nil:
			k.fault(path+".match", fmt.Sprintf("%q is no domain", text), `write hosts, or "*." and one for all below it: match = ["threads.net", "*.threads.net"]`)
		case seen[match]:
			k.fault(path+".match", fmt.Sprintf("%q has a rule already", match), "name each domain once")
		}
		seen[match], d.Match[i] = true, match
	}
	if len(d.Match) == 0 && d.Include == "" {
		k.fault(path, "a rule for no domain", `write match = ["threads.net", "*.threads.net"], or include = "FILE"`)
	}
	if !k.has(path + ".preset") {
		k.fault(path+".preset", "missing", "write one of: "+strings.Join(hardening.Presets(), ", "))
	}
	d.Preset = k.preset(path+".preset", d.Preset, "")
	if d.Preset == hardening.PresetSilent {
		for _, key := range []string{".acts", ".fields"} {
			if k.has(path + key) {
				k.fault(path+key, "silent tells and shows nothing", `remove it, or write preset = "strict"`)
			}
		}
		return
	}
	if known := everyAct(); k.has(path + ".acts") {
		for _, act := range d.Acts {
			if !slices.Contains(known, act) {
				k.fault(path+".acts", fmt.Sprintf("there is no act %q", act), "write some of: "+strings.Join(known, ", "))
			}
		}
	}
	if k.has(path+".withhold") && d.Withhold != Everywhere {
		k.fault(path+".withhold", missingOr(d.Withhold, fmt.Sprintf("%q is not known", d.Withhold)), `write withhold = "everywhere", or remove it`)
	}
	k.fields(path+".fields", d)
}

// fields brings the names of the kinds to their form, and refuses what is below a floor.
func (k *checker) fields(path string, d *Domain) {
	shown := redact.Least()
	at := map[string]string{}
	names := slices.SortedFunc(maps.Keys(d.Fields), func(a, b string) int { return cmp.Compare(k.line(path+"."+a), k.line(path+"."+b)) })
	for _, name := range names {
		kind := kindNamed(name)
		if kind == "" {
			k.fault(path+"."+name, "no documents of this kind are sent", "write one of: "+strings.Join(redact.Kinds(), ", "))
			continue
		}
		if at[kind] != "" {
			k.fault(path+"."+name, kind+" is written twice", "keep one of them")
			continue
		}
		at[kind], shown[kind] = path+"."+name, shownOf(kind, d.Fields[name])
	}
	for _, err := range redact.Check(shown) {
		var floor *redact.FloorError
		kind, _, _ := strings.Cut(strings.ReplaceAll(err.Error(), ".", " "), " ")
		if errors.As(err, &floor) {
			k.fault(at[floor.Kind], err.Error(), fmt.Sprintf("add %q", floor.Field))
		} else {
			k.fault(at[kind], err.Error(), "write some of: "+strings.Join(fieldNames(kind), ", "))
		}
	}
}

// kindNamed is the kind of document of a name in any case; empty if there is none.
func kindNamed(name string) string {
	for _, kind := range redact.Kinds() {
		if strings.EqualFold(kind, name) {
			return kind
		}
	}
	return ""
}

// shownOf is what a list in the file shows of a kind: the context, which says nothing of the owner, need not be written.
func shownOf(kind string, fields []string) []string {
	const context = "@context"
	if slices.Contains(fields, context) || !slices.Contains(redact.Floor(kind), context) {
		return fields
	}
	return append([]string{context}, fields...)
}

func fieldNames(kind string) (names []string) {
	for _, f := range redact.Known(kind) {
		names = append(names, f.Name)
		if f.How != "" {
			names = append(names, f.Name+":"+f.How)
		}
	}
	return names
}

func everyAct() []string {
	open, _ := hardening.Preset(hardening.PresetOpen)
	return open.Acts
}

// policy is the policy as the gate takes it.
func (c *Config) policy() (p hardening.Policy, err error) {
	if p.Signed, err = hardening.Preset(cmp.Or(c.Policy.Default, DefaultPolicy)); err != nil {
		return hardening.Policy{}, fmt.Errorf("policy.default: %w", err)
	}
	if p.Unsigned, err = hardening.Preset(cmp.Or(c.Policy.Unsigned, DefaultUnsigned)); err != nil {
		return hardening.Policy{}, fmt.Errorf("policy.unsigned: %w", err)
	}
	p.Domains = map[string]*hardening.Rules{}
	made := map[*Domain]*hardening.Rules{}
	for match, w := range c.rulings() {
		if made[w.Domain] == nil {
			if made[w.Domain], err = w.rules(); err != nil {
				return hardening.Policy{}, fmt.Errorf("%s: %w", w.file, err)
			}
		}
		p.Domains[match] = made[w.Domain]
	}
	return p, nil
}

func (d *Domain) rules() (*hardening.Rules, error) {
	rules, err := hardening.Preset(d.Preset)
	if err != nil {
		return nil, err
	}
	if d.Acts != nil {
		rules.Acts = slices.Clone(d.Acts)
	}
	rules.Everywhere = d.Withhold == Everywhere
	for name, fields := range d.Fields {
		rules.Fields[kindNamed(name)] = shownOf(kindNamed(name), fields)
	}
	return &rules, nil
}
