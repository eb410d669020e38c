package wire

import (
	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/hardening/timing"
	"github.com/dunnock-server/dunnock/storage"
)

// Object is the whole document of an own post, a Question when there is a poll, else a Note; without a context, as it
// stands in an activity ([Standalone] adds one). A post with a name and no content is a vote.
//
// `published` and `endTime` are cut to the grain of hardening/timing and `updated` to the second, in case the record
// holds more. The conversation is not told: it would tie together what a domain was shown piece by piece.
func (i IDs) Object(p *storage.Post, poll *storage.Poll) vocab.Object {
	doc := vocab.Object{"id": p.URI, "type": vocab.TypeNote, "attributedTo": p.Author}
	for field, text := range map[string]string{
		"inReplyTo": p.InReplyTo, "summary": p.Summary,
		"published": stamp(timing.Published(p.Published.Time)), "updated": stamp(p.Updated.Time),
		// FEP-044f, and the two names by which those who do not know it look for a quote.
		"quote": p.Quote, "quoteUrl": p.Quote, "_misskey_quote": p.Quote,
	} {
		putText(doc, field, text)
	}
	putList(doc, "to", p.Recipients.To)
	putList(doc, "cc", p.Recipients.CC)
	if p.Name != "" && p.Content == "" {
		doc["name"] = p.Name
		return doc
	}
	doc["content"] = p.Content
	if p.Language != "" {
		doc["contentMap"] = map[string]any{p.Language: p.Content}
	}
	if p.Sensitive || p.Summary != "" {
		doc["sensitive"] = true
	}
	doc["replies"] = i.Replies(p.URI)
	if doc["url"] = p.URI; p.URL != "" {
		doc["url"] = p.URL
	}
	putList(doc, "tag", tagDocuments(p.Tags))
	files := make([]map[string]any, len(p.Attachments))
	for n, a := range p.Attachments {
		files[n] = i.picture(a)
	}
	putList(doc, "attachment", files)
	if poll != nil {
		question(doc, poll)
	}
	return doc
}

// question makes a Note a Question, as Mastodon writes one. Whether it is over is told by `endTime` alone.
func question(doc vocab.Object, poll *storage.Poll) {
	doc["type"] = vocab.TypeQuestion
	options := make([]map[string]any, len(poll.Options))
	for n, o := range poll.Options {
		options[n] = map[string]any{
			"type": vocab.TypeNote, "name": o.Name,
			"replies": map[string]any{"type": vocab.TypeCollection, "totalItems": o.Votes},
		}
	}
	if poll.Multiple {
		putList(doc, "anyOf", options)
	} else {
		putList(doc, "oneOf", options)
	}
	putText(doc, "endTime", stamp(timing.Published(poll.ClosesAt.Time)))
	doc["votersCount"] = poll.Voters
}

// picture is a file of the owner's. Other kinds than pictures are documents, which is what servers take every file for.
func (i IDs) picture(a storage.Attachment) map[string]any {
	doc := map[string]any{"type": vocab.TypeDocument, "url": i.Media(a.Blob)}
	if a.Type == vocab.TypeImage {
		doc["type"] = vocab.TypeImage
	}
	putText(doc, "mediaType", a.MIME)
	putText(doc, "name", a.Alt)
	putText(doc, "blurhash", a.Blurhash)
	if a.Width > 0 && a.Height > 0 {
		doc["width"], doc["height"] = a.Width, a.Height
	}
	return doc
}

func tagDocuments(tags []storage.Tag) []map[string]any {
	docs := make([]map[string]any, len(tags))
	for n, t := range tags {
		docs[n] = map[string]any{"type": t.Type, "name": t.Name, "href": t.Href}
	}
	return docs
}

// Tombstone is what is left of a deleted post. When it was deleted is not told.
func (i IDs) Tombstone(uri string) vocab.Object {
	return vocab.Object{"id": uri, "type": vocab.TypeTombstone}
}

// Standalone is an object as it is served by itself: a copy with a context.
func Standalone(object vocab.Object) vocab.Object {
	doc := object.Clone()
	doc["@context"] = vocab.ObjectContext()
	return doc
}
