package wire

import (
	"reflect"
	"strings"
	"testing"

	"github.com/dunnock-server/dunnock/hardening/sanitize"
	"github.com/dunnock-server/dunnock/storage"
)

func anchor(href, text string) string {
	return `<a href="` + href + `" rel="nofollow noopener noreferrer">` + text + `</a>`
}

func tagged(name, text string) string {
	return `<a href="https://social.dunnock.example/tags/` + name + `" rel="tag" class="mention hashtag">#<span>` + text + `</span></a>`
}

func mentioned(text string) string {
	return `<span class="h-card"><a href="https://bob.example/@bob" rel="nofollow noopener noreferrer" class="u-url mention">@<span>` + text + `</span></a></span>`
}

func TestText(t *testing.T) {
	for _, c := range []struct{ source, want string }{
		{"", ""},
		{" \n\t\r\n ", ""},
		{"hello", "<p>hello</p>"},
		{"one\ntwo\r\nthree\n\n\n  \nfour\n", "<p>one<br>two<br>three</p><p>four</p>"},
		{`<b onclick="x">'&amp;`, "<p>&lt;b onclick=&#34;x&#34;&gt;&#39;&amp;amp;</p>"},
		{"a\x00b\u202ec\xff", "<p>abc\uFFFD</p>"},
		// Addresses.
		{"https://b.example", "<p>" + anchor("https://b.example", "https://b.example") + "</p>"},
		{"(see HTTPS://B.example/x_(y).)", "<p>(see " + anchor("https://b.example/x_(y)", "HTTPS://B.example/x_(y)") + ".)</p>"},
		{"https://b.example/ü?q=ü&r#frag.", "<p>" + anchor("https://b.example/%C3%BC?q=%C3%BC&amp;r#frag", "https://b.example/ü?q=ü&amp;r#frag") + ".</p>"},
		{"<https://b.example/>", "<p>&lt;" + anchor("https://b.example/", "https://b.example/") + "&gt;</p>"},
		{"javascript:alert(1) ftp://b.example https:// https://u@b.example/ xhttps://b.example", "<p>javascript:alert(1) ftp://b.example https:// https://u@b.example/ xhttps://b.example</p>"},
		// Hashtags.
		{"#Bird #BIRD, #vögel! #_x #鳥", "<p>" + tagged("bird", "Bird") + " " + tagged("bird", "BIRD") + ", " + tagged("v%C3%B6gel", "vögel") + "! " + tagged("_x", "_x") + " " + tagged("%E9%B3%A5", "鳥") + "</p>"},
		{"#1 c# a#b ##x &#39; https://b.example/#tag #", "<p>#1 c# a#b ##x &amp;#39; " + anchor("https://b.example/#tag", "https://b.example/#tag") + " #</p>"},
		{"#vo\u0308gel", "<p>" + tagged("v%C3%B6gel", "vo\u0308gel") + "</p>"},
		// Mentions.
		{"@Bob@BOB.example.", "<p>" + mentioned("Bob") + ".</p>"},
		{"@eve@eve.example x@bob@bob.example @bob https://x.example/@bob@bob.example", "<p>@eve@eve.example x@bob@bob.example @bob " + anchor("https://x.example/@bob@bob.example", "https://x.example/@bob@bob.example") + "</p>"},
	} {
		got, _ := ours.Text(c.source, map[string]*storage.Actor{"@bob@bob.example": &bob})
		if got != c.want {
			t.Errorf("%q:\n got %s\nwant %s", c.source, got, c.want)
		}
	}
}

func TestTextTags(t *testing.T) {
	nameless := storage.Actor{URI: "https://carl.example/carl"}
	content, tags := ours.Text("#b @bob@bob.example #B #a @bob@bob.example @carl@carl.example @no@no.example",
		map[string]*storage.Actor{"@bob@bob.example": &bob, "@carl@carl.example": &nameless})
	want := []storage.Tag{
		{Type: "Hashtag", Name: "#b", Href: ours.Tag("b")}, {Type: "Mention", Name: "@bob@bob.example", Href: bob.URI},
		{Type: "Hashtag", Name: "#a", Href: ours.Tag("a")}, {Type: "Mention", Name: "@carl@carl.example", Href: nameless.URI},
	}
	if !reflect.DeepEqual(tags, want) {
		t.Errorf("tags %v", tags)
	}
	if !strings.Contains(content, `href="https://carl.example/carl"`) {
		t.Errorf("an actor without a page is linked itself: %s", content)
	}
}

func TestMentions(t *testing.T) {
	got := ours.Mentions("@Bob@BOB.example, @bob@bob.example\n@käthe@bücher.example. (@a.b@c.example) @x@127.0.0.1:80 @no one@here.example @a@b @a@b.example@c.example")
	want := []string{"@bob@bob.example", "@käthe@xn--bcher-kva.example", "@a.b@c.example"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q", got)
	}
	trial := IDs{Scheme: "http", Host: "127.0.0.1:80", Username: "a"}
	if got := trial.Mentions("@x@127.0.0.1:8080"); !reflect.DeepEqual(got, []string{"@x@127.0.0.1:8080"}) {
		t.Errorf("in a trial: %q", got)
	}
}

func FuzzText(f *testing.F) {
	for _, seed := range []string{"<p>", "https://b.example/?&'", "#ünï @bob@bob.example\n\n#", "@@@#https://#@a@b", "a\u202e\r\n\x00\xff", "https://[::1]:8/)]"} {
		f.Add(seed)
	}
	actors := map[string]*storage.Actor{"@bob@bob.example": &bob}
	f.Fuzz(func(t *testing.T, source string) {
		content, tags := ours.Text(source, actors)
		clean := sanitizer.HTML(content)
		if again := strings.ReplaceAll(content, `rel="tag"`, `rel="nofollow noopener noreferrer"`); again != clean && !strings.Contains(clean, " [") {
			t.Errorf("not as others would have it:\n%s\n%s", again, clean)
		}
		// Nothing is lost or added: as plain text it is what was typed, but for white space and what cannot be written.
		joined := ""
		for token := range ours.tokens(source) {
			joined += token.text
		}
		if joined != source {
			t.Errorf("tokens of %q are %q", source, joined)
		}
		unlinked, _ := ours.Text(source, nil)
		if got, want := sanitize.Text(unlinked), sanitize.Text(typed(source)); got != want {
			t.Errorf("%q\nreads %q\nshould %q", source, got, want)
		}
		for _, tag := range tags {
			if _, ok := sanitize.URL(tag.Href); !ok {
				t.Errorf("tag %v", tag)
			}
		}
	})
}

// typed escapes what would be taken for markup.
func typed(source string) string {
	source = clean(source)
	return strings.NewReplacer("&", "&amp;", "<", "&lt;").Replace(source)
}
