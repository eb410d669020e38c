package inbox

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/dunnock-server/dunnock/storage"
)

func TestReactionsToOwnPosts(t *testing.T) {
	w := newCircle(t)
	post := w.own(storage.Public).URI
	for _, c := range []struct {
		act  obj
		want string
	}{
		{w.eve.act("Like", post), "like " + w.eve.uri + " " + post},
		{w.eve.act("Announce", post), "boost " + w.eve.uri + " " + post},
		{w.eve.act("EmojiReact", post, obj{"content": "🐦"}), "react " + w.eve.uri + " " + post + " 🐦"},
		{w.eve.act("Like", post, obj{"content": ":bird:"}), "react " + w.eve.uri + " " + post + " :bird:"},
		{w.eve.act("Like", post, obj{"_misskey_reaction": "👍"}), "react " + w.eve.uri + " " + post + " 👍"},
		{w.friend.act("Like", obj{"id": post, "type": "Note"}), "like " + w.friend.uri + " " + post},
		{w.friend.act("EmojiReact", post, obj{"content": "<script>x</script>&#128038;"}), "react " + w.friend.uri + " " + post + " 🐦"},
		{w.friend.act("EmojiReact", post, obj{"content": strings.Repeat("x", 1000)}), ""},
	} {
		from := w.eve
		if c.act["actor"] == w.friend.uri {
			from = w.friend
		}
		before := w.notified()
		w.silent(w.net.during(func() { w.take(from, c.act) }))
		if c.want == "" {
			equal(t, "notifications", w.notified(), before...)
			continue
		}
		equal(t, "notifications", w.notified(), append([]string{c.want}, before...)...)
	}
	equal(t, "timeline", w.timeline())
	reactions, err := w.db.Reactions(t.Context(), post)
	if err != nil || len(reactions) != 7 {
		t.Errorf("%d reactions, %v", len(reactions), err)
	}
}

// TestReactionsOnlyToWhatTheActorMaySee: who may not see a post cannot react to it, and cannot learn that it is there.
func TestReactionsOnlyToWhatTheActorMaySee(t *testing.T) {
	w := newCircle(t)
	w.follow(w.friend.uri, w.ids.Owner(), storage.Accepted)
	w.follow(w.victim.uri, w.ids.Owner(), storage.Pending)
	followers, direct := w.own(storage.Followers), w.own(storage.Direct)
	unreleased := w.own(storage.Public, func(p *storage.Post) { p.ReleaseAt = storage.Time{} })
	gone := w.own(storage.Public)
	w.write(func(ctx context.Context, tx storage.Tx) error { return tx.BuryPost(ctx, gone.URI, storage.Now()) })
	w.silent(w.unchanged(func() {
		for _, kind := range []string{"Like", "Announce", "EmojiReact"} {
			for _, a := range []*actor{w.eve, w.victim} {
				for _, uri := range []string{followers.URI, direct.URI, unreleased.URI, gone.URI, w.ids.Post("none"), w.ids.Owner(), w.ids.Media("x")} {
					w.post(a, a.act(kind, uri, obj{"content": "x"}))
				}
			}
			w.post(w.friend, w.friend.act(kind, direct.URI))
		}
	}))
	w.take(w.friend, w.friend.act("Like", followers.URI))
	equal(t, "notifications", w.notified(), "like "+w.friend.uri+" "+followers.URI)
}

func TestMutedReactionsAreCountedSilently(t *testing.T) {
	w := newCircle(t)
	post := w.own(storage.Public).URI
	w.relate(w.eve, storage.Mute)
	w.take(w.eve, w.eve.act("Like", post))
	equal(t, "notifications", w.notified())
	if all, err := w.db.Reactions(t.Context(), post); err != nil || len(all) != 1 {
		t.Errorf("%v, %v", all, err)
	}
}

