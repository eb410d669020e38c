package wire

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/hardening/sanitize"
	"github.com/dunnock-server/dunnock/storage"
)

// tags reads the mentions, hashtags and emoji of a post, each once. A mention of the owner is kept however many there are.
func (r Reader) tags(doc vocab.Object) (tags []storage.Tag) {
	seen := map[storage.Tag]bool{}
	for _, o := range doc.Objects("tag") {
		t, ok := r.tag(o)
		key := storage.Tag{Type: t.Type, Name: t.Name}
		if t.Type == vocab.TypeMention {
			key = storage.Tag{Type: t.Type, Href: t.Href}
		}
		owner := t.Type == vocab.TypeMention && t.Href == r.IDs.Owner()
		if !ok || seen[key] || len(tags) >= maxTags && !owner {
			continue
		}
		seen[key] = true
		tags = append(tags, t)
	}
	for _, e := range emoji(doc) {
		tags = append(tags, storage.Tag{Type: vocab.TypeEmoji, Name: e.Name, Href: e.URL})
	}
	return tags
}

// tag reads one mention or hashtag. Names of hashtags get their one form, with "#", whatever the peer wrote.
func (r Reader) tag(o vocab.Object) (storage.Tag, bool) {
	href, _ := o["href"].(string)
	switch {
	case o.Is(vocab.TypeMention):
		t := storage.Tag{Type: vocab.TypeMention, Name: text(o.Text("name"), maxName), Href: r.reference(href)}
		return t, t.Href != ""
	case o.Is(vocab.TypeHashtag):
		m := hashtagPattern.FindString("#" + strings.TrimLeft(text(o.Text("name"), maxName), "#"))
		if m == "" || hashtagName(m[1:]) == "" {
			return storage.Tag{}, false
		}
		href, _ = sanitize.URL(href)
		return storage.Tag{Type: vocab.TypeHashtag, Name: "#" + hashtagName(m[1:]), Href: href}, true
	}
	return storage.Tag{}, false
}

// shortcode is the name of a custom emoji; some write it without the colons.
var shortcode = regexp.MustCompile(`^:?([\pL\pN_+@.-]{1,100}):?$`)

// emoji reads the custom emoji of an actor or a post; of two with one name the first counts.
func emoji(doc vocab.Object) (found []storage.Emoji) {
	for _, o := range doc.Objects("tag") {
		if !o.Is(vocab.TypeEmoji) || len(found) == maxEmoji {
			continue
		}
		m := shortcode.FindStringSubmatch(o.Text("name"))
		address := image(o, "icon")
		if m == nil || address == "" {
			continue
		}
		e := storage.Emoji{Name: ":" + m[1] + ":", URL: address}
		if !slices.ContainsFunc(found, func(f storage.Emoji) bool { return f.Name == e.Name }) {
			found = append(found, e)
		}
	}
	return found
}

// quoted is the URI of the post that a post quotes, by whatever name it goes: FEP-044f, its predecessors, or a Link among
// the tags (FEP-e232). Whether the quote is approved is not known from it.
func (r Reader) quoted(doc vocab.Object) string {
	for _, field := range []string{"quote", "quoteUrl", "quoteUri", "_misskey_quote"} {
		if uri := r.reference(doc.IRI(field)); uri != "" {
			return uri
		}
	}
	for _, o := range doc.Objects("tag") {
		if !o.Is(vocab.TypeLink) {
			continue
		}
		for _, rel := range relations(o) {
			switch rel[strings.LastIndexByte(rel, '#')+1:] {
			case "quote", "quoteUrl", "quoteUri", "_misskey_quote":
				if uri := r.reference(o.IRI("href")); uri != "" {
					return uri
				}
			}
		}
	}
	return ""
}

// relations are the link relations of a Link.
func relations(link vocab.Object) []string { return link.IRIs("rel") }

// blurhashPattern is base 83, as long as hashes are.
var blurhashPattern = regexp.MustCompile(`^[0-9A-Za-z#$%*+,.:;=?@\[\]^_{|}~-]{6,120}$`)

// attachments reads the files of a post: what is attached, and of a post that is itself a video, a sound or a picture
// the file that its `url` names.
func attachments(doc vocab.Object, kind string) (files []storage.Attachment) {
	add := func(o vocab.Object, l linked, kind string) {
		address, ok := sanitize.URL(l.href)
		if !ok || len(files) == maxAttachments {
			return
		}
		a := storage.Attachment{
			Type: kind, MIME: l.mime, URL: address, Width: l.width, Height: l.height,
			Alt: text(cmp.Or(o.Text("name"), o.Text("summary")), maxNote), // GoToSocial has it in the summary
		}
		if hash, _ := o["blurhash"].(string); blurhashPattern.MatchString(hash) {
			a.Blurhash = hash
		}
		files = append(files, a)
	}
	for _, o := range doc.Objects("attachment") {
		switch o.Type() {
		case vocab.TypeImage, vocab.TypeVideo, vocab.TypeAudio, vocab.TypeDocument, vocab.TypeLink:
			if all := links(map[string]any(o)); len(all) > 0 {
				add(o, all[0], o.Type())
			}
		}
	}
	if prefix := strings.ToLower(kind) + "/"; kind == vocab.TypeVideo || kind == vocab.TypeAudio || kind == vocab.TypeImage {
		for _, l := range playable(doc) {
			if strings.HasPrefix(l.mime, prefix) {
				add(vocab.Object{}, l, kind)
				break
			}
		}
	}
	return files
}

// playable lists the files behind `url`, with those that PeerTube hides in the tags of a playlist.
func playable(doc vocab.Object) []linked {
	all := links(doc["url"])
	for _, o := range doc.Objects("url") {
		all = append(all, links(o["tag"])...)
	}
	return all
}
