package vocab

import "slices"

// Activity types: those of ActivityStreams 2.0 that servers exchange, and extensions.
const (
	TypeAccept       = "Accept"
	TypeAdd          = "Add"
	TypeAnnounce     = "Announce"
	TypeBlock        = "Block"
	TypeCreate       = "Create"
	TypeDelete       = "Delete"
	TypeDislike      = "Dislike"
	TypeEmojiReact   = "EmojiReact" // Pleroma, Akkoma, Fedify: a Like with an emoji in "content"
	TypeFlag         = "Flag"
	TypeFollow       = "Follow"
	TypeLike         = "Like"
	TypeMove         = "Move"
	TypeQuoteRequest = "QuoteRequest" // FEP-044f
	TypeReject       = "Reject"
	TypeRemove       = "Remove"
	TypeUndo         = "Undo"
	TypeUpdate       = "Update"
)

// Actor types (ActivityStreams Vocabulary section 3.2).
const (
	TypeApplication  = "Application"
	TypeGroup        = "Group"
	TypeOrganization = "Organization"
	TypePerson       = "Person"
	TypeService      = "Service"
)

// Object and Link types, and the extensions that posts and actors are made of.
const (
	TypeArticle               = "Article"
	TypeAudio                 = "Audio"
	TypeCollection            = "Collection"
	TypeCollectionPage        = "CollectionPage"
	TypeDocument              = "Document"
	TypeEmoji                 = "Emoji" // toot
	TypeEvent                 = "Event"
	TypeHashtag               = "Hashtag"
	TypeImage                 = "Image"
	TypeKey                   = "Key" // security/v1
	TypeLink                  = "Link"
	TypeMention               = "Mention"
	TypeMultikey              = "Multikey" // FEP-521a
	TypeNote                  = "Note"
	TypeOrderedCollection     = "OrderedCollection"
	TypeOrderedCollectionPage = "OrderedCollectionPage"
	TypePage                  = "Page"
	TypePlace                 = "Place"
	TypeProfile               = "Profile"
	TypePropertyValue         = "PropertyValue" // schema.org: a profile field
	TypeQuestion              = "Question"
	TypeQuoteAuthorization    = "QuoteAuthorization" // FEP-044f
	TypeTombstone             = "Tombstone"
	TypeVideo                 = "Video"
)

// PublicIRI is the audience that means everyone (ActivityPub section 5.6).
const PublicIRI = "https://www.w3.org/ns/activitystreams#Public"

// IsPublic reports whether an audience means everyone: PublicIRI or one of its two compacted forms.
func IsPublic(iri string) bool {
	return iri == PublicIRI || iri == "as:Public" || iri == "Public"
}

// IsActor reports whether t is a type that can act.
func IsActor(t string) bool {
	return slices.Contains([]string{TypePerson, TypeService, TypeApplication, TypeGroup, TypeOrganization}, t)
}

// IsPostable reports whether t is a type that is kept and shown as a post.
func IsPostable(t string) bool {
	switch t {
	case TypeNote, TypeQuestion, TypeArticle, TypePage, TypeVideo, TypeAudio, TypeEvent, TypeImage, TypeDocument:
		return true
	}
	return false
}

// IsActivity reports whether t is an activity type that has a meaning between servers. Question, an activity by the
// vocabulary, is sent by everyone as an object and is none here; of the types that are only ever told for their own sake
// (Arrive, Listen, Read …) nothing follows.
func IsActivity(t string) bool {
	switch t {
	case TypeAccept, TypeAdd, TypeAnnounce, TypeBlock, TypeCreate, TypeDelete, TypeDislike, TypeEmojiReact, TypeFlag,
		TypeFollow, TypeLike, TypeMove, TypeQuoteRequest, TypeReject, TypeRemove, TypeUndo, TypeUpdate:
		return true
	}
	return false
}

// IsCollection reports whether t is a collection or a page of one.
func IsCollection(t string) bool {
	switch t {
	case TypeCollection, TypeOrderedCollection, TypeCollectionPage, TypeOrderedCollectionPage:
		return true
	}
	return false
}

// IsLink reports whether t is a Link type: it refers by href, and its id, if any, names the reference.
func IsLink(t string) bool {
	return t == TypeLink || t == TypeMention || t == TypeHashtag
}
