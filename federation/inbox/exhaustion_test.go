package inbox

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/dunnock-server/dunnock/federation/httpsig"
	"github.com/dunnock-server/dunnock/storage"
)

func TestDeletesOfStrangersAskNobody(t *testing.T) {
	w := newTrio(t)
	w.silent(w.unchanged(func() {
		for i := range 500 {
			uri := w.eve.url(fmt.Sprintf("/users/u%d", i))
			stranger := &actor{peer: w.eve.peer, uri: uri, keyID: uri + "#main-key", private: w.eve.private}
			kind := []string{"Delete", "Update"}[i%2]
			if status := w.do(stranger.signed(encode(t, stranger.act(kind, uri)), httpsig.Cavage)); status != http.StatusAccepted {
				t.Fatalf("the inbox answers %d", status)
			}
		}
	}))
}

func TestBadSignaturesCostOneFetch(t *testing.T) {
	w := newTrio(t)
	requests := w.net.during(func() {
		for i := range 100 {
			r := w.eve.signed(encode(t, w.hello(w.eve, fmt.Sprint(i))), httpsig.Cavage)
			forged := w.victim.signedBy(w.eve.keyID, encode(t, w.hello(w.eve, fmt.Sprint(i))), httpsig.Cavage)
			r.Header.Set("Signature", forged.Header.Get("Signature"))
			if status := w.do(r); status != http.StatusUnauthorized {
				t.Fatalf("the inbox answers %d", status)
			}
		}
	})
	if n := count(requests, "/users/"); n > 1 {
		t.Errorf("%d fetches of the key", n)
	}
	// Neither do keys that the actor never had.
	w.silent(w.net.during(func() {
		for i := range 100 {
			w.do(w.eve.signedBy(fmt.Sprintf("%s#key-%d", w.eve.uri, i), encode(t, w.hello(w.eve, "x")), httpsig.Cavage))
		}
	}))
	// Nor actors that are not there.
	w.eve.serve("/users/nobody", nil)
	requests = w.net.during(func() {
		uri := w.eve.url("/users/nobody")
		nobody := &actor{peer: w.eve.peer, uri: uri, keyID: uri + "#main-key", private: w.eve.private}
		for range 100 {
			w.do(nobody.signed(encode(t, nobody.act("Follow", w.ids.Owner())), httpsig.Cavage))
		}
	})
	if len(requests) > 1 {
		t.Errorf("a signer who is not there: %v", requests)
	}
}

// TestSignersBehindMazesAreLookedForOnce: an actor that is more requests away than finding out who signed may cost.
func TestSignersBehindMazesAreLookedForOnce(t *testing.T) {
	w := newTrio(t)
	w.eve.serve("/users/eve", redirectTo(w.eve.url("/1")))
	w.eve.serve("/1", redirectTo(w.eve.url("/2")))
	w.eve.serve("/2", obj{"id": w.eve.url("/3"), "type": "Person"})
	w.eve.serve("/3", redirectTo(w.eve.url("/4")))
	w.eve.serve("/4", redirectTo(w.victim.uri))
	body := encode(t, w.hello(w.eve, "1"))
	requests := w.unchanged(func() {
		for range 20 {
			if status := w.do(w.eve.signed(body, httpsig.Cavage)); status != http.StatusUnauthorized {
				t.Fatalf("the inbox answers %d", status)
			}
		}
	})
	if len(requests) == 0 || len(requests) > fetches {
		t.Errorf("the node asked: %v", requests)
	}
}

func count(requests []string, part string) (n int) {
	for _, r := range requests {
		if strings.Contains(r, part) {
			n++
		}
	}
	return n
}

