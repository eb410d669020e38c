package node_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/dunnock-server/dunnock/federation/control"
)

// chains: whatever hangs on an activity, it costs a bounded number of requests, and reading costs none.
func chains(t *testing.T) {
	s := newSiege(t)
	eve, fay := s.site("eve.example").person("eve"), s.friend()
	hosts := make([]*account, 40)
	for i := range hosts {
		hosts[i] = s.site(fmt.Sprintf("h%d.eve.example", i)).person("x")
	}
	around := func(i int) obj { // a post by somebody on a host of their own, which names the next one in every way
		next := hosts[(i+1)%len(hosts)]
		return hosts[i].publish(hosts[i].note("1", "x", obj{"inReplyTo": next.url("/notes/1"), "quote": next.url("/notes/1"),
			"replies": next.url("/replies"), "context": next.url("/context"), "attachment": []any{obj{"type": "Image", "url": next.url("/i.png")}},
			"tag": many(90, func(j int) any { return obj{"type": "Mention", "href": hosts[(i+j)%len(hosts)].uri} })}))
	}
	for i := range hosts {
		note := around(i)
		if i < 10 {
			requests, _ := s.during(func() { fay.post(fay.act("Announce", note["id"])) })
			if len(requests) != 3 { // the post, its author, the author's name
				t.Errorf("a boost costs %q", requests)
			}
		}
	}
	own := fay.note("own", "x", obj{"inReplyTo": hosts[20].url("/notes/1"), "quote": hosts[21].url("/notes/1"), "tag": around(20)["tag"]})
	requests, dials := s.during(func() {
		fay.post(fay.act("Create", own))
		s.settle()
		s.must("timeline", control.Page{}, nil)
		s.must("thread", control.ID{ID: own["id"].(string)}, nil)
		s.must("thread", control.ID{ID: hosts[0].url("/notes/1")}, nil)
		s.must("notifications", control.Page{}, nil)
	})
	if len(requests)+len(dials) > 0 {
		t.Errorf("a post and reading it cost %q", requests)
	}
	s.known(eve)
	s.silent(func() { // what strangers boost
		eve.post(eve.act("Announce", hosts[30].url("/notes/1")))
		eve.post(eve.act("Announce", eve.act("Create", hosts[30].url("/notes/1"))))
	})
	// Subdomains without end: each leads to the next.
	for i, h := range hosts {
		next := hosts[(i+1)%len(hosts)]
		h.serve("/go", redirect(302, next.url("/go")))
		h.serve("/users/go", obj{"id": next.url("/users/go"), "type": "Person"})
		h.serve("/.well-known/webfinger?resource=acct%3Anext%40"+h.host, jrd("next@"+next.host, h.url("/users/next")))
	}
	lost := hosts[0].at(hosts[0].url("/users/go"))
	next := hosts[0].person("next")
	for name, f := range map[string]func(){
		"redirects": func() { fay.send(fay.act("Announce", hosts[0].url("/go"))) },
		"actors":    func() { lost.send(lost.act("Follow", s.owner)) },
		"names":     func() { next.send(next.act("Like", s.owner)) },
		"a move":    func() { fay.send(fay.act("Move", fay.uri, obj{"target": hosts[0].url("/users/go?1")})) },
	} {
		if requests, _ := s.during(f); len(requests) == 0 || len(requests) > maxHops {
			t.Errorf("%s: the node asked %q", name, requests)
		}
	}
}

// collections: none is read, neither where an actor has one nor when it is sent.
func collections(t *testing.T) {
	s := newSiege(t)
	eve, fay := s.site("eve.example").person("eve"), s.friend()
	for _, a := range []*account{eve, fay} {
		for _, name := range []string{"outbox", "featured", "followers", "following"} {
			at := strings.TrimPrefix(a.uri, "http://"+a.host) + "/" + name
			a.serve(at, obj{"id": a.url(at), "type": "OrderedCollection", "first": a.url(at), "next": a.url(at), "totalItems": 1 << 30})
		}
	}
	var posts control.Posts
	requests, _ := s.during(func() {
		eve.follows()
		eve.take(eve.hello("1", obj{"replies": eve.uri + "/outbox"}))
		fay.take(fay.act("Create", fay.note("1", "x", obj{"replies": obj{"type": "Collection", "first": fay.uri + "/outbox", "next": fay.uri + "/outbox"}})))
		s.must("timeline", control.Page{}, &posts)
	})
	if len(requests) != 3 || len(posts.Posts) != 1 { // eve, her name, the answer to her
		t.Errorf("the node asked %q and shows %v", requests, posts)
	}
	entry := func(i int) any { return fmt.Sprint("a", i) }
	s.silent(func() { // more than a document may hold
		if status := fay.send(string(encode(t, fay.act("Create", many(100_000, entry))))); status != http.StatusBadRequest {
			t.Errorf("a list of 100 000: the inbox answers %d", status)
		}
	})
	list := many(30_000, entry)
	for _, kind := range []string{"Create", "Announce", "Delete", "Add", "Undo", "Flag", "Collection"} {
		requests, _ := s.unchanged(func() {
			fay.post(fay.act(kind, list))
			fay.post(fay.act(kind, fay.url("/notes/0"), obj{"to": list}))
			fay.post(fay.act(kind, obj{"id": fay.url("/c"), "type": "Collection", "items": list, "next": fay.url("/c")}))
		})
		if len(requests) > 1 { // what is boosted is asked for
			t.Errorf("%s of a Collection: the node asked %q", kind, requests)
		}
	}
}
