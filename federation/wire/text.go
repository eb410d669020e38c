package wire

import (
	"html"
	"net/url"
	"slices"
	"strings"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/storage"
)

// Text makes HTML of what the owner wrote: paragraphs at blank lines, <br> at others, and links for addresses, hashtags
// and those mentions that are resolved. Everything else is escaped: the owner writes text, not markup. mentions has the
// actors by handle, as [Mentions] gives them; a handle that is not in it stays plain text. The tags are what the links
// stand for, each once, in order.
func (i IDs) Text(source string, mentions map[string]*storage.Actor) (content string, tags []storage.Tag) {
	w := writer{ids: i, mentions: mentions}
	for n, paragraph := range paragraphs(source) {
		if n > 0 {
			w.out.WriteString("</p>")
		}
		w.out.WriteString("<p>")
		for n, line := range strings.Split(paragraph, "\n") {
			if n > 0 {
				w.out.WriteString("<br>")
			}
			w.line(line)
		}
	}
	if w.out.Len() > 0 {
		w.out.WriteString("</p>")
	}
	return w.out.String(), w.tags
}

// line is one line of text as HTML, with links only.
func (i IDs) line(source string) string {
	w := writer{ids: i, plain: true}
	w.line(strings.Join(strings.Fields(clean(source)), " "))
	return w.out.String()
}

// Mentions finds the handles in a text, canonical ("@user@host", in lower case, the host in A-labels), each once, in
// order.
func (i IDs) Mentions(source string) []string {
	var handles []string
	for token := range i.tokens(clean(source)) {
		if token.kind == mention && !slices.Contains(handles, token.value) {
			handles = append(handles, token.value)
		}
	}
	return handles
}

// Tag is the page of a hashtag, by its normal name without the "#".
func (i IDs) Tag(name string) string { return i.base() + "/tags/" + url.PathEscape(name) }

type writer struct {
	ids      IDs
	mentions map[string]*storage.Actor
	plain    bool // links only
	out      strings.Builder
	tags     []storage.Tag
}

func (w *writer) line(line string) {
	for t := range w.ids.tokens(line) {
		switch {
		case t.kind == link:
			w.anchor(t.value, "nofollow noopener noreferrer", "", html.EscapeString(t.text))
		case t.kind == hashtag && !w.plain:
			href := w.ids.Tag(t.value)
			w.anchor(href, "tag", "mention hashtag", "#<span>"+html.EscapeString(t.text[1:])+"</span>")
			w.tag(storage.Tag{Type: vocab.TypeHashtag, Name: "#" + t.value, Href: href})
		case t.kind == mention && w.mentions[t.value] != nil:
			w.mention(t)
		default:
			w.out.WriteString(html.EscapeString(t.text))
		}
	}
}

// mention links to the page of an actor, and tags the actor itself.
func (w *writer) mention(t token) {
	actor := w.mentions[t.value]
	page, name := actor.URL, t.value
	if page == "" {
		page = actor.URI
	}
	if actor.Handle != "" {
		name = "@" + actor.Handle
	}
	user, _, _ := strings.Cut(t.text[1:], "@")
	w.out.WriteString(`<span class="h-card">`)
	w.anchor(page, "nofollow noopener noreferrer", "u-url mention", "@<span>"+html.EscapeString(user)+"</span>")
	w.out.WriteString(`</span>`)
	w.tag(storage.Tag{Type: vocab.TypeMention, Name: name, Href: actor.URI})
}

func (w *writer) anchor(href, rel, class, inner string) {
	w.out.WriteString(`<a href="` + html.EscapeString(href) + `" rel="` + rel + `"`)
	if class != "" {
		w.out.WriteString(` class="` + class + `"`)
	}
	w.out.WriteString(">" + inner + "</a>")
}

func (w *writer) tag(t storage.Tag) {
	same := func(other storage.Tag) bool { return other.Type == t.Type && other.Href == t.Href }
	if !slices.ContainsFunc(w.tags, same) {
		w.tags = append(w.tags, t)
	}
}
