package vocab

import (
	"strings"
	"unicode"
)

// names are the fields that any code of ours reads or writes, in their one spelling. A key that equals one of them only
// after case folding is refused: readers that fold (encoding/json into structs does) and readers that do not would
// otherwise take different values from one document.
const names = `@context @graph @id @included @reverse @type
id type name nameMap summary summaryMap content contentMap mediaType url href hreflang rel width height duration
published updated deleted startTime endTime closed
actor object target result origin instrument attributedTo to cc bto bcc audience generator
inReplyTo context conversation replies likes shares tag attachment icon image preview location source sensitive
first last next prev current partOf items orderedItems totalItems startIndex
inbox outbox followers following liked featured featuredTags streams endpoints sharedInbox preferredUsername
publicKey publicKeyPem publicKeyMultibase owner controller assertionMethod signature proof alsoKnownAs movedTo
manuallyApprovesFollowers discoverable indexable blurhash focalPoint value
oneOf anyOf votersCount formerType subject relationship describes
quote quoteUri quoteUrl quoteAuthorization interactingObject interactionTarget interactionPolicy
_misskey_quote _misskey_content _misskey_reaction`

// wellKnown maps each name to itself, so that a key found here needs no string of its own; foldedNames holds the names
// in folded form. Neither changes after start.
var wellKnown, foldedNames = func() (known map[string]string, lower map[string]bool) {
	known, lower = make(map[string]string), make(map[string]bool)
	for name := range strings.FieldsSeq(names) {
		known[name], lower[fold(name)] = name, true
	}
	return known, lower
}()

// folded reports whether key is a well-known name in another case.
func folded(key string) bool {
	_, known := wellKnown[key]
	return !known && foldedNames[fold(key)]
}

// fold maps what any reader might take for the same letter to one: K, k and the Kelvin sign; S, s and the long s.
func fold(key string) string {
	return strings.Map(func(r rune) rune { return unicode.ToLower(unicode.ToUpper(r)) }, key)
}

// freeKeys reports whether the keys of the objects below field are not names of fields: terms of a JSON-LD context, which
// nobody here reads, and language tags.
func freeKeys(field string) bool {
	switch field {
	case "@context", "contentMap", "nameMap", "summaryMap":
		return true
	}
	return false
}
