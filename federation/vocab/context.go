package vocab

// JSON-LD contexts.
const (
	ContextActivityStreams = "https://www.w3.org/ns/activitystreams"
	ContextSecurity        = "https://w3id.org/security/v1"          // publicKey, publicKeyPem, owner
	ContextMultikey        = "https://w3id.org/security/multikey/v1" // Multikey, publicKeyMultibase, controller (FEP-521a)
)

// ObjectContext returns the "@context" of posts and the activities that carry them. It is one for all documents, whatever
// they hold: a context cut to measure would tell what a view left out. The value is the caller's own.
func ObjectContext() []any {
	return []any{ContextActivityStreams, objectTerms()}
}

// ActorContext returns the "@context" of actors; see ObjectContext.
func ActorContext() []any {
	terms := objectTerms()
	for term, meaning := range map[string]any{
		"schema":                    "http://schema.org#",
		"PropertyValue":             "schema:PropertyValue",
		"value":                     "schema:value",
		"manuallyApprovesFollowers": "as:manuallyApprovesFollowers",
		"alsoKnownAs":               reference("as:alsoKnownAs"),
		"movedTo":                   reference("as:movedTo"),
		"discoverable":              "toot:discoverable",
		"indexable":                 "toot:indexable",
		"featured":                  reference("toot:featured"),
		"assertionMethod": map[string]any{
			"@id": "https://w3id.org/security#assertionMethod", "@type": "@id", "@container": "@set",
		},
	} {
		terms[term] = meaning
	}
	return []any{ContextActivityStreams, ContextSecurity, ContextMultikey, terms}
}

// objectTerms are the extensions that posts use, under the names that Mastodon gave most of them.
func objectTerms() map[string]any {
	return map[string]any{
		"toot":        "http://joinmastodon.org/ns#",
		"Emoji":       "toot:Emoji",
		"blurhash":    "toot:blurhash",
		"focalPoint":  map[string]any{"@id": "toot:focalPoint", "@container": "@list"},
		"votersCount": "toot:votersCount",
		"Hashtag":     "as:Hashtag",
		"sensitive":   "as:sensitive",
		// Quotes, FEP-044f.
		"quote":              reference("https://w3id.org/fep/044f#quote"),
		"quoteAuthorization": reference("https://w3id.org/fep/044f#quoteAuthorization"),
		"QuoteAuthorization": "https://w3id.org/fep/044f#QuoteAuthorization",
		"QuoteRequest":       "https://w3id.org/fep/044f#QuoteRequest",
		"gts":                "https://gotosocial.org/ns#",
		"interactingObject":  reference("gts:interactingObject"),
		"interactionTarget":  reference("gts:interactionTarget"),
		"interactionPolicy":  reference("gts:interactionPolicy"),
		"canQuote":           reference("gts:canQuote"),
		"automaticApproval":  reference("gts:automaticApproval"),
		"manualApproval":     reference("gts:manualApproval"),
	}
}

// reference defines a term whose value is an IRI.
func reference(id string) map[string]any { return map[string]any{"@id": id, "@type": "@id"} }
