package node_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/control"
	"github.com/dunnock-server/dunnock/federation/vocab"
)

func uploadsAsDocuments(t *testing.T) {
	w := newTrio(t)
	for i, kind := range []string{"application/json", "application/ld+json", `application/ld+json; profile="http://www.w3.org/ns/json-ld#compacted"`, "text/html", "text/plain", "image/png",
		"application/octet-stream", "application/activity+json.txt", "x/application/activity+json", ""} {
		path := fmt.Sprintf("/upload/%d", i)
		w.vic.serve(path, func(rw http.ResponseWriter, r *http.Request) {
			rw.Header()["Content-Type"] = []string{kind}
			rw.Write(encode(t, merge(w.vic.note("1", "forged"), obj{"id": w.vic.url(path)})))
		})
		requests, _ := w.unchanged(func() { w.fay.post(w.fay.act("Announce", w.vic.url(path))) })
		if len(requests) != 1 {
			t.Errorf("%s: the node asked %q", kind, requests)
		}
		w.bothInboxes(func() {
			r := w.eve.request(w.eve.hello("1"))
			r.Header.Set("Content-Type", kind)
			if got := w.do(r); got.status != http.StatusUnsupportedMediaType {
				t.Errorf("an activity as %q: %d", kind, got.status)
			}
		})
	}
}

func actsOfOthers(t *testing.T) {
	w := newTrio(t)
	note := w.vic.note("1", "hello", obj{"to": []any{w.owner}, "cc": nil})
	w.vic.take(w.vic.act("Create", note))
	follow := w.vic.act("Follow", w.owner)
	w.vic.take(follow)
	var mine federation.Post
	w.must("post", control.NewPost{Text: "mine"}, &mine)
	w.must("follow", control.Who{Who: w.vic.uri}, nil)
	w.settle()
	var asked obj
	for _, doc := range w.vic.received() {
		if doc.Type() == vocab.TypeFollow {
			asked = obj(doc)
		}
	}
	mallory := w.vic.person("mallory") // of the victim's own server
	w.known(mallory)
	for _, who := range []*account{w.eve, mallory} {
		w.bothInboxes(func() {
			for _, doc := range []obj{
				who.act("Update", merge(note, obj{"content": "forged"})), who.act("Update", merge(w.vic.doc, obj{"name": "forged"})), who.act("Delete", note["id"]),
				who.act("Delete", w.vic.uri), who.act("Undo", follow), who.act("Undo", follow["id"]), who.act("Accept", asked), who.act("Accept", asked["id"]), who.act("Reject", asked),
				who.act("Update", obj{"id": mine.URI, "type": "Note", "attributedTo": w.owner, "content": "forged"}), who.act("Delete", mine.URI), who.act("Delete", w.owner),
				who.act("Add", mine.URI, obj{"target": w.owner + "/featured"}), who.act("Move", w.vic.uri, obj{"target": who.uri}), who.act("Block", w.vic.uri),
			} {
				who.post(doc)
			}
		})
	}
}

func embeddedForgeries(t *testing.T) {
	w := newTrio(t)
	forged := w.vic.note("nowhere", "forged")
	for _, who := range []*account{w.eve, w.fay} {
		for _, doc := range []obj{who.act("Announce", forged), who.act("Announce", w.vic.act("Create", forged)), who.act("Create", forged), who.act("Create", merge(who.note("1", "x"), obj{"attributedTo": w.vic.uri})),
			who.act("Create", merge(forged, obj{"attributedTo": []any{who.uri, w.vic.uri}}))} {
			requests, _ := w.unchanged(func() { who.post(doc) })
			if len(requests) > 1 {
				t.Errorf("the node asked %q", requests)
			}
		}
	}
	real := w.vic.publish(w.vic.note("real", "real"))
	w.fay.take(w.fay.act("Announce", merge(real, obj{"content": "forged"})))
	var page control.Posts
	if w.must("timeline", control.Page{}, &page); len(page.Posts) != 1 || page.Posts[0].Text != "real" {
		t.Errorf("the timeline shows %+v", page)
	}
}

func linkedData(t *testing.T) {
	w := newTrio(t)
	signature := obj{"signature": obj{"type": "RsaSignature2017", "creator": w.vic.keyID, "signatureValue": "eA=="}}
	w.bothInboxes(func() {
		w.refused("forwarded", w.eve.request(merge(w.vic.hello("1"), signature)))
		// A context that says what the words mean, and is not asked for.
		for _, context := range []any{"http://eve.example/context", []any{vocab.ContextActivityStreams, "http://eve.example/context"}, obj{"actor": obj{"@id": "as:summary"}, "@import": "http://eve.example/context"}} {
			doc := w.eve.act("Delete", "http://eve.example/notes/none", obj{"@context": context, "@graph": []any{w.vic.act("Delete", w.vic.uri)},
				"@included": []any{w.vic.act("Delete", w.vic.uri)}, "@reverse": obj{"object": w.vic.act("Delete", w.vic.uri)}, "as:actor": w.vic.uri})
			w.eve.post(doc)
		}
	})
}