func TestBoostsByFriends(t *testing.T) {
	w := newCircle(t)
	stranger := newPeer(t, w.net, "stranger.example").person("s")
	note := stranger.publish(stranger.note("1", "x"))
	uri := note["id"].(string)
	requests := w.net.during(func() { w.take(w.friend, w.friend.act("Announce", uri)) })
	if len(requests) > 3 {
		t.Errorf("the node asked: %v", requests)
	}
	w.silent(w.net.during(func() { w.take(w.victim, w.victim.act("Announce", uri)) }))
	equal(t, "timeline", w.timeline(), w.victim.uri+" "+uri, w.friend.uri+" "+uri)
	equal(t, "notifications", w.notified())

	followers := stranger.publish(stranger.note("2", "x", obj{"to": []any{stranger.uri + "/followers"}, "cc": nil}))
	direct := stranger.publish(stranger.note("3", "x", obj{"to": []any{w.ids.Owner()}, "cc": nil}))
	w.unchanged(func() {
		w.post(w.friend, w.friend.act("Announce", followers["id"]))
		w.post(w.friend, w.friend.act("Announce", direct["id"]))
		w.post(w.friend, w.friend.act("Announce", stranger.uri))
		w.post(w.friend, w.friend.act("Announce", []any{uri, followers["id"]}))
	})
	// One's own for followers.
	own := w.posted(w.friend, "4", obj{"to": []any{w.friend.uri + "/followers"}, "cc": nil})
	w.take(w.friend, w.friend.act("Announce", own["id"]))
	equal(t, "timeline", w.timeline()[:1], w.friend.uri+" "+own["id"].(string))
	w.unchanged(func() { w.post(w.victim, w.victim.act("Announce", own["id"])) })

	before := w.timeline()
	w.relate(stranger, storage.Mute)
	w.take(w.friend, w.friend.act("Announce", stranger.publish(stranger.note("5", "x"))["id"]))
	w.relate(w.friend, storage.Mute)
	w.take(w.friend, w.friend.act("Announce", w.victim.publish(w.victim.note("6", "x"))["id"]))
	equal(t, "timeline", w.timeline(), before...)
}

func TestPins(t *testing.T) {
	w := newCircle(t)
	kept := w.posted(w.friend, "1")["id"].(string)
	other := w.friend.publish(w.friend.note("2", "x"))["id"].(string)
	target := obj{"target": w.friend.uri + "/featured"}
	foreign := w.posted(w.victim, "3")["id"].(string)
	w.unchanged(func() {
		w.post(w.friend, w.friend.act("Add", kept))
		w.post(w.friend, w.friend.act("Add", kept, obj{"target": w.victim.uri + "/featured"}))
		w.post(w.friend, w.friend.act("Add", kept, obj{"target": w.ids.Featured()}))
		w.post(w.friend, w.friend.act("Add", foreign, target))
		w.post(w.victim, w.victim.act("Add", foreign, target))
		w.post(w.victim, w.victim.act("Add", kept, obj{"target": w.victim.uri + "/featured"}))
		w.post(w.eve, w.eve.act("Add", w.eve.publish(w.eve.note("1", "x"))["id"], obj{"target": w.eve.uri + "/featured"}))
	})
	w.take(w.friend, w.friend.act("Add", kept, target))
	requests := w.net.during(func() { w.take(w.friend, w.friend.act("Add", other, target)) })
	equal(t, "requests", requests, "GET "+other)
	w.unchanged(func() { w.post(w.victim, w.victim.act("Remove", kept, target)) })
	if pins, err := w.db.Pins(t.Context(), w.friend.uri); err != nil || len(pins) != 2 {
		t.Errorf("%v, %v", pins, err)
	}
	w.take(w.friend, w.friend.act("Remove", kept, target))
	if pins, err := w.db.Pins(t.Context(), w.friend.uri); err != nil || len(pins) != 1 || pins[0].Post != other {
		t.Errorf("%v, %v", pins, err)
	}
}

func TestFlagIsShownToTheOwner(t *testing.T) {
	w := newCircle(t)
	post := w.own(storage.Public).URI
	w.take(w.eve, w.eve.act("Flag", []any{w.ids.Owner(), w.ids.Post("none"), post}, obj{"content": "<b>spam</b>\nand more"}))
	w.take(w.friend, w.friend.act("Flag", w.ids.Owner()))
	equal(t, "notifications", w.notified(), "flag "+w.friend.uri+" "+w.ids.Owner(), "flag "+w.eve.uri+" "+post+" spam and more")
	w.silent(w.unchanged(func() { w.post(w.eve, w.eve.act("Flag", []any{w.victim.uri, w.ids.Post("none")})) }))
}

func TestMoveAsksTheOwner(t *testing.T) {
	w := newCircle(t)
	next := newPeer(t, w.net, "next.example").person("fay")
	target := obj{"target": next.uri}
	w.unchanged(func() { // the new account does not know of it
		w.post(w.friend, w.friend.act("Move", w.friend.uri, target))
		w.post(w.friend, w.friend.act("Move", w.victim.uri, target))
		w.post(w.eve, w.eve.act("Move", w.friend.uri, target))
		w.post(w.friend, w.friend.act("Move", w.friend.uri, obj{"target": w.ids.Owner()}))
	}, "actors", "actor_keys")
	next.doc["alsoKnownAs"] = []any{w.friend.uri}
	w.unchanged(func() {
		w.post(w.friend, w.friend.act("Move", w.victim.uri, target))
		w.post(w.victim, w.victim.act("Move", w.victim.uri, target))
		w.post(w.friend, w.friend.act("Move", w.friend.uri))
	}, "actors", "actor_keys")
	w.take(w.friend, w.friend.act("Move", w.friend.uri, target))
	equal(t, "notifications", w.notified(), "move "+w.friend.uri+" "+w.friend.uri+" "+next.uri)
	if a, b := w.between(w.ids.Owner(), w.friend.uri), w.between(w.ids.Owner(), next.uri); a != storage.Accepted || b != "" {
		t.Errorf("follows changed by themselves: %q %q", a, b)
	}
}

