package redact

// discoveryKinds are the answers to WebFinger (RFC 7033), of host-meta.json and the NodeInfo index ("jrd"), and NodeInfo
// 2.1 itself. None has a type: they are asked for by name, with ViewAs.
func discoveryKinds() map[string]kind {
	const schema = "the document is not valid against the schema of NodeInfo, and is ignored"
	return map[string]kind{
		"webfinger": {fields: []attribute{
			floor("subject", "the handle", "Mastodon rejects the account: its handle is not confirmed"),
			floor("links", "where the actor is", "nobody finds the actor", "jrd-link"),
			shown("aliases", "other addresses of the owner"),
		}},
		"jrd": {fields: []attribute{
			floor("links", "where further documents are", "nobody finds them", "jrd-link"),
		}},
		"jrd-link": {fields: []attribute{
			floor("rel", "what the link leads to", "nobody knows what the link is for"),
			floorIfAny("type", "the format", "Mastodon looks for the actor by its format"),
			floorIfAny("href", "where it leads", "the link leads nowhere"),
			floorIfAny("template", "where it leads", "the link leads nowhere"),
		}},
		"nodeinfo": {fields: []attribute{
			floor("version", "the version of NodeInfo", schema),
			floor("software", "the software", schema, "nodeinfo-software"),
			floor("protocols", "that the node speaks ActivityPub", schema),
			floor("services", "other networks that the node speaks to", schema, "nodeinfo-services"),
			floor("openRegistrations", "that nobody else can join", schema),
			floor("usage", "how much the node is used", schema, "nodeinfo-usage"),
			floor("metadata", "nothing", schema, "nodeinfo-metadata"),
		}},
		"nodeinfo-software": {fields: []attribute{
			floor("name", "the software", schema),
			floor("version", "the version, and by it known faults, if the node fills it in", schema),
			shown("repository", "the software"),
			shown("homepage", "the software"),
		}},
		"nodeinfo-services": {fields: []attribute{
			floor("inbound", "networks that the node reads", schema).as(listing),
			floor("outbound", "networks that the node writes to", schema).as(listing),
		}},
		"nodeinfo-usage": {fields: []attribute{
			floor("users", "how many people use the node", schema, "nodeinfo-users"),
			shown("localPosts", "how many posts there are, and over time how many are written"),
			shown("localComments", "how many answers there are, and over time how many are written"),
		}},
		"nodeinfo-users": {fields: []attribute{
			shown("total", "that the node has one user"),
			shown("activeMonth", "whether the owner was there this month"),
			shown("activeHalfyear", "whether the owner was there this half-year"),
		}},
		"nodeinfo-metadata": {}, // the schema demands the object, and nothing in it
	}
}
