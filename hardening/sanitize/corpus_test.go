package sanitize

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// corpus is what has been tried on other servers, in content, names, fields, tags and descriptions.
var corpus = []string{
	`<script>alert(1)</script>`, `<SCRIPT SRC=//e.test/x.js></SCRIPT>`, `<scr<script>ipt>alert(1)</scr</script>ipt>`,
	`<script/x>alert(1)</script `, "<script\x00>alert(1)</script>", `<<script>alert(1);//<</script>`, `&lt;script&gt;alert(1)&lt;/script&gt;`,
	`<img src=x onerror=alert(1)>`, `<img src="x" onerror='alert(1)'/>`, `<img """><script>alert(1)</script>">`,
	`<p onclick="alert(1)">x</p>`, `<p/onmouseover=alert(1)>x`, `<b ONLOAD	= 'alert(1)'>x</b>`, `<a href="https://e.test/" onfocus=alert(1) autofocus>x</a>`,
	`<a href="javascript:alert(1)">x</a>`, `<a href="JaVaScRiPt:alert(1)">x</a>`, "<a href=\"java\tscript:alert(1)\">x</a>",
	"<a href=\"\x01javascript:alert(1)\">x</a>", "<a href=' &#14; javascript:alert(1)'>x</a>", `<a href="&#106;avascript&colon;alert(1)">x</a>`,
	`<a href="&#x6A&#x61&#x76&#x61script:alert(1)">x</a>`, `<a href="javascript&#58;//https://e.test/%0aalert(1)">x</a>`,
	`<a href="vbscript:msgbox(1)">x</a>`, `<a href="data:text/html;base64,PHNjcmlwdD4=">x</a>`, `<a href="feed:javascript:alert(1)">x</a>`,
	`<a href="//e.test/">x</a>`, `<a href="https://e.test/'onmouseover='alert(1)">x</a>`, `<a href='https://e.test/"onmouseover="alert(1)'>x</a>`,
	`<a href=https://e.test/"><script>alert(1)</script>>x</a>`, `<a href="https://e.test/" style="position:fixed;inset:0">x</a>`,
	`<form action="https://e.test/"><input name=p type=password><button>Sign in</button></form>`, `<button formaction=javascript:alert(1)>x`,
	`<iframe src="https://e.test/"></iframe>`, `<iframe srcdoc="<script>alert(1)</script>">`, `<object data=x.swf></object><embed src=x>`,
	`<svg onload=alert(1)>`, `<svg><script>alert(1)</script></svg>`, `<svg><a xlink:href="javascript:alert(1)"><text>x</text></a>`,
	`<svg></p><style><a id="</style><img src=1 onerror=alert(1)>">`, `<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>`,
	`<math href="javascript:alert(1)">x</math>`, `<math><semantics><annotation encoding="text/html"><script>alert(1)</script></annotation></semantics></math>`,
	`<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>`, `</svg><svg><svg></svg><p onclick=x>a</p>`,
	`<style>body{display:none}</style>`, `<style>@import "https://e.test/x.css";`, `<link rel=stylesheet href=https://e.test/x.css>`,
	`<meta http-equiv="refresh" content="0;url=https://e.test/">`, `<base href="https://e.test/">`, `<title></title><script>alert(1)</script>`,
	`<noscript><p title="</noscript><img src=x onerror=alert(1)>">`, `<template><script>alert(1)</script></template>`,
	`<textarea><script>alert(1)</script>`, `<xmp><script>alert(1)</script></xmp>`, `<plaintext><p>x`, `<select><option><script>alert(1)</script>`,
	`<!--><script>alert(1)</script>-->`, `<!-- --!><img src=x onerror=alert(1)> -->`, `<![CDATA[<script>alert(1)</script>]]>`, `<!DOCTYPE html SYSTEM "x"><?xml x?>`,
	`<video src=x onerror=alert(1)><audio src=x><source src=x>`, `<table background="javascript:alert(1)"><td>x</table>`, `<body onload=alert(1)>`,
	`<details open ontoggle=alert(1)>x`, `<marquee onstart=alert(1)>x`, `<x onclick=alert(1)>x</x>`, `<p class="x' onclick='alert(1)">x</p>`,
	`<span class="mention&quot; onclick=&quot;alert(1)">x</span>`, `</div></li></ol><script>alert(1)</script><footer>pose</footer>`,
	`<li><li><p><li></ol></ul>`, `<p><div><p></div></p><blockquote></p>`, `<a><b></a><a href="https://e.test/"><p></a></b>`,
	`<ruby><rt><p><ruby></rt></ruby>`, `<pre><p></pre></p><h1><ul><li><h2></h1>`, `<a href="https://e.test/">bank.example<script>x`,
	"<p>\u202e<a href=https://e.test/>\u202dbank.example</a>", `<b><i><u><s><del><em><strong><code><pre><b><i><u>`, `<`, `</`, `<a href="`, `&#0;&#xD800;&`,
}

