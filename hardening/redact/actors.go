package redact

// actorKinds are the owner, the server actor and what their documents embed.
func actorKinds() map[string]kind {
	return map[string]kind{
		"Person":  {wire: "Person", fields: actor(floor)},
		"Service": {wire: "Service", fields: actor(floor)},
		// The server actor is followed by nobody and posts nothing: what it lacks breaks nothing.
		"Application": {wire: "Application", fields: actor(floorIfAny)},
		"publicKey": {fields: []attribute{
			floor("id", "the key's name", "no signature can be matched to the key"),
			floor("owner", "the actor", "a key that is not claimed by its owner verifies nothing"),
			floor("publicKeyPem", "the key", "no signature can be verified"),
		}},
		"Multikey": {wire: "Multikey", fields: []attribute{
			floor("id", "the key's name", "FEP-521a: no signature can be matched to the key"),
			floor("type", "nothing more", "FEP-521a: the key is not known as one"),
			floor("controller", "the actor", "FEP-521a: a key that is not claimed by its owner verifies nothing"),
			floor("publicKeyMultibase", "the key", "FEP-521a: no signature can be verified"),
		}},
		"endpoints": {fields: []attribute{
			floor("sharedInbox", "the shared inbox", "every follower costs a delivery of its own"),
		}},
		"PropertyValue": {wire: "PropertyValue", fields: []attribute{
			floor("type", "nothing more", "Mastodon does not know the field as one"),
			floor("name", "a profile field's label", "Mastodon drops the field"),
			floor("value", "a profile field's text and links", "Mastodon drops the field"),
		}},
	}
}

// actor lists the fields of an actor; core makes those that only an actor with followers and posts must have.
func actor(core func(name, reveals, breaks string, holds ...string) attribute) []attribute {
	return []attribute{
		context(),
		floor("id", "the actor", "no server knows an actor without its id"),
		floor("type", "whether a person, a bot or the server", "no server knows it as an actor"),
		floor("preferredUsername", "the user name", "Mastodon errs, also on the unsigned stub"),
		floor("inbox", "where to deliver", "Mastodon errs, also on the unsigned stub, and nobody can deliver"),
		core("outbox", "where posts are listed", "Lemmy rejects the actor"),
		core("followers", "the address of the list, not the list",
			"Mastodon reads posts for followers as direct messages"),
		floor("publicKey", "the key that signs", "no server can verify what is sent, and Threads waits for "+
			"a key that it can read unsigned before it answers at all", "publicKey"),
		core("endpoints", "the shared inbox", "every follower costs a delivery of its own", "endpoints"),
		shown("following", "the address of the list, not the list"),
		shown("featured", "the address of the pinned posts"),
		shown("featuredTags", "the address of the hashtags on the profile"),
		shown("assertionMethod", "further keys", "Multikey"),
		shown("webfinger", "the handle's domain"),
		shown("url", "the address of the profile page").or(ID),
		shown("name", "the display name"),
		shown("nameMap", "the display name and its language").as(languages),
		shown("summary", "the biography"),
		shown("summaryMap", "the biography and its language").as(languages),
		shown("icon", "the profile picture", "Image"),
		shown("image", "the header picture", "Image"),
		shown("attachment", "the profile fields", "PropertyValue"),
		shown("tag", "emoji, hashtags and people named in the profile", "Emoji", "Hashtag", "Mention"),
		shown("manuallyApprovesFollowers", "that followers are approved one by one"),
		shown("discoverable", "whether the owner wants to be suggested"),
		shown("indexable", "whether the owner wants posts to be found by search"),
		shown("published", "when the account was made"),
		shown("updated", "when the profile was last changed"),
		shown("alsoKnownAs", "other accounts of the owner"),
		shown("movedTo", "the account that the owner moved to"),
	}
}
