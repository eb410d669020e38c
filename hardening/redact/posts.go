package redact

// postKinds are posts, polls, and what they embed. The source text of a post is never sent.
func postKinds() map[string]kind {
	return map[string]kind{
		"Note": {wire: "Note", fields: post()},
		"Question": {wire: "Question", fields: append(post(),
			floorIfAny("oneOf", "the options of a poll", "there is nothing to vote for", "option"),
			floorIfAny("anyOf", "the options of a poll", "there is nothing to vote for", "option"),
			floorIfAny("endTime", "when the poll is to end", "Mastodon takes votes for ever"),
			floorIfAny("closed", "when the poll ended", "Mastodon takes votes that no longer count"),
			shown("votersCount", "how many people voted").or(Zero),
		)},
		"option": {wire: "Note", fields: []attribute{
			floor("type", "nothing more", "Mastodon does not know the option as one"),
			floor("name", "the option", "there is nothing to vote for"),
			shown("replies", "how many voted for the option", "votes"),
		}},
		"votes": {wire: "Collection", fields: []attribute{
			floor("type", "nothing more", "the count is not known as one"),
			shown("totalItems", "how many voted for the option").or(Zero),
		}},
		"Tombstone": {wire: "Tombstone", fields: []attribute{
			context(),
			floor("id", "which object is gone", "no server knows what to delete"),
			floor("type", "that it is gone", "servers take it for an object of no type"),
			shown("formerType", "what it was"),
			shown("deleted", "when it was deleted"),
		}},
		"Image":    {wire: "Image", fields: picture()},
		"Document": {wire: "Document", fields: picture()},
		"Mention": {wire: "Mention", fields: []attribute{
			floor("type", "nothing more", "nobody is notified"),
			floor("href", "who is mentioned", "nobody is notified"),
			shown("name", "the handle as written"),
		}},
		"Hashtag": {wire: "Hashtag", fields: []attribute{
			floor("type", "nothing more", "the post is not found by its hashtag"),
			floor("name", "the hashtag", "the post is not found by its hashtag"),
			shown("href", "the address of a page on the hashtag"),
		}},
		"Emoji": {wire: "Emoji", fields: []attribute{
			floor("type", "nothing more", "readers see the shortcode"),
			floor("name", "the shortcode", "readers see the shortcode"),
			floor("icon", "the picture", "readers see the shortcode", "Image"),
			shown("id", "the address of the emoji"),
			shown("updated", "when the emoji was last changed"),
		}},
		"Collection": {wire: "Collection", fields: append(collection(),
			shown("items", "what is listed", listed()...),
			shown("first", "what is listed, or where", "CollectionPage"),
		)},
		"OrderedCollection": {wire: "OrderedCollection", fields: append(collection(),
			shown("orderedItems", "what is listed, and in which order", listed()...),
			shown("first", "what is listed, or where", "OrderedCollectionPage"),
		)},
		"CollectionPage": {wire: "CollectionPage", fields: append(page(),
			shown("items", "what is listed", listed()...))},
		"OrderedCollectionPage": {wire: "OrderedCollectionPage", fields: append(page(),
			shown("orderedItems", "what is listed, and in which order", listed()...))},
	}
}

func post() []attribute {
	return []attribute{
		context(),
		floor("id", "the post", "no server keeps a post without its id"),
		floor("type", "whether a post or a poll", "no server knows it as a post"),
		floor("attributedTo", "the author", "no server knows whose post it is"),
		floorIfAny("to", "the audience: public, followers, people by name", "Mastodon takes the post for a direct message"),
		floorIfAny("cc", "the audience: public, followers, people by name",
			"Mastodon takes an unlisted post for one to followers only"),
		floorIfAny("content", "the text", "Mastodon shows an empty post"),
		floorIfAny("name", "the option voted for", "a vote is not counted"),
		floorIfAny("inReplyTo", "what is answered", "answers start a thread of their own, and votes are not counted"),
		floorIfAny("summary", "the content warning", "the text is shown without its warning"),
		floorIfAny("sensitive", "that there is a content warning", "Mastodon shows pictures uncovered"),
		floorIfAny("tag", "people mentioned, hashtags, emoji",
			"Mastodon notifies nobody, and hides a direct message from whom it is for", "Mention", "Hashtag", "Emoji"),
		floorIfAny("published", "the release, rounded down",
			"GoToSocial takes the time of arrival, and refuses every edit whose time is another").or(Hour),
		floorIfAny("updated", "the release of the last edit, rounded down", "Mastodon ignores the edit"),
		shown("contentMap", "the text and its language").as(languages),
		shown("summaryMap", "the content warning and its language").as(languages),
		shown("url", "the address of the post's page").or(ID),
		shown("attachment", "pictures, sound and video", "Image", "Document"),
		shown("quote", "which post is quoted (FEP-044f)"),
		shown("quoteUrl", "which post is quoted, as Fedibird and Pleroma read it"),
		shown("_misskey_quote", "which post is quoted, as Misskey reads it"),
		shown("replies", "the answers that the node knows, or where they are listed", "Collection"),
	}
}

func picture() []attribute {
	return []attribute{
		floorIfAny("type", "nothing more", "Mastodon drops the attachment"),
		floor("url", "where the file is", "there is no file to show"),
		floorIfAny("mediaType", "the format", "Mastodon drops the attachment"),
		shown("name", "the description for those who cannot see it"),
		shown("blurhash", "the picture's colours, coarsely"),
		shown("width", "the picture's size, and by it perhaps the camera"),
		shown("height", "the picture's size, and by it perhaps the camera"),
		shown("focalPoint", "which part of the picture matters"),
	}
}

func collection() []attribute {
	return []attribute{
		context(),
		floorIfAny("id", "the list", "a list that is fetched is not known by its address"),
		floor("type", "that it is a list", "no server knows it as a list"),
		shown("attributedTo", "whose list it is"),
		shown("totalItems", "how many are listed").or(Zero),
		shown("last", "where the list ends"),
	}
}

func page() []attribute {
	return []attribute{
		context(),
		floorIfAny("id", "the page", "a page that is fetched is not known by its address"),
		floor("type", "that it is a page of a list", "no server knows it as a page"),
		floorIfAny("partOf", "which list it is a page of", "Mastodon does not read a page of an unknown list"),
		shown("totalItems", "how many are listed").or(Zero),
		shown("next", "that more are listed"),
		shown("prev", "that more are listed"),
	}
}

// listed names the kinds that a collection may embed; most hold addresses only.
func listed() []string { return []string{"Note", "Question", "Create", "Announce", "Hashtag"} }
