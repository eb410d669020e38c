package node_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/control"
	"github.com/dunnock-server/dunnock/federation/vocab"
)

// TestAttackExhaustion: what is slow, long, deep, endless or many.
func TestAttackExhaustion(t *testing.T) {
	section(t, []row{
		{"CVE-2023-36461", "an answer of one byte a second", slowAnswers},
		{"CVE-2023-36461", "a request of one byte a second", slowRequests},
		{"generic", "all connections are taken, and nothing said", heldSlots},
		{"CVE-2026-96623", "a request without bounds, or with a length that is a lie", longRequests},
		{"CVE-2026-96623", "an answer without bounds, or with a length that is a lie", longAnswers},
		{"generic", "gzip of 1000 to 1", bombs},
		{"generic", "a picture of 65535 x 65535 pixels in a few bytes", hugePictures},
		{"snac", "100 000 times [", brackets},
		{"CVE-2026-23962", "100 000 options of a poll, fields, emoji, tags", manyParts},
		{"Pleroma MR 4220", "too many fields, fetched again and again", manyFields},
		{"Mastodon 4.0.2, Misskey 12.119", "endless chains of replies, mentions, subdomains", chains},
		{"generic", "next that leads to itself; a Collection of 100 000", collections},
		{"generic", "500 Deletes of unknown actors", strangersDeleted},
		{"generic", "100 bad signatures", badSignatures},
		{"CVE-2026-69132", "something is kept of every host for ever", manyHosts},
		{"Iceshrimp sec2, CVE-2026-50129", "HTML on which a parser overflows", overflows},
	})
}

// many is a list of n things.
func many(n int, thing func(i int) any) []any {
	list := make([]any, n)
	for i := range list {
		list[i] = thing(i)
	}
	return list
}