func TestGroups(t *testing.T) {
	w := newCircle(t)
	group := newPeer(t, w.net, "group.example").actor("birds", "Group")
	w.follows(group)
	member := newPeer(t, w.net, "member.example").person("m")
	page := member.publish(member.note("1", "a page", obj{"type": "Page", "name": "title"}))
	uri := page["id"].(string)
	announce := func(inner any) obj { return group.act("Announce", inner) }

	// The post is what its own server says, whatever the group embeds.
	w.take(group, announce(member.act("Create", merge(obj{}, page, obj{"content": "forged"}))))
	if p := w.stored(uri); p.Content != "<p>a page</p>" || p.Author != member.uri {
		t.Errorf("kept: %+v", p)
	}
	equal(t, "timeline", w.timeline(), group.uri+" "+uri)

	comment := member.publish(member.note("2", "a comment", obj{"inReplyTo": uri}))
	w.take(group, announce(member.act("Create", comment)))
	w.stored(comment["id"].(string))
	equal(t, "timeline", w.timeline(), group.uri+" "+uri)

	mine := w.own(storage.Public)
	answer := member.publish(member.note("3", "to the owner", obj{"inReplyTo": mine.URI}))
	w.take(group, announce(member.act("Create", answer)))
	equal(t, "notifications", w.notified(), "reply "+member.uri+" "+answer["id"].(string))

	quiet := newPeer(t, w.net, "quiet.example").person("q")
	w.knows(quiet)
	w.relate(quiet, storage.Mute)
	w.take(group, announce(quiet.act("Create", quiet.publish(quiet.note("1", "x", obj{"inReplyTo": mine.URI})))))
	w.stored(quiet.url("/notes/1"))
	equal(t, "notifications", w.notified(), "reply "+member.uri+" "+answer["id"].(string))

	// Posts and activities by reference.
	plain := member.publish(member.note("4", "by id"))
	w.take(group, announce(plain["id"]))
	create := member.act("Create", member.publish(member.note("5", "in an activity by id")))
	member.serve(strings.TrimPrefix(create["id"].(string), "http://member.example"), create)
	w.take(group, announce(create["id"]))
	equal(t, "timeline", w.timeline(), group.uri+" "+member.url("/notes/5"), group.uri+" "+plain["id"].(string), group.uri+" "+uri)

	// An edit counts as its author's server has it; a deletion, if the post is gone there.
	w.unchanged(func() {
		w.post(group, announce(member.act("Update", merge(obj{}, page, obj{"content": "forged"}))))
		w.post(group, announce(member.act("Delete", uri)))
		w.post(group, announce(member.act("Delete", member.uri)))
		w.post(group, announce(member.act("Update", w.eve.note("x", "not kept"))))
		w.post(group, announce(member.act("Like", uri)))
		w.post(group, announce(member.act("Undo", member.act("Like", uri))))
		w.post(group, announce(member.act("Delete", mine.URI)))
		w.post(group, announce(member.act("Update", obj{"id": mine.URI, "type": "Note"})))
		w.post(group, announce(member.act("Create", mine.URI)))
		w.post(w.eve, w.eve.act("Announce", member.act("Delete", uri)))
	})
	member.publish(merge(obj{}, page, obj{"content": "<p>edited</p>"}))
	w.take(group, announce(member.act("Update", uri)))
	w.take(group, announce(member.act("Update", page)))
	if p := w.stored(uri); p.Content != "<p>edited</p>" {
		t.Errorf("kept: %s", p.Content)
	}
	member.serve("/notes/1", http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusGone) }))
	w.take(group, announce(member.act("Delete", uri)))
	if p := w.stored(uri); p.DeletedAt.IsZero() {
		t.Error("what is gone at its origin is still here")
	}
	member.publish(obj{"id": plain["id"], "type": "Tombstone"})
	w.take(group, announce(member.act("Delete", obj{"id": plain["id"], "type": "Tombstone"})))
	if p := w.stored(plain["id"].(string)); p.DeletedAt.IsZero() {
		t.Error("what is a Tombstone at its origin is still here")
	}
	// Somebody blocked does not come in through a group.
	w.relate(member, storage.Block)
	w.unchanged(func() {
		w.post(group, announce(member.act("Create", member.publish(member.note("6", "x")))))
		w.post(group, announce(member.url("/notes/5")))
	})
}