// holds demands of any output of HTML what always holds.
func holds(out string) error {
	for _, never := range []string{`(?i)<script`, `(?i)<[^>]*\son\w+\s*=`, `(?i)\shref="(?:[^h]|h[^t]|ht[^t])`, `(?i)<(img|svg|math|style|iframe|form)`, `[\x00\x{202e}]`} {
		if regexp.MustCompile(never).MatchString(out) {
			return fmt.Errorf("matches %s", never)
		}
	}
	// Seen by a browser, in a page: it stays in its place, and closes nothing of the page.
	page := `<ol><li><div id="post">` + out + `</div></li><li id="next">n</li></ol><footer></footer>`
	body := &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body}
	nodes, err := html.ParseFragment(strings.NewReader(page), body)
	if err != nil {
		return err
	}
	if len(nodes) != 2 || nodes[0].Data != "ol" || nodes[1].Data != "footer" || nodes[1].FirstChild != nil {
		return fmt.Errorf("it breaks out: %d nodes", len(nodes))
	}
	li := nodes[0].FirstChild
	if li.FirstChild != li.LastChild || li.NextSibling != nodes[0].LastChild || nodes[0].LastChild.FirstChild.Data != "n" {
		return fmt.Errorf("it breaks its list item")
	}
	for n := range li.FirstChild.Descendants() {
		if err := allowed(n); err != nil {
			return err
		}
	}
	return nil
}

func allowed(n *html.Node) error {
	switch _, known := elements[n.Data]; {
	case n.Type == html.TextNode:
		return nil
	case n.Type != html.ElementNode || !known || n.Namespace != "":
		return fmt.Errorf("%v %q is not allowed", n.Type, n.Data)
	}
	for _, a := range n.Attr {
		ok := false
		switch {
		case a.Key == "href" && n.Data == "a":
			_, ok = URL(a.Val)
		case a.Key == "rel" && n.Data == "a":
			ok = a.Val == "nofollow noopener noreferrer"
		case a.Key == "class":
			ok = !slices.ContainsFunc(strings.Fields(a.Val), func(c string) bool { return !slices.Contains(classes, c) })
		}
		if !ok {
			return fmt.Errorf("%s.%s=%q is not allowed", n.Data, a.Key, a.Val)
		}
	}
	return nil
}

func TestCorpus(t *testing.T) {
	s := New()
	for i, bad := range corpus {
		// Alone, after each other, and inside what the other left open.
		for _, in := range []string{bad, bad + corpus[(i+1)%len(corpus)], `<p title="` + bad + `">` + bad, `<a href="` + bad + `">` + bad + `</a>`,
			`<a href='` + bad + `'>x</a>`, `<span class="` + bad + `">x`, `<ul><li>` + bad + `<li>x</ul>`} {
			out := s.HTML(in)
			if err := holds(out); err != nil {
				t.Errorf("%s\n%s\n%v", in, out, err)
			}
			if again := s.HTML(out); again != out {
				t.Errorf("%s\nnot stable:\n%s\n%s", in, out, again)
			}
			if text := Text(in); opener.MatchString(text) {
				t.Errorf("Text(%q) = %q", in, text)
			}
			if url, ok := URL(in); ok {
				t.Errorf("URL passed %q as %q", in, url)
			}
		}
	}
}

func FuzzHTML(f *testing.F) {
	for _, bad := range corpus {
		f.Add(bad)
	}
	s := New()
	f.Fuzz(func(t *testing.T, in string) {
		out := s.HTML(in)
		if err := holds(out); err != nil {
			t.Errorf("%s\n%v", out, err)
		}
		if again := s.HTML(out); again != out {
			t.Errorf("not stable:\n%s\n%s", out, again)
		}
	})
}

func FuzzText(f *testing.F) {
	for _, bad := range corpus {
		f.Add(bad)
	}
	f.Fuzz(func(t *testing.T, in string) {
		out := Text(in)
		if opener.MatchString(out) || strings.TrimSpace(out) != out || strings.ContainsAny(out, "\n\r\t\x00\u202e") || len([]rune(out)) > MaxText {
			t.Errorf("%q", out)
		}
	})
}

func FuzzURL(f *testing.F) {
	for _, seed := range []string{"https://e.test/a?b=c#d", "http://E.TEST:80", "https://u@e.test", "https://[::1]:8/%2f?%zz'", "https://ü.test/ü?ü#ü"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		out, ok := URL(in)
		if !ok {
			return
		}
		if again, ok := URL(out); !ok || again != out {
			t.Errorf("%q is not stable: %q, %v", out, again, ok)
		}
		if !strings.HasPrefix(out, "http") || strings.ContainsAny(out, "\"'<>\\ \n") {
			t.Errorf("%q", out)
		}
	})
}
