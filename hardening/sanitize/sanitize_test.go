package sanitize

import (
	"strings"
	"testing"
	"time"
)

const rel = ` rel="nofollow noopener noreferrer"`

func TestHTML(t *testing.T) {
	s := New()
	for _, test := range []struct{ name, in, want string }{
		{"plain", `one & two < three`, `one &amp; two &lt; three`},
		{"kept", `<p>a<br>b <em>c</em> <strong>d</strong></p><blockquote>e</blockquote><pre><code>f  g</code></pre>`,
			`<p>a<br>b <em>c</em> <strong>d</strong></p><blockquote>e</blockquote><pre><code>f  g</code></pre>`},
		{"lists", `<ul><li>a<li>b<ol><li>c</ol></ul>`, `<ul><li>a</li><li>b<ol><li>c</li></ol></li></ul>`},
		{"ruby", `<ruby>明<rp>(</rp><rt>a</rt><rp>)</rp></ruby>`, `<ruby>明<rp>(</rp><rt>a</rt><rp>)</rp></ruby>`},
		{"headings are strong paragraphs", `<strong><h1 id="top">a</h1>b</strong><h6>c`,
			`<strong><p><strong>a</strong></p>b</strong><p><strong>c</strong></p>`},
		{"div", `a<div>b</div><DIV>c`, `a<p>b</p><p>c</p>`},
		{"images are dropped", `a<img src="https://e.test/x.png" alt="b" onerror="x()">c`, `ac`},
		{"unclosed", `<p><b>a`, `<p><b>a</b></p>`},
		{"closes what is not open", `</p></div></li></ul></article></main></body>a`, `a`},
		{"crossed", `<b><i>a</b>b</i>`, `<b><i>a</i></b>b`},
		{"list item without a list", `<li>a</li><rt>b</rt>`, `ab`},
		{"paragraph in a paragraph", `<p>a<p>b<ul><li>c</ul>`, `<p>a</p><p>b</p><ul><li>c</li></ul>`},
		{"block in a paragraph", `<p>a<pre>b</pre>`, `<p>a</p><pre>b</pre>`},
		{"other languages", `a<svg><text>b</text></svg><math><mi>c</mi></math><textarea>d</textarea>e`, `ae`},
		{"direction in a link", "<a href=https://e.test/>\u2067a\u200f</a>", `<a href="https://e.test/"` + rel + `>a</a>`},
		{"self-closed", `<p/>a<br/>b`, `<p>a<br>b</p>`},
		{"classes", `<span class="mention evil h-card mention modal">a</span><span class="invisible">b</span><p class="mention">c</p>`,
			`<span class="mention h-card">a</span><span>b</span><p>c</p>`},
		{"attributes", `<p style="position:fixed" id="x" data-x="y" onclick='z()' lang="en">a</p>`, `<p>a</p>`},
		{"direction", "a\u202eb\u200fc\u2067d\u0000\u0085e", "ab\u200fc\u2067de"},
		{"broken UTF-8", "a\xffb", "ab"},
		{"link", `<a href="HTTPS://E.test:443/x?a=b&c='d'" target="_blank" rel="opener me" title="x">y</a>`,
			`<a href="https://e.test/x?a=b&amp;c=%27d%27"` + rel + `>y</a>`},
		{"mention", `<span class="h-card"><a href="https://r.test/@bob" class="u-url mention">@<span>bob</span></a></span>`,
			`<span class="h-card"><a href="https://r.test/@bob"` + rel + ` class="u-url mention">@<span>bob</span></a></span>`},
		{"link in a link", `<a href="https://e.test/">x<a href="https://f.test/">y</a>z</a>`,
			`<a href="https://e.test/"` + rel + `>x</a><a href="https://f.test/"` + rel + `>y</a>z`},
		{"link that leads nowhere", `<a href="/x">a</a><a name="x">b</a><a href="">c</a><a href="https://u@e.test/">d</a>`, `abcd`},
	} {
		if got := s.HTML(test.in); got != test.want {
			t.Errorf("%s:\ngot  %s\nwant %s", test.name, got, test.want)
		}
	}
}

