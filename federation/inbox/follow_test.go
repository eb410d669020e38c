package inbox

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dunnock-server/dunnock/federation/httpsig"
	"github.com/dunnock-server/dunnock/storage"
)

// state of a follow; empty when there is none.
func (n *node) between(follower, followee string) storage.FollowState {
	n.t.Helper()
	f, err := n.db.Follow(n.t.Context(), follower, followee)
	if errors.Is(err, storage.ErrNotFound) {
		return ""
	}
	if err != nil {
		n.t.Fatal(err)
	}
	return f.State
}

// deliver sends what the node has to say.
func (n *node) deliver() {
	n.t.Helper()
	if _, err := n.queue.ProcessBatch(n.t.Context()); err != nil {
		n.t.Fatal(err)
	}
}

func TestFollowIsAcceptedWithTheWholeFollow(t *testing.T) {
	w := newTrio(t)
	follow := w.eve.act("Follow", w.ids.Owner())
	w.take(w.eve, follow)
	if s := w.between(w.eve.uri, w.ids.Owner()); s != storage.Accepted {
		t.Fatalf("follow: %q", s)
	}
	equal(t, "notifications", w.notified(), "follow "+w.eve.uri+" "+w.ids.Owner())
	w.deliver()
	got := w.eve.received()
	if len(got) != 1 || got[0].Type() != "Accept" || got[0].IRI("actor") != w.ids.Owner() {
		t.Fatalf("eve's server got %v", got)
	}
	inner, _ := got[0].Object("object")
	if inner.ID() != follow["id"] || inner.Type() != "Follow" || inner.IRI("actor") != w.eve.uri || inner.IRI("object") != w.ids.Owner() {
		t.Errorf("the Accept embeds %v", inner)
	}
	// Who asks again under another id is answered again, and is no news to the owner.
	w.take(w.eve, w.eve.act("Follow", w.ids.Owner()))
	w.deliver()
	if got := w.eve.received(); len(got) != 1 || got[0].Type() != "Accept" {
		t.Errorf("asked again, eve's server got %v", got)
	}
	equal(t, "notifications", w.notified(), "follow "+w.eve.uri+" "+w.ids.Owner())
}

func TestFollowOfALockedProfileWaits(t *testing.T) {
	w := newTrio(t)
	w.write(func(ctx context.Context, tx storage.Tx) error {
		return tx.SetProfile(ctx, &storage.Profile{Locked: true})
	})
	follow := w.eve.act("Follow", w.ids.Owner())
	w.take(w.eve, follow)
	if s := w.between(w.eve.uri, w.ids.Owner()); s != storage.Pending {
		t.Fatalf("follow: %q", s)
	}
	w.deliver()
	if got := w.eve.received(); len(got) != 0 {
		t.Errorf("eve's server got %v", got)
	}
	equal(t, "notifications", w.notified(), "follow_request "+w.eve.uri+" "+w.ids.Owner())
	w.take(w.eve, w.eve.act("Undo", follow))
	if s := w.between(w.eve.uri, w.ids.Owner()); s != "" {
		t.Errorf("follow: %q", s)
	}
	equal(t, "notifications", w.notified())
}

// TestLockingLater: who follows already stays, and is answered again.
func TestLockingLater(t *testing.T) {
	w := newTrio(t)
	w.take(w.eve, w.eve.act("Follow", w.ids.Owner()))
	w.write(func(ctx context.Context, tx storage.Tx) error {
		return tx.SetProfile(ctx, &storage.Profile{Locked: true})
	})
	w.take(w.eve, w.eve.act("Follow", w.ids.Owner()))
	if s := w.between(w.eve.uri, w.ids.Owner()); s != storage.Accepted {
		t.Errorf("follow: %q", s)
	}
	equal(t, "notifications", w.notified(), "follow "+w.eve.uri+" "+w.ids.Owner())
}

func TestFollowOfSomebodyElseIsNothing(t *testing.T) {
	w := newTrio(t)
	w.knows(w.eve)
	w.silent(w.unchanged(func() {
		for _, object := range []any{w.victim.uri, w.ids.Server(), w.eve.uri, []any{w.ids.Owner(), w.victim.uri}, "http://other.example/users/alice", nil} {
			w.post(w.eve, w.eve.act("Follow", object))
		}
	}))
}

