package inbox

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/storage"
)

// FuzzEffects takes whatever somebody whom the owner follows may send through its handler. Nothing may make it panic, and
// nothing may touch what is the owner's own or somebody else's.
func FuzzEffects(f *testing.F) {
	n := newNode(f)
	eve, vic := newPeer(f, n.net, "eve.example").person("eve"), newPeer(f, n.net, "victim.example").person("vic")
	n.follows(eve, vic)
	mine := n.poll(true, storage.Time{}, []string{"a", "b"})
	theirs := n.posted(vic, "1")["id"]
	note := eve.note("1", "x", obj{"inReplyTo": mine.URI, "quote": theirs, "tag": []any{obj{"type": "Mention", "href": n.ids.Owner()}}})
	for _, act := range []obj{
		eve.act("Follow", n.ids.Owner()), eve.act("Accept", eve.act("Follow", eve.uri)), eve.act("Reject", n.ids.Activity("1")),
		eve.act("Create", note), eve.act("Create", merge(obj{}, note, obj{"type": "Question", "oneOf": []any{obj{"type": "Note", "name": "a"}}})),
		eve.act("Create", obj{"id": eve.url("/v/1"), "type": "Note", "attributedTo": eve.uri, "name": "a", "inReplyTo": mine.URI}),
		eve.act("Update", note), eve.act("Update", eve.doc), eve.act("Delete", note["id"]), eve.act("Delete", theirs),
		eve.act("Like", mine.URI), eve.act("EmojiReact", mine.URI, obj{"content": ":x:"}), eve.act("Announce", theirs),
		eve.act("Announce", eve.act("Create", note)), eve.act("Undo", eve.act("Like", mine.URI)), eve.act("Undo", eve.url("/acts/1")),
		eve.act("Add", note["id"], obj{"target": eve.uri + "/featured"}), eve.act("Remove", note["id"], obj{"target": eve.uri + "/featured"}),
		eve.act("Block", vic.uri), eve.act("Flag", []any{n.ids.Owner(), mine.URI}, obj{"content": "x"}), eve.act("Move", eve.uri, obj{"target": vic.uri}),
	} {
		f.Add(encode(f, act))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := parse(body)
		if err != nil || a.actor != eve.uri || a.kind == vocab.TypeDelete && single(a.doc, "object") == a.actor {
			return
		}
		a.name(body, time.Now())
		a.at = storage.Now()
		do, err := n.in.prepare(t.Context(), a)
		if errors.Is(err, errPanic) {
			t.Fatal(err)
		}
		if do != nil {
			err := n.db.Write(t.Context(), func(ctx context.Context, tx storage.Tx) error { return n.in.apply(ctx, tx, a, do) })
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, uri := range []string{mine.URI, theirs.(string)} {
			if p, err := n.db.Post(t.Context(), uri); err != nil || !p.DeletedAt.IsZero() || p.Content != mine.Content && p.Local || p.Visibility != storage.Public {
				t.Errorf("%+v, %v", p, err)
			}
		}
		if f, err := n.db.Follow(t.Context(), n.ids.Owner(), vic.uri); err != nil || f.State != storage.Accepted {
			t.Errorf("%+v, %v", f, err)
		}
	})
}

// FuzzReceive sends whatever, unsigned: it may be refused or mean nothing, and is neither stored nor asked about.
func FuzzReceive(f *testing.F) {
	n := newNode(f)
	eve := newPeer(f, n.net, "eve.example").person("eve")
	f.Add(encode(f, n.hello(eve, "1")), vocab.ContentType)
	f.Add(encode(f, eve.act("Delete", eve.uri)), vocab.ContentTypeLD)
	f.Add([]byte(`{"type":"Arrive","actor":"http://eve.example/","id":"http://eve.example/1"}`), "text/html")
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		r := request(t, body)
		r.Header["Content-Type"] = []string{contentType}
		w := httptest.NewRecorder()
		n.in.ServeHTTP(w, r)
		switch w.Code {
		case http.StatusBadRequest, http.StatusUnauthorized, http.StatusUnsupportedMediaType, http.StatusRequestEntityTooLarge:
		case http.StatusAccepted:
			if a, err := parse(body); err != nil || handlers[a.kind] != nil {
				t.Errorf("an unsigned activity is answered %d", w.Code)
			}
		default:
			t.Errorf("answered %d", w.Code)
		}
		if waiting, err := n.db.CountInbound(t.Context()); err != nil || waiting != 0 {
			t.Errorf("%d wait, %v", waiting, err)
		}
	})
}