func TestLinksShowTheirHost(t *testing.T) {
	s := New()
	for _, test := range []struct {
		name, href, text string
		shown            bool // the host is added
	}{
		{"words", "https://e.test/", "read more", false},
		{"own host", "https://e.test/x", "e.test/x", false},
		{"own address", "https://e.test/x.html?y=bank.example", "https://e.test/x.html?y=bank.example", false},
		{"own host, in other letters", "https://xn--bcher-kva.example/", "Bücher.Example", false},
		{"own host, then a line", "https://e.test/", "e.test<br>words", false},
		{"host that shares its domain", "https://github.io/", "github.io", false},
		{"www", "https://www.e.test/", "e.test", false},
		{"port", "https://e.test:8443/", "e.test:8443", false},
		{"own handle", "https://social.e.test/@a", "@a@e.test", false},
		{"end of a sentence", "https://e.test/", "(see e.test.)", false},
		{"already shown", "https://e.test/", "bank.example [e.test]", false},
		{"cut by a client", "https://e.test/a/long/path",
			`<span class="invisible">https://</span><span class="ellipsis">e.test/a/long</span><span class="invisible">/path</span>`, false},
		{"other host", "https://e.test/", "bank.example", true},
		{"other address", "https://e.test/", "https://bank.example/login", true},
		{"among words", "https://e.test/", "Log in at bank.example now", true},
		{"after the own host", "https://e.test/", "e.test,bank.example", true},
		{"userinfo", "https://e.test/", "https://bank.example@e.test/", true},
		{"other handle", "https://e.test/@ceo", "@ceo@bank.example", true},
		{"own host hidden (CVE-2023-36462)", "https://e.test/?bank.example",
			`<span class="invisible">https://e.test/?</span>bank.example`, true},
		{"hidden within hidden", "https://e.test/?bank.example",
			`<span class="invisible"><b>https://e.test/?</b></span>bank.example`, true},
		{"split by markup", "https://e.test/", "ba<b>nk.</b>exam<i>ple</i>", true},
		{"split by nothing", "https://e.test/", "bank\u200b.exam\u00adple", true},
		{"other dots", "https://e.test/", "bank。example", true},
		{"letters that look alike", "https://e.test/", "bаnk.example", true},
		{"turned round", "https://e.test/", "\u202eelpmaxe.knab", true},
		{"neighbour on a shared domain", "https://someone.github.io/", "github.io", true},
		{"host as a label", "https://bank.example.e.test/", "bank.example", true},
		{"nothing to see", "https://e.test/", `<img src="https://bank.example/logo.png">`, true},
		{"all hidden", "https://e.test/", `<span class="invisible">e.test</span>`, true},
	} {
		out := s.HTML(`<a href="` + test.href + `" class="invisible">` + test.text + `</a>`)
		l := newLink(test.href)
		if strings.HasSuffix(out, l.suffix()+"</a>") != test.shown && test.name != "already shown" {
			t.Errorf("%s: host added: %v\n%s", test.name, !test.shown, out)
		}
		if test.name == "already shown" && strings.Count(out, l.suffix()) != 1 {
			t.Errorf("%s: %s", test.name, out)
		}
		if again := s.HTML(out); again != out {
			t.Errorf("%s: not stable:\n%s\n%s", test.name, out, again)
		}
	}
}

