package wire

import (
	"testing"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/storage"
)

// post reads a note with some fields changed.
func post(t *testing.T, fields map[string]any) *storage.Post {
	t.Helper()
	p, _, err := reader.Post(with(plainNote(), fields), now)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAuthor(t *testing.T) {
	actor := func(kind, id string) any { return map[string]any{"type": kind, "id": id} }
	const person, group = "https://e.example/person", "https://e.example/group"
	for _, c := range []struct {
		name  string
		value any
		want  string
	}{
		{"address", person, person},
		{"object", actor("Person", person), person},
		{"group first", []any{actor("Group", group), actor("Person", person)}, person},
		{"group only", []any{actor("Group", group)}, group},
		{"addresses", []any{group, person}, group},
		{"a person elsewhere", []any{actor("Person", "https://v.example/alice"), actor("Group", group)}, group},
		{"nobody's group", []any{5, nil, "https://v.example/x", actor("Group", group)}, group},
	} {
		check(t, c.name, post(t, map[string]any{"attributedTo": c.value}).Author, c.want)
	}
}

func TestAudience(t *testing.T) {
	const followers = eve + "/followers"
	for _, c := range []struct {
		name   string
		to, cc any
		want   storage.Visibility
	}{
		{"public", vocab.PublicIRI, followers, storage.Public},
		{"compacted", []any{"Public"}, nil, storage.Public},
		{"unlisted", followers, []any{"as:Public"}, storage.Unlisted},
		{"followers", []any{followers}, nil, storage.Followers},
		{"followers with a slash", nil, []any{followers + "/"}, storage.Followers},
		{"others' followers", "https://v.example/alice/followers", nil, storage.Direct},
		{"direct", ours.Owner(), nil, storage.Direct},
		{"nobody", nil, nil, storage.Direct},
	} {
		check(t, c.name, post(t, map[string]any{"to": c.to, "cc": c.cc}).Visibility, c.want)
	}
	p := post(t, map[string]any{"to": []any{"as:Public", "Public", vocab.PublicIRI, "mailto:x", "ap://x"}, "bto": eve, "bcc": eve})
	check(t, "one name for the public, and addresses only", p.Recipients, storage.Recipients{To: []string{vocab.PublicIRI}, CC: []string{followers}})
}

func TestWords(t *testing.T) {
	for _, c := range []struct {
		name                           string
		fields                         map[string]any
		title, warning, text, language string
		sensitive                      bool
	}{
		{name: "note", fields: map[string]any{"name": "no title"}, text: "<p>x</p>"},
		{name: "warning", fields: map[string]any{"summary": "<b>birds</b>"}, warning: "birds", text: "<p>x</p>", sensitive: true},
		{name: "sensitive", fields: map[string]any{"sensitive": true}, text: "<p>x</p>", sensitive: true},
		{name: "article", fields: map[string]any{"type": "Article", "name": "<i>Title</i>", "summary": "abstract"}, title: "Title", text: "<p>x</p>"},
		{name: "abstract alone", fields: map[string]any{"type": "Event", "content": nil, "summary": "<p>come</p>"}, text: "<p>come</p>"},
		{name: "sensitive video", fields: map[string]any{"type": "Video", "sensitive": true, "summary": "blood"}, warning: "blood", text: "<p>x</p>", sensitive: true},
		{name: "markdown", fields: map[string]any{"type": "Video", "content": "a <b>\nb\n\nc", "mediaType": "text/markdown"}, text: "<p>a &lt;b&gt;<br>b</p><p>c</p>"},
		{name: "html", fields: map[string]any{"mediaType": "text/html; charset=utf-8"}, text: "<p>x</p>"},
		{name: "nothing", fields: map[string]any{"content": nil}},
		{name: "map", fields: map[string]any{"content": nil, "contentMap": map[string]any{"de": "<p>y</p>"}}, text: "<p>y</p>", language: "de"},
		{name: "map beside", fields: map[string]any{"contentMap": map[string]any{"de": "<p>y</p>", "en": "<p>x</p>"}}, text: "<p>x</p>", language: "en"},
		{name: "language", fields: map[string]any{"language": map[string]any{"identifier": "pt-BR"}}, text: "<p>x</p>", language: "pt-BR"},
		{name: "no language", fields: map[string]any{"contentMap": map[string]any{"und": "<p>x</p>"}}, text: "<p>x</p>"},
	} {
		p := post(t, c.fields)
		check(t, c.name, [4]string{p.Name, p.Summary, p.Content, p.Language}, [4]string{c.title, c.warning, c.text, c.language})
		check(t, c.name+": sensitive", p.Sensitive, c.sensitive)
	}
}

func TestQuotes(t *testing.T) {
	const quoted = "https://v.example/1"
	link := func(rel any) any { return []any{map[string]any{"type": "Link", "href": quoted, "rel": rel}} }
	for _, c := range []struct {
		name   string
		fields map[string]any
		want   string
	}{
		{"FEP-044f", map[string]any{"quote": quoted}, quoted},
		{"embedded", map[string]any{"quote": map[string]any{"id": quoted}}, quoted},
		{"quoteUrl", map[string]any{"quoteUrl": quoted}, quoted},
		{"quoteUri", map[string]any{"quoteUri": quoted}, quoted},
		{"Misskey", map[string]any{"_misskey_quote": quoted}, quoted},
		{"the first that is one", map[string]any{"quote": "javascript:x", "quoteUrl": quoted, "quoteUri": "https://v.example/2"}, quoted},
		{"link", map[string]any{"tag": link("https://misskey-hub.net/ns#_misskey_quote")}, quoted},
		{"link of several relations", map[string]any{"tag": link([]any{"x", "https://w3id.org/fep/044f#quote"})}, quoted},
		{"link of another relation", map[string]any{"tag": link("https://w3id.org/fep/044f#unquote")}, ""},
		{"link of none", map[string]any{"tag": link(nil)}, ""},
		{"none", nil, ""},
	} {
		check(t, c.name, post(t, c.fields).Quote, c.want)
	}
}

func TestTags(t *testing.T) {
	p := post(t, map[string]any{"tag": []any{
		map[string]any{"type": "Hashtag", "name": "Bird", "href": "javascript:x"}, map[string]any{"type": "Hashtag", "name": "##BIRD", "href": "https://e.example/b"},
		map[string]any{"type": "Hashtag", "name": "#Vo\u0308gel", "href": "https://e.example/tags/v"}, map[string]any{"type": "Hashtag", "name": "#1"},
		map[string]any{"type": "Hashtag", "name": "#<b>"}, map[string]any{"type": "Mention", "href": "mailto:x", "name": "@x"},
		map[string]any{"type": "Mention", "href": eve, "name": "@<b>eve</b>"}, map[string]any{"type": "Mention", "href": eve, "name": "@other"},
		map[string]any{"type": "Emoji", "name": "e", "icon": "https://e.example/e.png"}, map[string]any{"type": "Emoji", "name": ":e:", "icon": "https://e.example/f.png"},
		map[string]any{"type": "Emoji", "name": ":no icon:", "icon": "https://e.example/f.png"}, map[string]any{"type": "Emoji", "name": ":f:", "icon": "data:x"},
		"#string", 5, nil,
	}})
	check(t, "tags", p.Tags, []storage.Tag{
		{Type: "Hashtag", Name: "#bird"}, {Type: "Hashtag", Name: "#vögel", Href: "https://e.example/tags/v"},
		{Type: "Mention", Name: "@eve", Href: eve},
		{Type: "Emoji", Name: ":e:", Href: "https://e.example/e.png"},
	})
}

func TestAttachments(t *testing.T) {
	p := post(t, map[string]any{"attachment": []any{
		map[string]any{"type": "Image", "url": "javascript:alert(1)"}, map[string]any{"type": "Image", "url": "data:image/png,x"},
		map[string]any{"type": "Note", "url": "https://e.example/n"}, map[string]any{"type": "Image"}, "https://e.example/bare",
		map[string]any{"type": "Document", "url": "https://cdn.example/1", "mediaType": "Image/PNG; x=y", "name": "a <b>bird</b>", "width": 3, "height": 4, "blurhash": "LEHV6nWB2yk8"},
		map[string]any{"type": "Document", "mediaType": "image/jpeg", "url": []any{map[string]any{"type": "Link", "href": "https://cdn.example/2"}}},
		map[string]any{"type": "Link", "href": "https://b.example/"},
		map[string]any{"type": "Image", "url": "https://cdn.example/3", "summary": "a heron"},
	}})
	check(t, "attachments", p.Attachments, []storage.Attachment{
		{Type: "Document", MIME: "image/png", URL: "https://cdn.example/1", Alt: "a bird", Width: 3, Height: 4, Blurhash: "LEHV6nWB2yk8"},
		{Type: "Document", MIME: "image/jpeg", URL: "https://cdn.example/2"},
		{Type: "Link", URL: "https://b.example/"},
		{Type: "Image", URL: "https://cdn.example/3", Alt: "a heron"},
	})
}