// TestEndlessChains: whatever hangs on an activity, it costs a bounded number of requests.
func TestEndlessChains(t *testing.T) {
	w := newCircle(t)
	hop := 0
	w.eve.serve("/endless", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		hop++
		redirectTo(w.eve.url(fmt.Sprintf("/endless?%d", hop)))(rw, r)
	}))
	for _, object := range []any{w.eve.url("/endless"), w.eve.url("/endless?again")} {
		requests := w.unchanged(func() { w.post(w.friend, w.friend.act("Announce", object)) })
		if len(requests) == 0 || len(requests) > fetches {
			t.Errorf("redirects: %v", requests)
		}
	}
	// A thread without an end, whose every post is by somebody else on a host of its own and names others.
	depth := 0
	reply := func() obj {
		depth++
		a := newPeer(t, w.net, fmt.Sprintf("h%d.eve.example", depth)).person("x")
		note := a.note("1", "x", obj{
			"inReplyTo": w.eve.url("/n/next"), "quote": w.eve.url("/n/quote"), "replies": w.eve.url("/n/replies"), "context": w.eve.url("/n/context"),
			"tag": []any{obj{"type": "Mention", "href": w.eve.url("/users/other")}}, "attachment": []any{obj{"type": "Image", "url": w.eve.url("/i.png")}},
		})
		return a.publish(note)
	}
	for range 10 {
		note := reply()
		requests := w.net.during(func() { w.take(w.friend, w.friend.act("Announce", note["id"])) })
		w.stored(note["id"].(string))
		if len(requests) != 3 { // the post, its author, the author's handle
			t.Errorf("a boost costs %v", requests)
		}
		own := w.friend.note(fmt.Sprint(depth), "x", obj{"inReplyTo": w.eve.url("/n/next"), "quote": w.eve.url("/n/quote"), "tag": note["tag"]})
		w.silent(w.net.during(func() { w.take(w.friend, w.friend.act("Create", own)) }))
		w.stored(own["id"].(string))
	}
	// A and B lead to each other.
	w.eve.serve("/a", obj{"id": w.eve.url("/b"), "type": "Note"})
	w.eve.serve("/b", obj{"id": w.eve.url("/a"), "type": "Note"})
	requests := w.unchanged(func() { w.post(w.friend, w.friend.act("Announce", w.eve.url("/a"))) })
	if len(requests) == 0 || len(requests) > fetches {
		t.Errorf("a loop: %v", requests)
	}
}

// TestStrangersCauseNothing: what strangers do to strangers asks nobody and leaves nothing.
func TestStrangersCauseNothing(t *testing.T) {
	w := newTrio(t)
	w.knows(w.eve)
	note := w.victim.publish(w.victim.note("1", "x"))
	w.silent(w.unchanged(func() {
		w.post(w.eve, w.eve.act("Announce", note["id"]))
		w.post(w.eve, w.eve.act("Announce", w.victim.act("Create", note)))
		w.post(w.eve, w.eve.act("Like", note["id"]))
		w.post(w.eve, w.eve.act("Create", w.eve.note("1", "to nobody here")))
		w.post(w.eve, w.eve.act("Create", w.eve.url("/notes/2")))
		w.post(w.eve, w.eve.act("Create", w.eve.note("3", "to somebody else", obj{"to": []any{w.victim.uri}, "cc": nil})))
		w.post(w.eve, w.eve.act("Create", w.eve.note("4", "an answer to what is not here", obj{"inReplyTo": note["id"]})))
		w.post(w.eve, w.eve.act("Follow", w.victim.uri))
		w.post(w.eve, w.eve.act("Block", w.victim.uri))
		w.post(w.eve, w.eve.act("Move", w.eve.uri, obj{"target": w.victim.uri}))
		w.post(w.eve, w.eve.act("Flag", []any{w.victim.uri, note["id"]}))
		w.post(w.eve, w.eve.act("Add", w.eve.url("/notes/5"), obj{"target": w.eve.uri + "/featured"}))
		w.post(w.eve, w.eve.act("Undo", w.eve.url("/acts/9")))
		w.post(w.eve, w.eve.act("Accept", w.ids.Activity("1")))
	}))
}

