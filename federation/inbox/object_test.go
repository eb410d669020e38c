package inbox

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/federation/httpsig"
	"github.com/dunnock-server/dunnock/federation/resolve"
	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/storage"
)

// circle is the node with four others: the owner follows a friend and the victim, and knows an attacker.
type circle struct {
	*node
	friend, victim, eve *actor
}

func newCircle(t *testing.T) circle {
	w := newTrio(t)
	c := circle{w.node, newPeer(t, w.net, "friend.example").person("fay"), w.victim, w.eve}
	c.follows(c.friend, c.victim)
	c.knows(c.eve)
	return c
}

// posted is a post of an actor that is kept here and served there.
func (n *node) posted(a *actor, name string, fields ...obj) obj {
	n.t.Helper()
	doc := a.publish(a.note(name, "as "+name+" was", fields...))
	n.take(a, a.act("Create", doc, obj{"to": doc["to"], "cc": doc["cc"]}))
	n.stored(doc["id"].(string))
	return doc
}

// TestWhoseObjectItIs has a subtest for each row of that name in the list of attacks that other servers fell to.
func TestWhoseObjectItIs(t *testing.T) {
	t.Run("CVE-2024-23832: a document is compared with its own id", func(t *testing.T) {
		w := newCircle(t)
		w.eve.serve("/x", merge(obj{}, w.victim.doc, obj{"name": "pwned"}))
		w.few(w.unchanged(func() {
			a, _, err := w.resolver.Any(t.Context(), w.eve.url("/x"))
			if err == nil && a.Name == "pwned" {
				t.Errorf("the attacker's document stands for the victim: %+v", a)
			}
			// The victim's own server was asked, and its word counts.
			if err != nil || a.URI != w.victim.uri {
				t.Errorf("%+v, %v", a, err)
			}
		}))
		w.eve.serve("/y", w.victim.note("1", "forged"))
		w.few(w.unchanged(func() { w.post(w.friend, w.friend.act("Announce", w.eve.url("/y"))) }))
	})
	t.Run("CVE-2024-52591, CVE-2025-25306: bounces, and ids that are none", func(t *testing.T) {
		forged := func(w circle) obj { return w.victim.note("1", "forged") }
		for name, c := range map[string]struct {
			at   string
			doc  func(w circle) any
			says string
		}{
			"redirect to the victim and back": {"/x", func(w circle) any {
				w.victim.serve("/notes/1", redirectTo(w.eve.url("/y")))
				w.eve.serve("/y", forged(w))
				return redirectTo(w.victim.url("/notes/1"))
			}, ""},
			"redirect to another of its own": {"/x", func(w circle) any {
				w.eve.serve("/y", forged(w))
				return redirectTo(w.eve.url("/y"))
			}, ""},
			"id in a list": {"/x", func(w circle) any {
				return merge(forged(w), obj{"id": []any{w.victim.url("/notes/1")}})
			}, ""},
			"id null":    {"/x", func(w circle) any { return merge(forged(w), obj{"id": []any{nil}}) }, ""},
			"id missing": {"/x", func(w circle) any { return merge(forged(w), obj{"id": nil}) }, ""},
			"foreign author": {"/x", func(w circle) any {
				return merge(forged(w), obj{"id": w.eve.url("/x")})
			}, ""},
			"foreign items": {"/x", func(w circle) any {
				return obj{"id": w.eve.url("/x"), "type": "OrderedCollection", "orderedItems": []any{forged(w)}}
			}, ""},
		} {
			t.Run(name, func(t *testing.T) {
				w := newCircle(t)
				w.eve.serve(c.at, c.doc(w))
				requests := w.unchanged(func() { w.post(w.friend, w.friend.act("Announce", w.eve.url(c.at))) })
				if w.few(requests); len(requests) == 0 {
					t.Error("the node asked nobody")
				}
				w.absent(w.victim.url("/notes/1"))
			})
		}
		// Somewhere else on the same server is not where it was said to be either.
		w := newCircle(t)
		w.friend.publish(w.friend.note("1", "x"))
		w.friend.serve("/x", redirectTo(w.friend.url("/notes/1")))
		w.unchanged(func() {
			w.post(w.friend, w.friend.act("Create", w.friend.url("/x")))
			w.post(w.friend, w.friend.act("Announce", w.friend.url("/x")))
		})
		// The same in what is sent.
		for _, id := range []any{[]any{w.victim.url("/notes/1")}, []any{w.eve.url("/notes/1"), w.victim.url("/notes/1")}, nil, 7, obj{"id": w.victim.url("/notes/1")}} {
			note := w.friend.note("1", "x")
			note["id"] = id
			w.silent(w.unchanged(func() { w.post(w.friend, w.friend.act("Create", note)) }))
		}
	})
	t.Run("Akkoma 2024.03: an upload and a redirect pose as the domain", func(t *testing.T) {
		w := newCircle(t)
		w.victim.serve("/media/1", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Type", "application/json")
			rw.Write(encode(t, merge(w.victim.note("1", "forged"), obj{"id": w.victim.url("/media/1")})))
		}))
		w.victim.serve("/redir", redirectTo(w.eve.url("/y")))
		w.eve.serve("/y", merge(w.victim.note("1", "forged"), obj{"id": w.victim.url("/redir?u=" + w.eve.url("/y"))}))
		for _, uri := range []string{w.victim.url("/media/1"), w.victim.url("/redir?u=" + w.eve.url("/y")), w.eve.url("/y")} {
			w.few(w.unchanged(func() { w.post(w.friend, w.friend.act("Announce", uri)) }))
			w.few(w.unchanged(func() { w.post(w.victim, w.victim.act("Create", uri)) }))
		}
	})
	t.Run("CVE-2024-37903: a Create that names another's post", func(t *testing.T) {
		w := newCircle(t)
		private := w.posted(w.victim, "1", obj{"to": []any{w.victim.uri + "/followers"}, "cc": nil})
		w.silent(w.unchanged(func() {
			w.post(w.eve, w.eve.act("Create", private["id"], obj{"to": []any{vocab.PublicIRI, w.ids.Owner()}}))
			w.post(w.eve, w.eve.act("Create", merge(obj{}, private, obj{"to": []any{vocab.PublicIRI}})))
			w.post(w.eve, w.eve.act("Create", merge(obj{}, private, obj{"attributedTo": []any{w.eve.uri, w.victim.uri}})))
			w.post(w.eve, w.eve.act("Create", merge(w.eve.note("2", "x"), obj{"attributedTo": w.victim.uri})))
			// Nor does the author's own second Create change what is kept.
			w.post(w.victim, w.victim.act("Create", merge(obj{}, private, obj{"to": []any{vocab.PublicIRI}, "content": "else"})))
		}))
		// Two of one server, one of whom the owner follows.
		mallory := w.victim.peer.person("mallory")
		w.follows(mallory)
		w.silent(w.unchanged(func() {
			w.post(mallory, mallory.act("Create", merge(obj{}, private, obj{"to": []any{vocab.PublicIRI}})))
			w.post(mallory, mallory.act("Create", merge(obj{}, private, obj{"attributedTo": mallory.uri, "content": "else"})))
		}))
	})
	t.Run("Hollo 0.8.5: anyone deletes, updates, announces a forged body", func(t *testing.T) {
		w := newCircle(t)
		post := w.posted(w.victim, "1")
		mallory := w.victim.peer.person("mallory")
		w.follows(mallory)
		// Somebody else's word makes the node neither look for a new version, nor take one that is the author's too.
		w.silent(w.unchanged(func() {
			for _, who := range []*actor{w.eve, w.friend, mallory} {
				w.post(who, who.act("Update", post["id"]))
				for _, by := range []any{who.uri, []any{w.victim.uri, who.uri}, []any{who.uri, w.victim.uri}} {
					w.post(who, who.act("Update", merge(obj{}, post, obj{"content": "forged", "attributedTo": by})))
				}
			}
		}))
		w.victim.offline()
		fresh := w.victim.note("2", "forged")
		for _, who := range []*actor{w.eve, w.friend, mallory} {
			w.unchanged(func() {
				w.post(who, who.act("Delete", post["id"]))
				w.post(who, who.act("Delete", obj{"id": post["id"], "type": "Tombstone"}))
				w.post(who, who.act("Delete", w.victim.uri))
				w.post(who, who.act("Delete", w.victim.doc))
				w.post(who, who.act("Update", merge(obj{}, post, obj{"content": "forged"})))
				w.post(who, who.act("Update", fresh))
				w.post(who, who.act("Update", merge(obj{}, w.victim.doc, obj{"name": "forged"})))
				key := obj{"id": w.victim.keyID, "owner": w.victim.uri, "publicKeyPem": who.doc["publicKey"].(obj)["publicKeyPem"]}
				w.post(who, who.act("Update", merge(obj{}, w.victim.doc, obj{"preferredUsername": who.doc["preferredUsername"], "publicKey": key})))
				w.post(who, who.act("Announce", fresh))
				w.post(who, who.act("Announce", w.victim.act("Create", fresh)))
				w.post(who, who.act("Create", w.victim.act("Create", fresh)))
			})
		}
		w.absent(fresh["id"].(string))
		// The author's own Update makes no post either, and its Delete does delete.
		w.silent(w.unchanged(func() { w.post(w.victim, w.victim.act("Update", fresh)) }))
		w.take(w.victim, w.victim.act("Delete", post["id"]))
		if w.stored(post["id"].(string)).DeletedAt.IsZero() {
			t.Error("the author cannot delete")
		}
	})
	t.Run("GHSA-39gj: one copy is verified, another processed", func(t *testing.T) {
		w := newCircle(t)
		real := w.victim.publish(w.victim.note("1", "real"))
		w.take(w.friend, w.friend.act("Announce", merge(obj{}, real, obj{"content": "forged"})))
		if p := w.stored(real["id"].(string)); p.Content != "<p>real</p>" {
			t.Errorf("kept: %s", p.Content)
		}
		equal(t, "timeline", w.timeline(), w.friend.uri+" "+real["id"].(string))
	})
	t.Run("Misskey GHSA-5h8r: votes are negative, a poll is replaced", func(t *testing.T) {
		w := newCircle(t)
		option := func(name string, votes any) obj {
			return obj{"type": "Note", "name": name, "replies": obj{"type": "Collection", "totalItems": votes}}
		}
		question := obj{"type": "Question", "oneOf": []any{option("a", -5), option("b", 2)}, "votersCount": -3}
		doc := w.posted(w.victim, "1", question)
		poll := func() string {
			p, err := w.db.Poll(t.Context(), doc["id"].(string))
			if err != nil {
				t.Fatal(err)
			}
			return fmt.Sprint(p.Options, p.Voters, p.Multiple)
		}
		if got := poll(); got != "[{a 0} {b 2}] 0 false" {
			t.Errorf("poll: %s", got)
		}
		update := func(fields obj) {
			w.take(w.victim, w.victim.act("Update", merge(obj{}, doc, fields)))
		}
		update(obj{"oneOf": []any{option("a", 3), option("b", -1)}, "votersCount": 3})
		if got := poll(); got != "[{a 3} {b 0}] 3 false" {
			t.Errorf("new counts: %s", got)
		}
		w.unchanged(func() {
			update(obj{"oneOf": []any{option("b", 9), option("a", 9)}})
			update(obj{"oneOf": []any{option("a", 9), option("b", 9), option("c", 9)}})
			update(obj{"oneOf": []any{option("a", 9)}})
			update(obj{"oneOf": nil, "anyOf": []any{option("a", 9), option("b", 9)}})
			update(obj{"type": "Note", "oneOf": nil, "content": "no poll at all"})
		})
	})
	t.Run("Iceshrimp 2024: the url is on another host", func(t *testing.T) {
		w := newCircle(t)
		doc := w.posted(w.friend, "1", obj{"url": "http://bank.example/notes/1"})
		if p := w.stored(doc["id"].(string)); p.URL != "" {
			t.Errorf("url %s", p.URL)
		}
	})
	t.Run("Misskey 2024 #14: an actor's inbox elsewhere", func(t *testing.T) {
		for _, inbox := range []any{"http://127.0.0.3/inbox", "mailto:eve@eve.example", []any{"http://eve.example/inbox"},
			obj{"id": "http://eve.example/inbox"}, "http://victim.example/users/vic/inbox", nil, 7, "http://eve.example@127.0.0.3/"} {
			w := newCircle(t)
			w.silent(w.unchanged(func() {
				w.post(w.eve, w.eve.act("Update", merge(obj{}, w.eve.doc, obj{"inbox": inbox})))
			}))
			stranger := newPeer(t, w.net, "stranger.example").person("s")
			stranger.doc["inbox"] = inbox
			w.refused(stranger.signed(encode(t, w.hello(stranger, "1")), httpsig.Cavage), 1)
		}
		w := newCircle(t)
		lists := obj{"followers": "http://victim.example/users/vic/followers", "featured": "http://127.0.0.3/f",
			"endpoints": obj{"sharedInbox": "http://127.0.0.3/inbox"}}
		w.take(w.eve, w.eve.act("Update", merge(obj{}, w.eve.doc, lists)))
		a, err := w.db.Actor(t.Context(), w.eve.uri)
		if err != nil || a.Followers != "" || a.Featured != "" || a.SharedInbox != "" {
			t.Errorf("%+v, %v", a, err)
		}
	})
	t.Run("Mastodon da4e55eb: one invalid inbox stops delivery to all", func(t *testing.T) {
		w := newCircle(t)
		inboxes := []string{"mailto:x", w.friend.uri + "/inbox", "http://bad host/", "", w.victim.uri + "/inbox"}
		w.write(func(ctx context.Context, tx storage.Tx) error {
			doc, err := vocab.Object(obj{"id": "http://" + home + "/a", "type": "Announce", "actor": w.ids.Owner(), "object": "http://" + home + "/o"}).Marshal()
			if err != nil {
				return err
			}
			return w.queue.Enqueue(ctx, tx, &storage.Act{URI: "http://" + home + "/a", Type: "Announce", Actor: w.ids.Owner(),
				Document: string(doc), CreatedAt: storage.Now(), ReleaseAt: storage.Now()}, inboxes)
		})
		if _, err := w.queue.ProcessBatch(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(w.friend.received()) != 1 || len(w.victim.received()) != 1 {
			t.Error("a bad inbox kept an act from the others")
		}
	})
	t.Run("CVE-2025-30741, Pleroma 2.0.3: a Follow counts as accepted, an Accept from the wrong actor", func(t *testing.T) {
		w := newTrio(t)
		w.knows(w.victim, w.eve)
		id := w.follow(w.ids.Owner(), w.victim.uri, storage.Pending)
		follow := obj{"id": id, "type": "Follow", "actor": w.ids.Owner(), "object": w.victim.uri}
		w.silent(w.unchanged(func() {
			for _, kind := range []string{"Accept", "Reject"} {
				w.post(w.eve, w.eve.act(kind, id))
				w.post(w.eve, w.eve.act(kind, follow))
				w.post(w.eve, w.eve.act(kind, merge(obj{}, follow, obj{"object": w.eve.uri})))
				w.post(w.eve, w.eve.act(kind, w.victim.act(kind, follow)))
				w.post(w.victim, w.victim.act(kind, w.ids.Activity("other")))
				w.post(w.victim, w.victim.act(kind, obj{"type": "Follow", "actor": w.eve.uri, "object": w.victim.uri}))
			}
		}))
		// A Follow the other way says nothing about ours, and a post is not shown before the answer.
		w.take(w.victim, w.victim.act("Follow", w.ids.Owner()))
		w.take(w.victim, w.victim.act("Create", w.victim.note("1", "x")))
		w.absent(w.victim.url("/notes/1"))
		w.take(w.victim, w.victim.act("Accept", id))
		if f, err := w.db.Follow(t.Context(), w.ids.Owner(), w.victim.uri); err != nil || f.State != storage.Accepted {
			t.Errorf("the right Accept: %+v, %v", f, err)
		}
	})
	t.Run("Mastodon quotes, CVE-2026-33869: a forged approval", func(t *testing.T) {
		w := newCircle(t)
		post := w.posted(w.victim, "1")
		stamp := obj{"id": w.eve.url("/stamp"), "type": "QuoteAuthorization", "attributedTo": w.victim.uri,
			"interactingObject": w.eve.url("/notes/1"), "interactionTarget": post["id"]}
		w.eve.serve("/stamp", stamp)
		// Quotes are links here: there is no approval to be had, and so none to be forged or fetched.
		requests := w.net.during(func() {
			w.take(w.eve, w.eve.act("Create", w.eve.note("1", "look", obj{"quote": post["id"], "quoteAuthorization": stamp["id"]})))
		})
		w.silent(requests)
		w.unchanged(func() {
			w.post(w.eve, w.eve.act("QuoteRequest", post["id"], obj{"instrument": w.eve.url("/notes/1")}))
			w.post(w.eve, w.eve.act("Accept", obj{"type": "QuoteRequest", "id": w.ids.Activity("q"), "actor": w.ids.Owner(), "object": post["id"]}, obj{"result": stamp["id"]}))
		})
	})
	t.Run("CVE-2026-23961: somebody blocked returns", func(t *testing.T) {
		w := newCircle(t)
		mine := w.own(storage.Public)
		note := w.eve.publish(w.eve.note("1", "hello"))
		kept := w.posted(w.eve, "2", obj{"to": []any{vocab.PublicIRI, w.ids.Owner()}})
		w.relate(w.eve, storage.Block)
		w.unchanged(func() {
			w.silent(w.net.during(func() {
				w.post(w.eve, w.eve.act("Create", note["id"], obj{"to": w.ids.Owner()}))
				w.settle()
			}))
			w.post(w.eve, w.eve.act("Follow", w.ids.Owner()))
			w.post(w.eve, w.eve.act("Like", mine.URI))
			w.post(w.eve, w.eve.act("EmojiReact", mine.URI, obj{"content": "x"}))
			w.post(w.eve, w.eve.act("Announce", mine.URI))
			w.post(w.eve, w.eve.act("Update", merge(obj{}, w.eve.doc, obj{"name": "new"})))
			w.post(w.eve, w.eve.act("Update", merge(obj{}, kept, obj{"content": "new"})))
			w.post(w.eve, w.hello(w.eve, "3"))
			w.post(w.eve, w.eve.act("Flag", mine.URI))
			w.post(w.friend, w.friend.act("Announce", note["id"]))
			w.post(w.friend, w.friend.act("Announce", kept["id"]))
		})
		// What takes back still does.
		w.take(w.eve, w.eve.act("Delete", kept["id"]))
		if w.stored(kept["id"].(string)).DeletedAt.IsZero() {
			t.Error("somebody blocked cannot delete what they wrote")
		}
	})
	t.Run("FEP-fe34: origins", func(t *testing.T) {
		w := newCircle(t)
		for id, same := range map[string]bool{
			"http://friend.example/n/1": true, "http://friend.example:80/n/2": true, "http://FRIEND.example/n/3": true,
			"https://friend.example/n/4": false, "http://friend.example:8080/n/5": false, "http://sub.friend.example/n/6": false,
			"http://example/n/7": false, "http://friend.example.eve.example/n/8": false, "http://friend.example@eve.example/n/9": false,
			"http://eve.example/friend.example/n/10": false, "http://friend.example\\@eve.example/n/11": false, "//friend.example/n/12": false,
			"http://user@friend.example/n/13": false, "friend.example/n/14": false, "http:friend.example/n/15": false,
		} {
			w.post(w.friend, w.friend.act("Create", w.friend.note("x", "x", obj{"id": id})))
			w.settle()
			if _, err := w.db.Post(t.Context(), id); (err == nil) != same || err != nil && !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("%s: kept %v, %v", id, err == nil, err)
			}
		}
	})
}

