package config

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/hardening/hostname"
	"github.com/dunnock-server/dunnock/hardening/redact"
)

// Standing is how a domain stands under the policy.
type Standing struct {
	Domain string `json:"domain"` // empty: a visitor without a key
	Match  string `json:"match"`  // empty: the default
	Preset string `json:"preset"`
	File   string `json:"file"` // where that is written
	// Told are the kinds of act that it is told of, Kept those that it is not.
	Told []string `json:"told"`
	Kept []string `json:"kept"`
	// Everywhere says that the likes, boosts and follows of its posts and people that are kept from it are kept from all.
	Everywhere bool `json:"everywhere"`
	// Hidden are the fields that it is not shown, by kind of document; Coarse those that it is shown transformed.
	Hidden map[string][]string `json:"hidden"`
	Coarse map[string][]string `json:"coarse"`
	Media  bool                `json:"media"` // whether it may fetch the owner's pictures
	// Asked are the purposes for which the node asks it by itself.
	Asked []string `json:"asked"`
	// Others are those who are told or shown some of it all the same, and could pass it on.
	Others []Other `json:"others"`
}

// Other is somebody who is told or shown what another domain is not.
type Other struct {
	Who    string `json:"who"`
	Acts   int    `json:"acts"`   // of those that are kept from the domain
	Fields int    `json:"fields"` // of those that are hidden from it
}

// Standing says how a domain in canonical form stands; empty is a visitor without a key.
func (c *Config) Standing(domain string) (Standing, error) {
	p, err := c.policy()
	if err != nil {
		return Standing{}, err
	}
	rules, match := p.Match(domain)
	s := Standing{Domain: domain, Match: match, Preset: c.Policy.Default, File: c.File, Everywhere: rules.Everywhere, Media: rules.Media,
		Hidden: map[string][]string{}, Coarse: map[string][]string{}, Told: []string{}, Kept: []string{}, Asked: []string{}, Others: []Other{}}
	if domain == "" {
		s.Preset = c.Policy.Unsigned
	}
	if w := c.rulings()[match]; w.Domain != nil {
		s.Preset, s.File = w.Preset, w.file
	}
	for _, act := range everyAct() {
		if rules.Tells(act) {
			s.Told = append(s.Told, act)
		} else {
			s.Kept = append(s.Kept, act)
		}
	}
	for kind, all := range redact.All() {
		for _, field := range all {
			switch entry := shownAs(rules.Fields[kind], field); entry {
			case "":
				s.Hidden[kind] = append(s.Hidden[kind], field)
			case field:
			default:
				s.Coarse[kind] = append(s.Coarse[kind], entry)
			}
		}
	}
	for _, purpose := range rules.Asks {
		if slices.Contains(remote, purpose.String()) {
			s.Asked = append(s.Asked, purpose.String())
		}
	}
	if domain != "" && match != "" {
		s.other("every domain without a rule ("+c.Policy.Default+")", &p.Signed)
	}
	if domain != "" {
		s.other("visitors without a key ("+c.Policy.Unsigned+")", &p.Unsigned)
	}
	counted := map[*hardening.Rules]bool{rules: true}
	for _, r := range c.Rules() {
		if other := p.Domains[r.Match]; !counted[other] {
			counted[other] = true
			s.other(r.Match+" ("+r.Preset+", by "+filepath.Base(r.File)+")", other)
		}
	}
	return s, nil
}

// remote are the purposes for which another server is asked for what it has.
var remote = []string{"federation", "lookup", "media", "preview"}

// shownAs is how a list of fields has one of them; empty: not at all.
func shownAs(list []string, field string) string {
	for _, entry := range list {
		if name, _, _ := strings.Cut(entry, ":"); name == field {
			return entry
		}
	}
	return ""
}

// other counts what others are told of that the domain is not.
func (s *Standing) other(who string, rules *hardening.Rules) {
	o := Other{Who: who}
	for _, act := range s.Kept {
		if rules.Tells(act) {
			o.Acts++
		}
	}
	for kind, fields := range s.Hidden {
		for _, field := range fields {
			if shownAs(rules.Fields[kind], field) != "" {
				o.Fields++
			}
		}
	}
	if o.Acts+o.Fields > 0 {
		s.Others = append(s.Others, o)
	}
}

// ParseDomain brings a domain that the owner has typed to its form; "-" is a visitor without a key.
func ParseDomain(text string) (string, error) {
	if text == "-" {
		return "", nil
	}
	return hostname.Canonical(text, true)
}

// ParseMatch is ParseDomain for what a rule is for: also "*." and a domain.
func ParseMatch(text string) (string, error) { return hostname.Match(text) }

// Reread returns what reads the policy of a configuration anew.
func Reread(path string) func() (hardening.Policy, error) {
	return func() (hardening.Policy, error) {
		c, err := Load(path)
		if err != nil {
			return hardening.Policy{}, err
		}
		return c.policy()
	}
}
