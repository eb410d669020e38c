package redact

// activityKinds are the acts. The actor is always an address: an embedded one breaks Threads.
func activityKinds() map[string]kind {
	const unknown = "no server knows what the act is about"
	object := func(breaks string, holds ...string) attribute {
		return floor("object", "what the act is about", breaks, holds...)
	}
	target := floor("target", "the list or account that the act leads to", "no server knows where the act leads")
	acts := map[string]kind{
		"Create": act(audience(floorIfAny), object(unknown, "Note", "Question")),
		"Update": act(audience(floorIfAny), object("no server learns what changed",
			"Note", "Question", "Person", "Service", "Application")),
		"Announce": act(audience(floorIfAny), object(unknown, "Note", "Question")),
		"Delete":   act(audience(hideable), object(unknown, "Tombstone")),
		"Follow":   act(audience(hideable), object(unknown)),
		"Accept":   act(audience(hideable), object("Threads wants the whole Follow, and does not notice", "Follow")),
		"Reject":   act(audience(hideable), object("Threads wants the whole Follow, and does not notice", "Follow")),
		"Undo": act(audience(hideable), object("Threads wants the whole act that is undone, and does not notice",
			"Follow", "Like", "Announce", "Block")),
		"Like":   act(audience(hideable), object(unknown)),
		"Block":  act(audience(hideable), object(unknown)),
		"Flag":   act(audience(hideable), object(unknown), shown("content", "what the owner has to say")),
		"Add":    act(audience(hideable), object(unknown), target),
		"Remove": act(audience(hideable), object(unknown), target),
		"Move":   act(audience(hideable), object(unknown), target),
	}
	for name, k := range acts {
		k.wire = name
		acts[name] = k
	}
	return acts
}

// act is an activity, with the fields that all of them have and its own.
func act(audience []attribute, own ...attribute) kind {
	fields := []attribute{
		context(),
		floor("id", "the act", "no server can match an Undo to it, or knows it when it comes again"),
		floor("type", "the kind of act", "no server knows what to do"),
		floor("actor", "who acts", "no server takes an act of nobody"),
		shown("published", "the release, rounded down").or(Hour),
	}
	return kind{fields: append(append(fields, own...), audience...)}
}

// audience is whom an act is for. Where servers read its visibility from that, it belongs to the floor.
func audience(rank func(name, reveals, breaks string, holds ...string) attribute) []attribute {
	return []attribute{
		rank("to", "the audience: public, followers, people by name", "Mastodon takes the act for a direct one"),
		rank("cc", "the audience: public, followers, people by name",
			"Mastodon takes an unlisted act for one to followers only"),
	}
}

// hideable is the rank of a field that some kinds may hide and others not.
func hideable(name, reveals, _ string, holds ...string) attribute {
	return shown(name, reveals, holds...)
}
