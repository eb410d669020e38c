package hardening

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/redact"
)

// The presets: rules that others begin with, from the most that is told to nothing.
const (
	PresetOpen    = "open"    // what today's servers tell
	PresetCareful = "careful" // less of what few servers read: counts, languages, switches of the profile
	PresetStrict  = "strict"  // what a reader needs, with times to the hour
	PresetSilent  = "silent"  // nothing told, nothing shown, and nothing asked for but what the owner asks for
	PresetStub    = "stub"    // for visitors without a key: that the actor exists, and its key
)

// Presets are the names of all presets for domains, from the most that is told to nothing.
func Presets() []string { return []string{PresetOpen, PresetCareful, PresetStrict, PresetSilent} }

// Preset returns the rules of a preset, which are the caller's.
func Preset(name string) (Rules, error) {
	switch name {
	case PresetOpen:
		return Rules{Acts: slices.Clone(everyAct), Fields: redact.All(), Media: true, Asks: append(slices.Clone(ownAsks), remoteAsks...)}, nil
	case PresetCareful:
		return Rules{Acts: without(everyAct, "Block", "Flag"), Fields: fewer(redact.All(), uncareful), Media: true,
			Asks: append(slices.Clone(ownAsks), remoteAsks...)}, nil
	case PresetStrict:
		return Rules{Acts: without(everyAct, "Add", "Block", "Flag", "Move", "Remove"), Fields: more(redact.Least(), readable), Media: true,
			Asks: append(slices.Clone(ownAsks), egress.Federation, egress.Lookup)}, nil
	case PresetSilent:
		return Rules{Asks: slices.Clone(ownAsks), Asked: []egress.Purpose{egress.Federation, egress.Lookup}}, nil
	case PresetStub:
		return Rules{Media: true, Fields: stub()}, nil
	}
	return Rules{}, fmt.Errorf("there is no preset %q", name)
}

var (
	everyAct = []string{"Accept", "Add", "Announce", "Block", "Create", "Delete", "Flag", "Follow", "Like", "Move", "Reject",
		"Remove", "Undo", "Update"}
	// ownAsks are what the node itself needs, of whom its configuration names.
	ownAsks    = []egress.Purpose{egress.Certificate, egress.Names, egress.Trial, egress.Look}
	remoteAsks = []egress.Purpose{egress.Federation, egress.Lookup, egress.Media}

	// uncareful are fields that hardly a reader misses.
	uncareful = map[string][]string{
		"Person":  {"nameMap", "summaryMap", "following", "featuredTags", "discoverable", "indexable", "published", "updated"},
		"Service": {"nameMap", "summaryMap", "following", "featuredTags", "discoverable", "indexable", "published", "updated"},
		"Note":    {"contentMap", "summaryMap"}, "Question": {"contentMap", "summaryMap"},
		"Image": {"focalPoint"}, "Document": {"focalPoint"},
		"Collection": {"totalItems"}, "OrderedCollection": {"totalItems"}, "CollectionPage": {"totalItems"}, "OrderedCollectionPage": {"totalItems"},
		"nodeinfo-software": {"repository", "homepage"}, "nodeinfo-usage": {"localPosts", "localComments"},
		"nodeinfo-users": {"total", "activeMonth", "activeHalfyear"},
	}
	// readable are fields beyond the floor without which a person has no face and a post no pictures.
	readable = map[string][]string{
		"Person": {"name", "summary", "icon", "url:id"}, "Service": {"name", "summary", "icon", "url:id"},
		"Note": readablePost, "Question": readablePost,
		"option": {"replies"}, "votes": {"totalItems"}, "Image": {"name"}, "Document": {"name"},
		"Collection": {"items", "first"}, "OrderedCollection": {"orderedItems", "first"},
		"CollectionPage": {"items", "next"}, "OrderedCollectionPage": {"orderedItems", "next"},
	}
	readablePost = []string{"attachment", "quote", "quoteUrl", "_misskey_quote", "url:id", "published:hour"}
)

// Open is the policy of today's servers: every known field and every kind of act to whoever signs, and to those who do
// not the stub of the actor, the pictures and what is needed to find the actor. Unlike them it asks for no page because a
// post links to it.
func Open() Policy {
	signed, _ := Preset(PresetOpen)
	unsigned, _ := Preset(PresetStub)
	return Policy{Signed: signed, Unsigned: unsigned}
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

func without(list []string, names ...string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(name string) bool { return slices.Contains(names, name) })
}

func fewer(f redact.Fields, hidden map[string][]string) redact.Fields {
	for kind, names := range hidden {
		f[kind] = without(f[kind], names...)
	}
	return f
}

// more adds fields; one that is there already is shown as the addition has it.
func more(f redact.Fields, added map[string][]string) redact.Fields {
	for _, kind := range slices.Sorted(maps.Keys(added)) {
		for _, entry := range added[kind] {
			name, _, _ := strings.Cut(entry, ":")
			f[kind] = append(without(f[kind], name), entry)
		}
	}
	return f
}
