// Package sanitize makes what strangers write harmless, once, on arrival: HTML is reduced to a short list of elements,
// names become one line of plain text, and addresses are http or https or nothing.
//
// A stranger who can have a post shown may otherwise run scripts in the owner's browser, have it call home (an image
// that is loaded tells when and from where the post was read), close the elements of the page around the post, or show
// one host and link to another (CVE-2023-36462). So there are no images, styles, forms or frames in what comes out, every
// element is closed inside it, and a link whose text names another host than its own says where it leads.
//
// Nothing here builds a tree, so that nesting costs no stack: input is read token by token, its length and the nesting
// of the output are bounded, and the time is linear in the length.
//
// The package fetches nothing, and does not make its output safe in attributes, scripts or style sheets: the output of
// [Sanitizer.HTML] is for the inside of an element, and that of [Text] is text, which a template has to escape.
package sanitize

import (
	"strings"

	"github.com/microcosm-cc/bluemonday"
)

const (
	// MaxHTML is how many bytes of HTML are read and written at most; what follows is cut off.
	MaxHTML = 256 << 10
	// MaxNesting is how many elements may be open at once; tags beyond are dropped and their text stays.
	MaxNesting = 32
)

// Sanitizer reduces HTML. It is safe for concurrent use. The zero value is not usable; see [New].
type Sanitizer struct{ policy *bluemonday.Policy }

// New prepares the list of what is allowed. Make one and keep it.
func New() *Sanitizer {
	p := bluemonday.NewPolicy()
	for name := range elements {
		p.AllowElements(name)
	}
	for name := range rewritten {
		p.AllowElements(name)
	}
	p.AllowAttrs("href").OnElements("a")
	p.AllowAttrs("class").OnElements("a", "span")
	p.AllowURLSchemes("http", "https")
	p.RequireParseableURLs(true)
	p.AllowRelativeURLs(false)
	// What is inside these is not text that a browser would have shown, or would be read by other rules than HTML's.
	p.SkipElementsContent("math", "svg", "template", "textarea", "select", "xmp", "plaintext", "audio", "video", "canvas")
	return &Sanitizer{p}
}

// HTML reduces a piece of HTML of whatever origin to paragraphs, line breaks, links, emphasis, quotations, lists, code
// and ruby, balanced and closed in itself. Headings become strong paragraphs: a post must not pose as a part of the page.
// Images are dropped. Links lead to http or https, by `rel` pass nothing on, and show their host where their text names
// another one. Of classes, only the microformats that clients know stay.
//
// The result of HTML on its own result is the same.
func (s *Sanitizer) HTML(html string) string {
	for limit := MaxHTML; ; limit -= limit / 4 {
		if len(html) > limit {
			html = html[:limit]
		}
		// Closing elements and naming hosts can make it longer than it was: then less is read.
		if out := rebuild(s.policy.Sanitize(strings.ToValidUTF8(html, ""))); len(out) <= MaxHTML {
			return out
		}
	}
}
