package hardening

import (
	"slices"

	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/hostname"
	"github.com/dunnock-server/dunnock/hardening/redact"
)

// Policy says what each domain is shown. The zero Policy shows nothing to anybody, tells no act and asks for nothing.
type Policy struct {
	// Signed is for domains that prove who they are, and for those that the node itself turns to, unless Domains has others.
	Signed Rules
	// Unsigned is for visitors without a key.
	Unsigned Rules
	// Domains are the rules of some domains, by what [hostname.Match] gives; the longest match counts.
	Domains map[string]*Rules
}

// Rules are what one domain may be told.
type Rules struct {
	// Acts are the types of activity that may be told.
	Acts []string
	// Everywhere withholds an act that is not told here, and whose object is of this domain, from all other domains too: they
	// would pass it on. A post is nobody's but the owner's, whomever it answers.
	Everywhere bool
	// Fields are what is shown of each kind of document.
	Fields redact.Fields
	// Media says whether the owner's pictures are served.
	Media bool
	// Asks are the purposes for which the node may ask the domain for something, which tells it that the node did.
	Asks []egress.Purpose
	// Asked are further purposes, for what the owner asks for: see [WithOwner].
	Asked []egress.Purpose
}

// For returns the rules for a domain in canonical form; the empty domain is a visitor without a key. Domains under one set of
// rules get one pointer, by which what was made for one of them is known to be good for the other; they are not changed.
func (p *Policy) For(domain string) *Rules {
	rules, _ := p.Match(domain)
	return rules
}

// Match is [Policy.For], and says by which of p.Domains; empty: by none.
func (p *Policy) Match(domain string) (rules *Rules, match string) {
	if domain == "" {
		return &p.Unsigned, ""
	}
	switch rules, match, ok := hostname.Longest(p.Domains, domain); {
	case !ok:
		return &p.Signed, ""
	case rules == nil:
		return nothing, match
	default:
		return rules, match
	}
}

// nothing is told and shown under rules that are not there.
var nothing = &Rules{}

// Tells says whether an activity of that type may be told.
func (r Rules) Tells(act string) bool { return slices.Contains(r.Acts, act) }

// owes says whether an act that follows from what a domain was told, or asked, is told there although the rules do not name it:
// what takes back what was told always is, and whoever is told anything is answered.
func (r Rules) owes(act string) bool {
	switch act {
	case "Undo", "Delete":
		return true
	case "Accept", "Reject":
		return len(r.Acts) > 0
	}
	return false
}

// tells says whether who is under some rules may be told of an act about an object: what is withheld everywhere is told nobody.
// An object that is at no server is nobody's.
func (p *Policy) tells(rules *Rules, act, object string) bool {
	if !rules.Tells(act) {
		return false
	}
	host, err := hostname.HostOf(object)
	if err != nil {
		return true
	}
	about := p.For(host)
	return !about.Everywhere || about.Tells(act)
}

// toldBy are the kinds of act by which somebody is told of a document of some kind: who is not told of them is not shown it.
func toldBy(kind string) []string {
	switch {
	case slices.Contains(everyAct, kind):
		return []string{kind}
	case kind == "Note" || kind == "Question" || kind == "Tombstone":
		return []string{"Create"}
	}
	return nil
}
