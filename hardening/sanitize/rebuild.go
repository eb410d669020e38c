package sanitize

import (
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// element says how an allowed element behaves, in the measure that its own tags and its neighbours' must fit.
type element struct {
	void   bool     // has no end tag
	closes []string // open elements that end where this one starts, as browsers have it
	within []string // elements of which one must be open: elsewhere the tag could close one of the page around
}

var paragraph = []string{"p"}

// elements is the allow-list. Nothing writes to it.
var elements = map[string]element{
	"p": {closes: paragraph}, "blockquote": {closes: paragraph}, "pre": {closes: paragraph},
	"ul": {closes: paragraph}, "ol": {closes: paragraph},
	"li": {closes: []string{"li"}, within: []string{"ul", "ol"}},
	"br": {void: true}, "a": {closes: []string{"a"}}, "span": {}, "code": {},
	"em": {}, "strong": {}, "b": {}, "i": {}, "u": {}, "s": {}, "del": {},
	"ruby": {}, "rt": {within: []string{"ruby"}}, "rp": {within: []string{"ruby"}},
}

// rewritten names elements that come out as others.
var rewritten = map[string][]string{
	"div": {"p"},
	"h1":  {"p", "strong"}, "h2": {"p", "strong"}, "h3": {"p", "strong"},
	"h4": {"p", "strong"}, "h5": {"p", "strong"}, "h6": {"p", "strong"},
}

// classes are the microformats that clients render by.
var classes = []string{"mention", "hashtag", "h-card", "u-url", "invisible", "ellipsis"}

// rebuilder writes balanced HTML.
type rebuilder struct {
	out  strings.Builder
	open []tag
	link *link // the open one; there is one at most
}

type tag struct {
	name   string
	hidden bool // it or one around it has the class "invisible", which clients do not show
}

// rebuild balances HTML that has only allowed elements, and rewrites its tags and links.
func rebuild(clean string) string {
	r := rebuilder{}
	r.out.Grow(len(clean))
	z := html.NewTokenizer(strings.NewReader(clean))
	for z.Next() != html.ErrorToken { // the only error of a string is its end
		switch t := z.Token(); t.Type {
		case html.TextToken:
			r.text(t.Data)
		case html.StartTagToken, html.SelfClosingTagToken:
			for _, name := range written(t.Data) {
				r.start(name, t.Attr)
			}
		case html.EndTagToken:
			r.end(written(t.Data)[0], nil) // which ends the others, inside it
		}
	}
	for len(r.open) > 0 {
		r.pop()
	}
	return r.out.String()
}

// written is what an element comes out as, from the outside in.
func written(name string) []string {
	if names, ok := rewritten[name]; ok {
		return names
	}
	return []string{name}
}

func (r *rebuilder) text(s string) {
	s = strings.Map(keepInHTML, s)
	if r.link != nil {
		s = strings.Map(keepInLink, s)
		if !r.hidden() {
			r.link.visible.WriteString(s)
		}
	}
	r.out.WriteString(html.EscapeString(s))
}

func (r *rebuilder) start(name string, attrs []html.Attribute) {
	e, allowed := elements[name]
	if !allowed || e.within != nil && !slices.ContainsFunc(r.open, func(t tag) bool { return slices.Contains(e.within, t.name) }) {
		return
	}
	for _, name := range e.closes {
		r.end(name, e.within)
	}
	if e.void {
		r.out.WriteString("<" + name + ">")
		if r.link != nil {
			r.link.visible.WriteString(" ")
		}
		return
	}
	if len(r.open) >= MaxNesting {
		return
	}
	t := tag{name: name, hidden: r.hidden()}
	text := "<" + name
	if name == "a" {
		href, ok := URL(attr(attrs, "href"))
		if !ok {
			return
		}
		r.link = newLink(href)
		text += ` href="` + html.EscapeString(href) + `" rel="nofollow noopener noreferrer"`
	}
	if kept := keepClasses(attr(attrs, "class"), r.link != nil && name != "a"); kept != nil {
		text += ` class="` + strings.Join(kept, " ") + `"`
		t.hidden = t.hidden || slices.Contains(kept, "invisible")
	}
	r.out.WriteString(text + ">")
	r.open = append(r.open, t)
}

// end closes the innermost open element of that name and all inside it. It does not reach out of an element in within.
func (r *rebuilder) end(name string, within []string) {
	for i, t := range slices.Backward(r.open) {
		if slices.Contains(within, t.name) {
			return
		}
		if t.name == name {
			for len(r.open) > i {
				r.pop()
			}
			return
		}
	}
}

// pop closes the innermost element.
func (r *rebuilder) pop() {
	last := len(r.open) - 1
	t := r.open[last]
	r.open = r.open[:last]
	if t.name == "a" {
		if r.link.deceives() {
			r.out.WriteString(html.EscapeString(r.link.suffix()))
		}
		r.link = nil
	}
	r.out.WriteString("</" + t.name + ">")
}

func (r *rebuilder) hidden() bool { return len(r.open) > 0 && r.open[len(r.open)-1].hidden }

// keepClasses picks the known classes, each once. To hide text is only for the ends of an address inside a link, where it
// is taken into account.
func keepClasses(value string, mayHide bool) (kept []string) {
	for _, class := range strings.Fields(value) {
		if slices.Contains(classes, class) && !slices.Contains(kept, class) && (mayHide || class != "invisible") {
			kept = append(kept, class)
		}
	}
	return kept
}

func attr(attrs []html.Attribute, name string) string {
	for _, a := range attrs {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
