package hardening

import (
	"slices"

	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/redact"
)

// Policy says what each domain is shown. The zero Policy shows nothing to anybody, tells no act and asks for nothing.
type Policy struct {
	// Signed is for domains that prove who they are, and for those that the node itself turns to.
	Signed Rules
	// Unsigned is for visitors without a key.
	Unsigned Rules
}

// Rules are what one domain may be told.
type Rules struct {
	// Acts are the types of activity that may be told.
	Acts []string
	// Fields are what is shown of each kind of document.
	Fields redact.Fields
	// Media says whether the owner's pictures are served.
	Media bool
	// Asks are the purposes for which the node may ask the domain for something, which tells it that the node did.
	Asks []egress.Purpose
}

// Open is the policy of today's servers: every known field and every kind of act to whoever signs, and to those who do
// not the stub of the actor, the pictures and what is needed to find the actor. Unlike them it asks for no page because a
// post links to it.
func Open() Policy {
	acts := []string{"Accept", "Add", "Announce", "Block", "Create", "Delete", "Flag", "Follow", "Like", "Move", "Reject",
		"Remove", "Undo", "Update"}
	asks := []egress.Purpose{egress.Federation, egress.Lookup, egress.Media, egress.Certificate, egress.Names, egress.Trial, egress.Look}
	return Policy{
		Signed:   Rules{Acts: acts, Fields: redact.All(), Media: true, Asks: asks},
		Unsigned: Rules{Media: true, Fields: stub()},
	}
}

// stub is what a visitor without a key sees: actors at their floor, so that a signature can be verified (servers that
// answer only signed requests would otherwise wait for each other), and the answers of discovery. No post and no list.
func stub() redact.Fields {
	least, shown := redact.Least(), redact.Fields{}
	for _, kind := range redact.Kinds() {
		if slices.Contains(unsignedKinds, kind) {
			shown[kind] = least[kind]
		}
	}
	return shown
}

// unsignedKinds are the documents that need no key, with what they embed.
var unsignedKinds = []string{"Person", "Service", "Application", "publicKey", "endpoints",
	"webfinger", "jrd", "jrd-link", "nodeinfo", "nodeinfo-software", "nodeinfo-services", "nodeinfo-usage", "nodeinfo-users",
	"nodeinfo-metadata"}

// For returns the rules for a domain in canonical form; the empty domain is a visitor without a key. Domains under one set of
// rules get one pointer, by which what was made for one of them is known to be good for the other; they are not changed.
func (p *Policy) For(domain string) *Rules {
	if domain == "" {
		return &p.Unsigned
	}
	return &p.Signed
}

// Tells says whether an activity of that type may be told.
func (r Rules) Tells(act string) bool { return slices.Contains(r.Acts, act) }