func TestAnswersToAFollow(t *testing.T) {
	w := newTrio(t)
	w.knows(w.victim)
	owner, vic := w.ids.Owner(), w.victim
	embedded := func(id string) obj { return obj{"id": id, "type": "Follow", "actor": owner, "object": vic.uri} }
	for name, c := range map[string]struct {
		state  storage.FollowState
		kind   string
		object func(id string) any
		want   storage.FollowState
	}{
		"accept by id":                    {storage.Pending, "Accept", func(id string) any { return id }, storage.Accepted},
		"accept whole":                    {storage.Pending, "Accept", func(id string) any { return embedded(id) }, storage.Accepted},
		"accept whole, id made up":        {storage.Pending, "Accept", func(string) any { return embedded(vic.url("/f/1")) }, storage.Accepted},
		"accept whole, without id":        {storage.Pending, "Accept", func(string) any { return merge(embedded(""), obj{"id": nil}) }, storage.Accepted},
		"accept of something else":        {storage.Pending, "Accept", func(string) any { return merge(embedded(vic.url("/f/1")), obj{"type": "Join"}) }, storage.Pending},
		"accept of one of somebody else":  {storage.Pending, "Accept", func(string) any { return merge(embedded(vic.url("/f/1")), obj{"object": w.eve.uri}) }, storage.Pending},
		"accept of two":                   {storage.Pending, "Accept", func(string) any { return []any{embedded(vic.url("/f/1")), vic.url("/x")} }, storage.Pending},
		"accept of another's":             {storage.Pending, "Accept", func(string) any { return merge(embedded(vic.url("/f/1")), obj{"actor": w.eve.uri}) }, storage.Pending},
		"accept after reject":             {storage.Rejected, "Accept", func(id string) any { return id }, storage.Rejected},
		"reject":                          {storage.Pending, "Reject", func(id string) any { return id }, storage.Rejected},
		"reject after accept":             {storage.Accepted, "Reject", func(id string) any { return embedded(id) }, storage.Rejected},
		"reject of nothing in particular": {storage.Accepted, "Reject", func(string) any { return vic.uri }, storage.Accepted},
	} {
		id := w.follow(owner, vic.uri, c.state)
		w.take(vic, vic.act(c.kind, c.object(id)))
		if got := w.between(owner, vic.uri); got != c.want {
			t.Errorf("%s: %q, not %q", name, got, c.want)
		}
	}
}

// TestAgainUnderTheSameID: PeerTube and the Misskey family name a follow by the two whom it joins, snac a reaction by the
// post. A replay of the first one is still a replay.
func TestAgainUnderTheSameID(t *testing.T) {
	for _, kind := range []string{"Follow", "Like", "Announce", "EmojiReact"} {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newTrio(t)
				w.knows(w.eve)
				post := w.own(storage.Public).URI
				act := w.eve.act(kind, post, obj{"id": w.eve.url("/acts/1/2"), "content": "🐦"})
				if kind == "Follow" {
					act["object"] = w.ids.Owner()
				}
				body := encode(t, act)
				first := w.eve.signed(body, httpsig.Cavage)
				replay := func() {
					first.Body = bodyOf(body)
					if status := w.do(first); status != http.StatusAccepted {
						t.Fatalf("the inbox answers %d", status)
					}
					w.settle()
				}
				done := func() bool {
					reactions, err := w.db.Reactions(t.Context(), post)
					return err == nil && len(reactions) == 1 || w.between(w.eve.uri, w.ids.Owner()) == storage.Accepted
				}
				replay()
				for range 2 {
					time.Sleep(time.Minute)
					w.take(w.eve, w.eve.act("Undo", act))
					w.unchanged(replay)
					if done() {
						t.Fatal("a replay revives what was undone")
					}
					time.Sleep(time.Minute)
					w.take(w.eve, act)
					if !done() {
						t.Fatal("not done again under the same id")
					}
				}
			})
		})
	}
}

func TestUndo(t *testing.T) {
	w := newCircle(t)
	owner := w.ids.Owner()
	post := w.own(storage.Public)
	fay := w.posted(w.victim, "1")["id"].(string)
	for name, c := range map[string]struct {
		from *actor
		act  obj
	}{
		"follow":    {w.eve, w.eve.act("Follow", owner)},
		"like":      {w.eve, w.eve.act("Like", post.URI)},
		"emoji":     {w.eve, w.eve.act("EmojiReact", post.URI, obj{"content": "🐦"})},
		"misskey":   {w.eve, w.eve.act("Like", post.URI, obj{"content": ":bird:", "_misskey_reaction": ":bird:"})},
		"boost":     {w.eve, w.eve.act("Announce", post.URI)},
		"elsewhere": {w.friend, w.friend.act("Announce", fay)},
		"block":     {w.eve, w.eve.act("Block", owner)},
	} {
		without := merge(obj{}, c.act, obj{"id": nil})
		renamed := merge(obj{}, c.act, obj{"id": c.from.url("/made/up/" + name)})
		for form, object := range map[string]any{"id": c.act["id"], "whole": c.act, "nameless": without, "renamed": renamed} {
			again := merge(obj{}, c.act, obj{"id": c.act["id"].(string) + "/" + form})
			switch form {
			case "id":
				object = again["id"]
			case "whole":
				object = again
			}
			before := w.state()
			w.take(c.from, again)
			if same := len(w.state()) == len(before); same {
				t.Errorf("%s has no effect to undo", name)
			}
			// Somebody else undoes nothing.
			w.unchanged(func() {
				w.post(w.victim, w.victim.act("Undo", again["id"]))
				w.post(w.victim, w.victim.act("Undo", again))
				w.post(w.victim, w.victim.act("Undo", merge(obj{}, again, obj{"actor": w.victim.uri})))
			})
			w.take(c.from, c.from.act("Undo", object))
			w.diff(before, w.state(), "acts", "deliveries")
		}
	}
}