func TestText(t *testing.T) {
	for _, test := range []struct{ name, in, want string }{
		{"plain", "  Alice \n\t B.\u00a0C.\u2028D ", "Alice B. C. D"},
		{"markup", `<p>one<br>two</p><p><b onclick="x()">th</b>ree</p><script>alert(1)</script>`, "one two three"},
		{"blocks", `a<div>b</div>c<h1>d</h1><li>e<a>f</a>`, "a b c d ef"},
		{"style", `a<style>b{}</style>c`, "ac"},
		{"references", "AT&amp;T &lt;3 &amp;lt;", "AT&T <3 &lt;"},
		{"tags out of references", "&lt;script&gt;x&lt;/script&gt;", "script>x/script>"},
		{"tags out of pieces", "<\u200b<\u202eb>&lt;&lt;b> <<!--", "b>b> <"},
		{"arithmetic", "1 < 2 > 0 <3", "1 < 2 > 0 <3"},
		{"direction", "alice\u202egro.\u2066x\u061cy\u200f", "alicegro.xy"},
		{"controls", "a\x00b\x1b[31mc\u0085d\u200be\ufefff", "ab[31mc def"},
		{"joiners stay", "👩\u200d🚀 می\u200cخواهم", "👩\u200d🚀 می\u200cخواهم"},
		{"broken UTF-8", "a\xffb", "ab"},
		{"long", strings.Repeat("é", MaxText+1), strings.Repeat("é", MaxText)},
		{"long, cut at a space", strings.Repeat("é", MaxText-1) + " b", strings.Repeat("é", MaxText-1)},
		{"nothing", " \u202e<br> ", ""},
	} {
		if got := Text(test.in); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestURL(t *testing.T) {
	for in, want := range map[string]string{
		"https://e.test":                     "https://e.test",
		" HTTP://E.Test:80/a#b\n":            "http://e.test/a#b",
		"https://bücher.example/ü?ü=\"x\"&'": "https://xn--bcher-kva.example/%C3%BC?%C3%BC=%22x%22&%27",
		"https://e.test:8443/?q=a\u202eb":    "https://e.test:8443/?q=a%E2%80%AEb",
		"https://user@e.test/":               "",
		"https://bank.example\\@e.test/":     "",
		"https://e.test/a b":                 "",
		"https://e.test/a\x00":               "",
		"https://e.test/a\tb":                "",
		"https://e_.test/":                   "",
		"https:///x":                         "",
		"https:e.test":                       "",
		"//e.test/":                          "",
		"/x":                                 "",
		"":                                   "",
		"javascript:alert(1)":                "",
		"jAvAsCrIpT://e.test/%0aalert(1)":    "",
		"data:text/html,<script>":            "",
		"vbscript:x":                         "",
		"file:///etc/passwd":                 "",
		"ftp://e.test/":                      "",
		"mailto:a@e.test":                    "",
		"https://e.test/" + long:             "",
		"https://e.test/?" + long[:MaxURL/2]: "https://e.test/?" + long[:MaxURL/2],
		"https://e.test/" + strings.Repeat("ü", 600): "",
	} {
		got, ok := URL(in)
		if got != want || ok != (want != "") {
			t.Errorf("%.80q: %.80q, %v; want %.80q", in, got, ok, want)
		}
	}
}

var long = strings.Repeat("x", MaxURL)

// TestExhaustion feeds what is small to send and large to parse. A tree or a quadratic loop would take minutes.
func TestExhaustion(t *testing.T) {
	s := New()
	start := time.Now()
	for _, unit := range []string{"<math><semantics><annotation>", "<p>", "<b>", "<a href='https://e.test/'>", "<div><ul><li>",
		"<", "</p>", "&amp;", "<svg>", "<!--", "a.", `<span class="invisible">`, "<ruby><rt>", "<x y=", "&#", "<h1>", "<p>ä "} {
		in := strings.Repeat(unit, 100_000)
		out := s.HTML(in + "end")
		if depth := nesting(out); depth > MaxNesting {
			t.Errorf("%s: nested %d deep", unit, depth)
		}
		if len(out) > MaxHTML || s.HTML(out) != out {
			t.Errorf("%s: %d bytes, or not stable", unit, len(out))
		}
		Text(in)
		URL(in)
	}
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("took %v", took)
	}
}

// nesting counts how many elements are open at once at most.
func nesting(out string) (most int) {
	depth := 0
	for i := range len(out) {
		switch {
		case strings.HasPrefix(out[i:], "</"):
			depth--
		case out[i] == '<' && !strings.HasPrefix(out[i:], "<br>"):
			depth++
		}
		most = max(most, depth)
	}
	return most
}