func TestFloodsAreCut(t *testing.T) {
	w := newCircle(t)
	many := func(n int, make func(i int) obj) (list []any) {
		for i := range n {
			list = append(list, make(i))
		}
		return list
	}
	doc := w.friend.note("1", strings.Repeat("long ", 60_000), obj{
		"tag":        many(5000, func(i int) obj { return obj{"type": "Hashtag", "name": fmt.Sprintf("#t%d", i)} }),
		"attachment": many(1000, func(i int) obj { return obj{"type": "Image", "url": w.friend.url(fmt.Sprintf("/%d.png", i))} }),
		"to":         append(many(5000, func(i int) obj { return obj{"id": w.eve.url(fmt.Sprintf("/u/%d", i))} }), w.ids.Owner()),
	})
	w.post(w.friend, w.friend.act("Create", doc, obj{"to": w.ids.Owner()}))
	w.settle()
	p := w.stored(doc["id"].(string))
	if len(p.Tags) > 1000 || len(p.Attachments) > 100 || len(p.Recipients.To) > 1000 || len(p.Content) > 300_000 {
		t.Errorf("kept: %d tags, %d attachments, %d recipients, %d bytes", len(p.Tags), len(p.Attachments), len(p.Recipients.To), len(p.Content))
	}
	options := many(5000, func(i int) obj { return obj{"type": "Note", "name": fmt.Sprint(i)} })
	w.take(w.friend, w.friend.act("Create", w.friend.note("2", "x", obj{"type": "Question", "oneOf": options})))
	if poll, err := w.db.Poll(t.Context(), w.friend.url("/notes/2")); err != nil || len(poll.Options) > 100 {
		t.Errorf("options: %v, %v", poll, err)
	}
	post := w.own(storage.Public)
	for i := range 2 * maxReactions {
		w.post(w.eve, w.eve.act("EmojiReact", post.URI, obj{"content": fmt.Sprintf(":e%d:", i)}))
	}
	w.settle()
	if all, err := w.db.Reactions(t.Context(), post.URI); err != nil || len(all) != maxReactions {
		t.Errorf("%d reactions of one actor, %v", len(all), err)
	}
	w.take(w.friend, w.friend.act("Flag", append(many(2000, func(i int) obj { return obj{"id": w.ids.Post(fmt.Sprint(i))} }), post.URI)))
}

// TestLogsNameNobody puts values that must not be logged through what can go wrong.
func TestLogsNameNobody(t *testing.T) {
	w := newCircle(t)
	canary := "canary" + strings.ToLower(rand.Text())
	eve := newPeer(t, w.net, canary+".example").person(canary)
	w.knows(eve)
	w.do(eve.signed([]byte(`{"`+canary), httpsig.Cavage))
	w.do(eve.signedBy(w.victim.keyID, encode(t, w.hello(eve, canary)), httpsig.Cavage))
	w.do(eve.signed(encode(t, w.hello(eve, canary, obj{"type": canary})), httpsig.Cavage))
	w.take(eve, w.hello(eve, canary))
	w.post(eve, eve.act("Update", merge(obj{}, eve.doc, obj{"inbox": canary})))
	w.post(w.friend, w.friend.act("Announce", eve.url("/"+canary)))
	eve.offline()
	w.post(w.friend, w.friend.act("Announce", eve.url("/again/"+canary)))
	w.post(w.friend, w.friend.act("Announce", "http://"+canary+"/"))
	stranger := &actor{peer: eve.peer, uri: eve.url("/users/" + canary + "2"), keyID: eve.url("/users/" + canary + "2#main-key"), private: eve.private}
	w.do(stranger.signed(encode(t, w.hello(stranger, canary)), httpsig.Cavage))
	w.settle()
	if bytes.Contains(w.log.Bytes(), []byte(canary)) {
		t.Errorf("logged:\n%s", w.log)
	}
}