// TestUndoOnlyOfOnesOwn: what somebody else did stays, and what the actor did stays unless it is what is named.
func TestUndoOnlyOfOnesOwn(t *testing.T) {
	w := newCircle(t)
	owner, post := w.ids.Owner(), w.own(storage.Public).URI
	mallory := w.eve.peer.person("mallory") // of the same server
	w.knows(mallory)
	var acts []obj
	for _, kind := range []string{"Like", "Announce", "Follow", "Block"} {
		object := post
		if kind == "Follow" || kind == "Block" {
			object = owner
		}
		acts = append(acts, w.eve.act(kind, object))
		w.take(w.eve, acts[len(acts)-1])
		if kind != "Block" {
			w.take(mallory, mallory.act(kind, object))
		}
	}
	w.take(w.eve, w.eve.act("Follow", owner))
	w.unchanged(func() {
		for _, act := range acts {
			w.post(mallory, mallory.act("Undo", act["id"]))
			w.post(mallory, mallory.act("Undo", act))
			w.post(mallory, mallory.act("Undo", merge(obj{}, act, obj{"id": nil})))
			w.post(w.eve, w.eve.act("Undo", []any{act, w.eve.url("/x")}))
			w.post(w.eve, w.eve.act("Undo", merge(obj{}, act, obj{"id": nil, "object": w.victim.uri})))
			w.post(w.eve, w.eve.act("Undo", merge(obj{}, act, obj{"id": nil, "object": nil})))
		}
	})
}

func TestUndoThatOvertakesWins(t *testing.T) {
	w := newTrio(t)
	w.knows(w.eve)
	post := w.own(storage.Public)
	for _, act := range []obj{w.eve.act("Like", post.URI), w.eve.act("Follow", w.ids.Owner()), w.eve.act("Announce", post.URI)} {
		w.silent(w.unchanged(func() {
			w.post(w.eve, w.eve.act("Undo", act))
			w.settle()
			w.post(w.eve, act)
		}))
	}
	note := w.hello(w.eve, "1")
	w.silent(w.unchanged(func() {
		w.post(w.eve, w.eve.act("Delete", w.eve.url("/notes/1")))
		w.settle()
		w.post(w.eve, note)
	}))
	// Nobody can do that to somebody else.
	w.knows(w.victim)
	real := w.hello(w.victim, "1")
	w.take(w.eve, w.eve.act("Delete", w.victim.url("/notes/1")))
	w.take(w.eve, w.eve.act("Undo", real["id"]))
	w.take(w.victim, real)
	w.stored(w.victim.url("/notes/1"))
}

func TestBlockEndsFollowsBothWays(t *testing.T) {
	w := newCircle(t)
	w.follow(w.friend.uri, w.ids.Owner(), storage.Accepted)
	w.unchanged(func() {
		w.post(w.friend, w.friend.act("Block", w.victim.uri))
		w.post(w.friend, w.friend.act("Block", w.ids.Owner(), obj{"target": w.friend.url("/c/birds")}))
	})
	w.take(w.friend, w.friend.act("Block", w.ids.Owner()))
	if a, b := w.between(w.friend.uri, w.ids.Owner()), w.between(w.ids.Owner(), w.friend.uri); a != "" || b != "" {
		t.Errorf("%q %q", a, b)
	}
	if blocked, err := w.db.Related(t.Context(), w.friend.uri, storage.BlockedBy); !blocked || err != nil {
		t.Errorf("%v %v", blocked, err)
	}
	if s := w.between(w.ids.Owner(), w.victim.uri); s != storage.Accepted {
		t.Errorf("the follow of somebody else: %q", s)
	}
}