func TestAnEditStaysWithinItsPost(t *testing.T) {
	w := newCircle(t)
	doc := w.posted(w.victim, "1", obj{"to": []any{w.victim.uri + "/followers"}, "cc": nil})
	before := w.stored(doc["id"].(string))
	edit := merge(obj{}, doc, obj{"content": "<p>edited</p>", "to": []any{vocab.PublicIRI}, "published": "2001-01-01T00:00:00Z",
		"updated": time.Now().Add(-time.Minute).UTC().Format(time.RFC3339), "attributedTo": []any{w.victim.uri, w.eve.uri}, "inReplyTo": w.eve.url("/n")})
	w.take(w.victim, w.victim.act("Update", edit))
	after := w.stored(doc["id"].(string))
	if after.Content != "<p>edited</p>" || after.Updated.IsZero() {
		t.Errorf("not edited: %+v", after)
	}
	if after.Visibility != before.Visibility || after.Author != before.Author || !after.Published.Equal(before.Published.Time) ||
		!after.CreatedAt.Equal(before.CreatedAt.Time) || after.InReplyTo != "" || after.Conversation != before.Conversation || after.Token != before.Token {
		t.Errorf("an edit changed more than words:\n%+v\n%+v", before, after)
	}
	// One that says that it is older.
	old := merge(obj{}, edit, obj{"content": "older", "updated": "2020-01-02T00:00:00Z"})
	w.silent(w.unchanged(func() { w.post(w.victim, w.victim.act("Update", old)) }))
	if !strings.Contains(w.stored(doc["id"].(string)).Content, "edited") {
		t.Error("an older version won")
	}
	// One that was its author's when it was prepared, and is not when it takes effect: the post is another one by then.
	other := *after
	other.Author, other.Content = w.eve.uri, "forged"
	w.unchanged(func() {
		w.write(func(ctx context.Context, tx storage.Tx) error { return w.in.revise(ctx, tx, &other, nil) })
	})
}