// brackets: depth is bounded wherever documents are read.
func brackets(t *testing.T) {
	s := newSiege(t)
	eve, fay := s.site("eve.example").person("eve"), s.friend()
	s.known(eve)
	for name, deep := range map[string]string{
		"lists": strings.Repeat("[", 100_000), "objects": strings.Repeat(`{"a":`, 100_000),
		"closed lists": `{"a":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + "}",
	} {
		s.silent(func() {
			if status := eve.send(deep); status != http.StatusBadRequest {
				t.Errorf("%s: the inbox answers %d", name, status)
			}
			doc := strings.Replace(string(encode(t, eve.hello("1"))), `"<p>hello</p>"`, deep, 1)
			if status := eve.send(doc); status != http.StatusBadRequest {
				t.Errorf("%s within an activity: the inbox answers %d", name, status)
			}
		})
		eve.serve("/deep/"+name[:4], func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", vocab.ContentType)
			fmt.Fprint(w, deep)
		})
		requests, _ := s.unchanged(func() { fay.post(fay.act("Announce", eve.url("/deep/"+name[:4]))) })
		if len(requests) != 1 {
			t.Errorf("%s: the node asked %q", name, requests)
		}
	}
}

// manyParts: of what is too many the first are kept, as FEDERATION.md has it; what is longer than a document may be is not
// read at all.
func manyParts(t *testing.T) {
	s := newSiege(t)
	fay := s.friend()
	parts := map[string]struct {
		doc  func(list []any) obj
		part func(i int) any
		kept string // asks how many
		want int
	}{
		"options": {func(list []any) obj { return fay.note("options", "x", obj{"type": "Question", "oneOf": list}) },
			func(i int) any { return obj{"name": fmt.Sprint(i)} }, "SELECT json_array_length(options) FROM polls", 100},
		"tags": {func(list []any) obj { return fay.note("tags", "x", obj{"tag": list}) },
			func(i int) any { return obj{"type": "Hashtag", "name": fmt.Sprintf("#t%d", i)} }, "SELECT json_array_length(tags) FROM posts WHERE uri LIKE '%/tags'", 100},
		"emoji": {func(list []any) obj { return fay.note("emoji", "x", obj{"tag": list}) },
			func(i int) any { return obj{"type": "Emoji", "name": fmt.Sprint(i), "icon": "http://e.example/"} }, "SELECT json_array_length(tags) FROM posts WHERE uri LIKE '%/emoji'", 100},
		"attachments": {func(list []any) obj { return fay.note("attachments", "x", obj{"attachment": list}) },
			func(i int) any { return obj{"type": "Image", "url": fmt.Sprintf("http://e.example/%d", i)} }, "SELECT json_array_length(attachments) FROM posts WHERE uri LIKE '%/attachments'", 32},
		"fields": {func(list []any) obj { return merge(fay.doc, obj{"attachment": list}) },
			func(i int) any { return obj{"type": "PropertyValue", "name": fmt.Sprint(i), "value": "x"} }, "SELECT json_array_length(fields) FROM actors WHERE username = 'fay'", 50},
	}
	for name, p := range parts {
		kind := map[bool]string{true: "Update", false: "Create"}[name == "fields"]
		s.silent(func() {
			one := string(encode(t, p.part(1)))
			doc := string(encode(t, fay.act(kind, p.doc([]any{p.part(1)}))))
			doc = strings.Replace(doc, "["+one+"]", "["+strings.Repeat(one+",", 99_999)+one+"]", 1)
			if status := s.raw(written(t, fay.request(doc))); status != http.StatusRequestEntityTooLarge {
				t.Errorf("100 000 %s: %d bytes, the inbox answers %d", name, len(doc), status)
			}
		})
		requests, _ := s.during(func() { fay.post(fay.act(kind, p.doc(many(8_000, p.part)))) })
		if got := s.query(p.kept); len(got) != 1 || !strings.HasSuffix(got[0], fmt.Sprintf("=%d", p.want)) || len(requests) > 0 {
			t.Errorf("of 8 000 %s are kept%q; the node asked %q", name, got, requests)
		}
	}
	s.must("timeline", control.Page{}, &control.Posts{})
}

// manyFields: an actor of whom not everything is kept is fetched once, as any other.
func manyFields(t *testing.T) {
	s := newSiege(t)
	eve := s.site("eve.example").person("eve")
	eve.serve("/users/eve", merge(eve.doc, obj{"attachment": many(8_000, func(i int) any { return obj{"type": "PropertyValue", "name": fmt.Sprint(i), "value": "x"} })}))
	requests, _ := s.during(func() {
		for i := range 20 {
			eve.take(eve.hello(fmt.Sprint(i)))
			eve.take(eve.act("Update", merge(eve.doc, obj{"attachment": many(1_000, func(i int) any { return obj{"type": "PropertyValue", "name": fmt.Sprint(i)} })})))
			s.must("lookup", control.What{What: eve.uri}, nil)
			s.do(eve.get(s.owner))
		}
	})
	if len(requests) != 2 { // the actor and its name
		t.Errorf("the node asked %q", requests)
	}
}

// strangersDeleted: servers tell everybody they ever heard of. It makes the node ask nobody.
func strangersDeleted(t *testing.T) {
	s := newSiege(t)
	eve := s.site("eve.example").person("eve")
	s.silent(func() {
		for i := range 500 {
			gone := eve.at(fmt.Sprintf("http://h%d.eve.example/users/u%d", i%50, i))
			if status := gone.send(gone.act([]string{"Delete", "Update"}[i%2], gone.uri)); status != http.StatusAccepted {
				t.Fatalf("the inbox answers %d", status)
			}
		}
	})
	if rows := s.query("SELECT actor FROM inbound UNION SELECT host FROM hosts UNION SELECT domain FROM disclosures"); len(rows) > 0 {
		t.Errorf("kept: %q", rows)
	}
}

// badSignatures: however many name an actor, its server is asked for a key once.
func badSignatures(t *testing.T) {
	s := newSiege(t)
	eve, vic := s.site("eve.example").person("eve"), s.site("victim.example").person("vic")
	forged := eve.at(vic.uri)
	for _, known := range []bool{false, true} {
		requests, _ := s.during(func() {
			for i := range 100 {
				if status := forged.send(forged.hello(fmt.Sprint(i))); status != http.StatusUnauthorized {
					t.Fatalf("known %v: the inbox answers %d", known, status)
				}
				forged.keyID = fmt.Sprintf("%s#key-%d", vic.uri, i)
				if got := s.do(forged.get("/users/alice/outbox")); got.status != http.StatusUnauthorized {
					t.Fatalf("known %v: the outbox answers %d", known, got.status)
				}
			}
		})
		keys := 0
		for _, r := range requests {
			if strings.Contains(r, "/users/") {
				keys++
			}
		}
		if keys > 1 || known && len(requests) > 0 || len(requests) > 2 {
			t.Errorf("known %v: the node asked %q", known, requests)
		}
	}
	if posts := s.query("SELECT uri FROM posts"); len(posts) > 0 {
		t.Errorf("kept: %q", posts)
	}
}

// overflows: what a parser fails on neither stops the node, nor is stored to fail again where it is shown.
func overflows(t *testing.T) {
	s := newSiege(t)
	fay := s.friend()
	for i, piece := range []string{
		"<math><semantics><annotation>", "<math><semantics><annotation-xml encoding=\"text/html\"><svg>", "<svg><foreignObject><math>", "<table><tr><td><table>",
		"<b><i><u><a href=\"http://e.example/\">", "<select><option><select>", "<ul><li><ol>", "<ruby><rt><rp>", "<template><math>", "<p><div><blockquote>", "&lt;&#60;&#x3c;",
		"<a href='", "<!--<!--", "<![CDATA[", "<frameset><noframes>", "\u202e\u2066<b>",
	} {
		bad := strings.Repeat(piece, 200_000/len(piece))
		name := fmt.Sprint(i)
		doc := fay.note(name, "", obj{"content": bad, "name": bad, "tag": []any{obj{"type": "Hashtag", "name": "#" + bad[:50_000], "href": bad[:50_000]}},
			"summary": bad, "attachment": []any{obj{"type": "Image", "url": "http://e.example/", "name": bad}}})
		if i%2 == 1 {
			doc["type"] = "Article"
		}
		fay.take(fay.act("Create", doc))
		fay.take(fay.act("Update", merge(fay.doc, obj{"summary": bad, "name": bad, "attachment": []any{obj{"type": "PropertyValue", "name": bad, "value": bad}}})))
		good := fay.note("good"+name, "after it")
		fay.take(fay.act("Create", good))
		var page control.Posts
		s.must("timeline", control.Page{Limit: 2}, &page)
		if len(page.Posts) != 2 || page.Posts[0].URI != good["id"] || page.Posts[1].URI != doc["id"] {
			t.Errorf("%.40s: the timeline shows %d posts, %.200v", piece, len(page.Posts), page)
		} else if n := nesting(page.Posts[1].Content); n > 40 {
			t.Errorf("%.40s: it is shown with %d elements in each other", piece, n)
		}
		s.must("thread", control.ID{ID: doc["id"].(string)}, nil)
		s.must("lookup", control.What{What: fay.uri}, &control.Found{Actor: &federation.Account{}})
	}
}

// nesting is how many elements of HTML are open at once, at most.
func nesting(content string) (most int) {
	open := 0
	for z := html.NewTokenizer(strings.NewReader(content)); ; most = max(most, open) {
		switch z.Next() {
		case html.ErrorToken:
			return most
		case html.StartTagToken:
			if name, _ := z.TagName(); string(name) != "br" {
				open++
			}
		case html.EndTagToken:
			open--
		}
	}
}
