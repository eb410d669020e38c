package redact

import (
	"encoding/json"
	"strings"
	"testing"
)

// decode reads a fixture as the encoding/json package decodes what was sent, with numbers as they came.
func decode(t testing.TB, text string) map[string]any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var doc map[string]any
	if err := d.Decode(&doc); err != nil {
		t.Fatalf("fixture: %v", err)
	}
	return doc
}

func encode(t testing.TB, doc map[string]any) string {
	t.Helper()
	text, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

const person = `{
	"@context": ["https://www.w3.org/ns/activitystreams", {"toot": "http://joinmastodon.org/ns#"}],
	"id": "https://d.test/a", "type": "Person", "preferredUsername": "alice", "name": "Alice", "summary": "<p>hello</p>",
	"inbox": "https://d.test/a/inbox", "outbox": "https://d.test/a/outbox", "followers": "https://d.test/a/followers",
	"publicKey": {"id": "https://d.test/a#main-key", "owner": "https://d.test/a", "publicKeyPem": "PEM"},
	"assertionMethod": [{"id": "https://d.test/a#ed", "type": "Multikey", "controller": "https://d.test/a",
		"publicKeyMultibase": "z6Mk"}],
	"endpoints": {"sharedInbox": "https://d.test/inbox"},
	"icon": {"type": "Image", "mediaType": "image/png", "url": "https://d.test/m/1"},
	"attachment": [{"type": "PropertyValue", "name": "home", "value": "here"}], "discoverable": false}`

const note = `{
	"@context": "https://www.w3.org/ns/activitystreams",
	"id": "https://d.test/o/1", "type": "Note", "attributedTo": "https://d.test/a", "content": "<p>hi</p>",
	"contentMap": {"en": "<p>hi</p>"}, "to": ["https://www.w3.org/ns/activitystreams#Public"],
	"cc": ["https://d.test/a/followers"], "published": "2026-03-01T12:20:00Z", "sensitive": false,
	"tag": [{"type": "Mention", "href": "https://r.test/bob", "name": "@bob@r.test"},
		{"type": "Hashtag", "name": "#bird", "href": "https://d.test/tags/bird"}],
	"attachment": [{"type": "Image", "mediaType": "image/jpeg", "url": "https://d.test/m/2", "name": "a bird",
		"width": 640, "height": 480, "focalPoint": [0.5, -0.25], "blurhash": "LEHV6n"}],
	"replies": {"id": "https://d.test/o/1/replies", "type": "Collection",
		"first": {"type": "CollectionPage", "partOf": "https://d.test/o/1/replies", "items": ["https://d.test/o/2"]}}}`

const question = `{
	"id": "https://d.test/o/3", "type": "Question", "attributedTo": "https://d.test/a", "content": "?",
	"to": "https://www.w3.org/ns/activitystreams#Public", "endTime": "2026-03-02T12:20:00Z", "votersCount": 3,
	"oneOf": [{"type": "Note", "name": "yes", "replies": {"type": "Collection", "totalItems": 2}},
		{"type": "Note", "name": "no", "replies": {"type": "Collection", "totalItems": 1}}]}`

const webfinger = `{"subject": "acct:alice@d.test", "aliases": ["https://d.test/a"], "links": [
	{"rel": "self", "type": "application/activity+json", "href": "https://d.test/a"},
	{"rel": "http://ostatus.org/schema/1.0/subscribe", "template": "https://d.test/authorize?uri={uri}"}]}`

const nodeinfo = `{"version": "2.1", "software": {"name": "dunnock", "version": "0"}, "protocols": ["activitypub"],
	"services": {"inbound": [], "outbound": []}, "openRegistrations": false, "usage": {"users": {"total": 1}},
	"metadata": {}}`

// embedding puts a document into an activity of the given type.
func embedding(activity, object string) string {
	return `{"id": "https://d.test/act/1", "type": "` + activity + `", "actor": "https://d.test/a",
		"to": ["https://www.w3.org/ns/activitystreams#Public"], "object": ` + object + `}`
}

// fixtures are whole documents, by kind: with every field shown, nothing of them is dropped.
var fixtures = []struct{ name, kind, text string }{
	{"person", "Person", person},
	{"note", "Note", note},
	{"question", "Question", question},
	{"vote", "Note", `{"id": "https://d.test/o/4", "type": "Note", "attributedTo": "https://d.test/a", "name": "yes",
		"inReplyTo": "https://r.test/o/1", "to": ["https://r.test/bob"]}`},
	{"server actor", "Application", `{"id": "https://d.test/actor", "type": "Application", "preferredUsername": "d.test",
		"inbox": "https://d.test/inbox", "publicKey": {"id": "k", "owner": "https://d.test/actor", "publicKeyPem": "PEM"}}`},
	{"create", "Create", embedding("Create", note)},
	{"update of the profile", "Update", embedding("Update", person)},
	{"delete", "Delete", embedding("Delete", `{"id": "https://d.test/o/1", "type": "Tombstone", "formerType": "Note"}`)},
	{"accept", "Accept", embedding("Accept", embedding("Follow", `"https://d.test/a"`))},
	{"undo", "Undo", embedding("Undo", embedding("Announce", `"https://r.test/o/1"`))},
	{"outbox", "OrderedCollection", `{"id": "https://d.test/a/outbox", "type": "OrderedCollection", "totalItems": 2,
		"first": {"id": "https://d.test/a/outbox?p", "type": "OrderedCollectionPage", "partOf": "https://d.test/a/outbox",
		"orderedItems": [` + embedding("Create", note) + `, "https://d.test/o/3"]}}`},
	{"webfinger", "webfinger", webfinger},
	{"nodeinfo", "nodeinfo", nodeinfo},
	{"nodeinfo index", "jrd", `{"links": [{"rel": "http://nodeinfo.diaspora.software/ns/schema/2.1",
		"href": "https://d.test/nodeinfo/2.1"}]}`},
}