func TestDeletedActorsAreForgotten(t *testing.T) {
	w := newCircle(t)
	mine := w.own(storage.Public)
	for i := range 3 {
		w.posted(w.victim, fmt.Sprint(i))
	}
	w.take(w.victim, w.victim.act("Follow", w.ids.Owner()))
	w.take(w.victim, w.victim.act("Like", mine.URI))
	w.post(w.victim, w.victim.act("Delete", w.victim.uri))
	// What was under way has no effect any more.
	w.post(w.victim, w.victim.act("Update", w.victim.doc))
	w.post(w.victim, w.victim.act("Follow", w.ids.Owner()))
	w.post(w.victim, w.hello(w.victim, "late"))
	w.settle()
	w.absent(w.victim.url("/notes/late"))
	if _, err := w.resolver.Actor(t.Context(), w.victim.uri); !errors.Is(err, resolve.ErrGone) {
		t.Errorf("the actor: %v", err)
	}
	for i := range 3 {
		if p := w.stored(w.victim.url(fmt.Sprintf("/notes/%d", i))); p.DeletedAt.IsZero() || p.Content != "" {
			t.Errorf("a post is left: %+v", p)
		}
	}
	equal(t, "timeline", w.timeline())
	equal(t, "notifications", w.notified())
	if followers, err := w.db.Followers(t.Context(), w.ids.Owner(), ""); len(followers) != 0 || err != nil {
		t.Errorf("followers: %v, %v", followers, err)
	}
}
