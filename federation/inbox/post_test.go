package inbox

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/storage"
)

// TestWhatIsKeptAndShown is the rule of interest: who is kept, shown in the timeline, told to the owner.
func TestWhatIsKeptAndShown(t *testing.T) {
	const (
		kept = 1 << iota
		shown
		told
	)
	w := newCircle(t)
	owner, mine := w.ids.Owner(), w.own(storage.Public).URI
	theirs := w.posted(w.victim, "kept")["id"].(string) // by somebody whom the owner follows
	thread := w.posted(w.eve, "thread", obj{"to": []any{vocab.PublicIRI, owner}})["id"].(string)
	muted := newPeer(t, w.net, "muted.example").person("m")
	w.follows(muted)
	w.relate(muted, storage.Mute)
	mention := obj{"tag": []any{obj{"type": "Mention", "href": owner, "name": "@alice"}}}
	to := func(to ...any) obj { return obj{"to": to, "cc": nil} }
	for i, c := range []struct {
		name   string
		from   *actor
		fields obj
		want   int
	}{
		{"of a friend", w.friend, nil, kept | shown},
		{"of a friend, unlisted", w.friend, obj{"to": []any{w.friend.uri + "/followers"}, "cc": []any{vocab.PublicIRI}}, kept | shown},
		{"of a friend, to followers", w.friend, to(w.friend.uri + "/followers"), kept | shown},
		{"of a friend, to the owner alone", w.friend, to(owner), kept | told},
		{"of a friend, to somebody else", w.friend, to(w.eve.uri), 0},
		{"of a friend, to the followers of somebody else", w.friend, to(w.eve.uri + "/followers"), 0},
		{"of a friend, to nobody", w.friend, obj{"to": []any{}, "cc": []any{}}, 0},
		{"of a friend, with the owner", w.friend, mention, kept | shown | told},
		{"of a friend, to the owner's post", w.friend, obj{"inReplyTo": mine}, kept | shown | told},
		{"of a friend, to another friend", w.friend, obj{"inReplyTo": theirs}, kept | shown},
		{"of a friend, to a stranger", w.friend, obj{"inReplyTo": thread}, kept},
		{"of a friend, to what is not here", w.friend, obj{"inReplyTo": w.eve.url("/notes/none")}, kept},
		{"of a friend, quoting the owner", w.friend, obj{"quote": mine}, kept | shown | told},
		{"of a stranger", w.eve, nil, 0},
		{"of a stranger, to followers", w.eve, merge(to(w.eve.uri+"/followers"), mention), 0},
		{"of a stranger, to the owner", w.eve, to(owner), kept | told},
		{"of a stranger, mentioning the owner", w.eve, mention, kept | told},
		{"of a stranger, to the owner's post", w.eve, obj{"inReplyTo": mine}, kept | told},
		{"of a stranger, quoting the owner", w.eve, obj{"quoteUrl": mine}, kept | told},
		{"of a stranger, to a friend's post", w.eve, obj{"inReplyTo": theirs}, kept},
		{"of a stranger, to nothing that is here", w.eve, obj{"inReplyTo": w.victim.url("/notes/none")}, 0},
		{"of somebody muted", muted, nil, kept},
		{"of somebody muted, with the owner", muted, mention, kept},
	} {
		doc := c.from.note(fmt.Sprint("n", i), c.name, c.fields)
		uri := doc["id"].(string)
		w.silent(w.net.during(func() { w.take(c.from, c.from.act("Create", doc)) }))
		got := 0
		if _, err := w.db.Post(t.Context(), uri); err == nil {
			got |= kept
		}
		if strings.Contains(strings.Join(w.timeline(), " "), uri) {
			got |= shown
		}
		if strings.Contains(strings.Join(w.notified(), " "), uri) {
			got |= told
		}
		if got != c.want {
			t.Errorf("%s: kept %v, shown %v, told %v", c.name, got&kept != 0, got&shown != 0, got&told != 0)
		}
	}
}

func TestKindsOfNotification(t *testing.T) {
	w := newCircle(t)
	mine := w.own(storage.Public).URI
	for i, c := range []struct {
		fields obj
		want   []string
	}{
		{obj{"inReplyTo": mine, "to": []any{vocab.PublicIRI, w.ids.Owner()}}, []string{"reply"}},
		{obj{"to": []any{vocab.PublicIRI, w.ids.Owner()}}, []string{"mention"}},
		{obj{"quote": mine}, []string{"quote"}},
		{obj{"inReplyTo": mine, "quote": mine}, []string{"quote", "reply"}},
	} {
		before := len(w.notified())
		doc := w.eve.note(fmt.Sprint(i), "x", c.fields)
		w.take(w.eve, w.eve.act("Create", doc))
		// A second Create of it tells nothing new.
		w.unchanged(func() { w.post(w.eve, w.eve.act("Create", doc)) })
		var kinds []string
		for _, line := range w.notified()[:len(w.notified())-before] {
			kind, _, _ := strings.Cut(line, " ")
			kinds = append(kinds, kind)
		}
		equal(t, "notifications", kinds, c.want...)
	}
}

func TestCreateByReferenceIsFetched(t *testing.T) {
	w := newCircle(t)
	doc := w.friend.publish(w.friend.note("1", "x"))
	requests := w.net.during(func() { w.take(w.friend, w.friend.act("Create", doc["id"])) })
	equal(t, "requests", requests, "GET "+doc["id"].(string))
	equal(t, "timeline", w.timeline(), doc["id"].(string))
	// A stranger is asked for what is said to be for the owner.
	hello := w.eve.publish(w.eve.note("1", "x", obj{"to": []any{w.ids.Owner()}, "cc": nil}))
	for _, field := range []string{"to", "cc"} {
		w.take(w.eve, w.eve.act("Create", hello["id"], obj{field: w.ids.Owner()}))
		w.stored(hello["id"].(string))
		hello = w.eve.publish(w.eve.note("2", "x", obj{"to": []any{w.ids.Owner()}, "cc": nil}))
	}
	// What the server has there must be by the one who sent it.
	other := w.friend.peer.person("other")
	w.friend.publish(other.note("2", "x"))
	w.unchanged(func() { w.post(w.friend, w.friend.act("Create", w.friend.url("/notes/2"))) })
}

func TestAPostKnownBeforeItsCreateIsStillShown(t *testing.T) {
	w := newCircle(t)
	doc := w.friend.publish(w.friend.note("1", "x", obj{"to": []any{vocab.PublicIRI, w.ids.Owner()}}))
	if _, err := w.resolver.Post(t.Context(), doc["id"].(string)); err != nil {
		t.Fatal(err)
	}
	w.take(w.friend, w.friend.act("Create", doc))
	equal(t, "timeline", w.timeline(), doc["id"].(string))
	equal(t, "notifications", w.notified(), "mention "+w.friend.uri+" "+doc["id"].(string))
}

func TestKindsOfPost(t *testing.T) {
	w := newCircle(t)
	for _, kind := range []string{"Note", "Article", "Page", "Video", "Audio", "Event", "Image"} {
		w.take(w.friend, w.friend.act("Create", w.friend.note(kind, "x", obj{"type": kind, "name": "title"})))
		if p := w.stored(w.friend.url("/notes/" + kind)); p.Type != kind {
			t.Errorf("%s is kept as %s", kind, p.Type)
		}
	}
	// PeerTube: a person, and the channel it is in.
	channel := w.friend.peer.actor("channel", "Group")
	by := obj{"type": "Video", "attributedTo": []any{obj{"type": "Group", "id": channel.uri}, obj{"type": "Person", "id": w.friend.uri}}}
	w.take(w.friend, w.friend.act("Create", w.friend.note("v", "x", by)))
	if p := w.stored(w.friend.url("/notes/v")); p.Author != w.friend.uri {
		t.Errorf("by %s", p.Author)
	}
	w.silent(w.unchanged(func() {
		w.post(w.friend, w.friend.act("Create", w.friend.note("k", "x", obj{"type": "Person"})))
		w.post(w.friend, w.friend.act("Create", obj{"id": w.friend.url("/l"), "type": "OrderedCollection"}))
		w.post(w.friend, w.friend.act("Create", w.friend.act("Like", w.ids.Owner())))
	}))
}

// TestTheActorIsTheAuthor, also where it is named after somebody else of its server.
func TestTheActorIsTheAuthor(t *testing.T) {
	w := newCircle(t)
	by := []any{w.friend.peer.person("other").uri, w.friend.uri}
	w.take(w.friend, w.friend.act("Create", w.friend.note("1", "x", obj{"attributedTo": by})))
	if p := w.stored(w.friend.url("/notes/1")); p.Author != w.friend.uri {
		t.Errorf("by %s", p.Author)
	}
}

func TestAudienceIsReadWithTheAuthorsOwnList(t *testing.T) {
	w := newCircle(t)
	odd := newPeer(t, w.net, "odd.example").person("o")
	odd.doc["followers"] = odd.url("/lists/7")
	w.follows(odd)
	w.take(odd, odd.act("Create", odd.note("1", "x", obj{"to": []any{odd.url("/lists/7")}, "cc": nil})))
	if p := w.stored(odd.url("/notes/1")); p.Visibility != storage.Followers {
		t.Errorf("visibility %s", p.Visibility)
	}
	// Some address the activity alone.
	w.take(odd, odd.act("Create", odd.note("2", "x", obj{"to": nil, "cc": nil}), obj{"to": vocab.PublicIRI}))
	if p := w.stored(odd.url("/notes/2")); p.Visibility != storage.Public {
		t.Errorf("visibility %s", p.Visibility)
	}
}

// TestAnotherCreateChangesNothing of what is kept: not of a post that is deleted, nor of one that is somebody else's.
func TestAnotherCreateChangesNothing(t *testing.T) {
	w := newCircle(t)
	doc := w.posted(w.friend, "1")
	w.take(w.friend, w.friend.act("Delete", doc["id"]))
	w.silent(w.unchanged(func() { w.post(w.friend, w.friend.act("Create", doc)) }))
	// What the owner may no longer see does not come up again by naming them.
	hidden := w.posted(w.friend, "3", obj{"to": []any{w.friend.uri + "/followers"}, "cc": nil})
	w.follow(w.ids.Owner(), w.friend.uri, storage.Rejected)
	w.silent(w.unchanged(func() {
		w.post(w.friend, w.friend.act("Create", merge(obj{}, hidden, obj{"to": []any{vocab.PublicIRI, w.ids.Owner()}})))
	}))
	kept := w.posted(w.eve, "2", obj{"to": []any{vocab.PublicIRI, w.ids.Owner()}})
	mallory := w.eve.peer.person("mallory")
	w.follows(mallory)
	w.silent(w.unchanged(func() {
		w.post(mallory, mallory.act("Create", merge(obj{}, kept, obj{"attributedTo": mallory.uri})))
	}))
}

func TestThreadsHangTogether(t *testing.T) {
	w := newCircle(t)
	root := w.own(storage.Public)
	first := w.eve.note("1", "x", obj{"inReplyTo": root.URI})
	second := w.friend.note("2", "x", obj{"inReplyTo": first["id"]})
	w.take(w.eve, w.eve.act("Create", first))
	w.take(w.friend, w.friend.act("Create", second))
	if c := w.stored(second["id"].(string)).Conversation; c != root.URI {
		t.Errorf("conversation %s", c)
	}
}

func TestVotes(t *testing.T) {
	w := newCircle(t)
	now := time.Now()
	voter := func(name string) *actor {
		a := w.eve.peer.person(name)
		w.knows(a)
		return a
	}
	count := 0
	vote := func(a *actor, poll *storage.Post, choice string, fields ...obj) obj {
		count++
		doc := merge(obj{"id": a.url(fmt.Sprint("/votes/", count)), "type": "Note", "attributedTo": a.uri, "name": choice,
			"inReplyTo": poll.URI, "to": []any{w.ids.Owner()}}, fields...)
		return a.act("Create", doc)
	}
	tally := func(p *storage.Post) string {
		poll, err := w.db.Poll(t.Context(), p.URI)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(poll.Options, poll.Voters)
	}
	one, two := voter("one"), voter("two")
	single := w.poll(false, storage.At(now.Add(time.Hour)), []string{"a", "b"})
	w.take(one, vote(one, single, "b"))
	w.take(two, vote(two, single, "a"))
	if got := tally(single); got != "[{a 1} {b 1}] 2" {
		t.Errorf("tally: %s", got)
	}
	equal(t, "notifications", w.notified(), "vote "+two.uri+" "+single.URI, "vote "+one.uri+" "+single.URI)
	closed := w.poll(false, storage.At(now.Add(-time.Second)), []string{"a", "b"})
	hidden := w.poll(false, storage.Time{}, []string{"a", "b"})
	w.write(func(ctx context.Context, tx storage.Tx) error {
		p, err := tx.Post(ctx, hidden.URI)
		if err != nil {
			return err
		}
		p.Visibility, p.Recipients = storage.Direct, storage.Recipients{}
		return tx.UpdatePost(ctx, p)
	})
	plain := w.own(storage.Public)
	w.silent(w.unchanged(func() {
		w.post(one, vote(one, single, "b"))
		w.post(one, vote(one, single, "a"))
		w.post(two, vote(two, single, "c"))
		w.post(two, vote(two, closed, "a"))
		w.post(two, vote(two, hidden, "a"))
		w.post(two, vote(two, plain, "a"))
		w.post(w.eve, vote(w.eve, single, "a", obj{"attributedTo": two.uri}))
	}))
	multiple := w.poll(true, storage.Time{}, []string{"a", "b", "c"})
	for _, choice := range []string{"a", "c", "a", "none"} {
		w.take(one, vote(one, multiple, choice))
	}
	if got := tally(multiple); got != "[{a 1} {b 0} {c 1}] 1" {
		t.Errorf("tally: %s", got)
	}
	// An answer with words is an answer.
	w.take(two, vote(two, multiple, "a", obj{"content": "I like a"}))
	if got := tally(multiple); got != "[{a 1} {b 0} {c 1}] 1" {
		t.Errorf("tally: %s", got)
	}
	w.stored(two.url(fmt.Sprint("/votes/", count)))
}

func TestUpdateOfAnActor(t *testing.T) {
	w := newCircle(t)
	w.silent(w.net.during(func() {
		w.take(w.friend, w.friend.act("Update", merge(obj{}, w.friend.doc, obj{"name": "Fay the Second"})))
	}))
	a, err := w.db.Actor(t.Context(), w.friend.uri)
	if err != nil || a.Name != "Fay the Second" || a.Handle != "fay@friend.example" {
		t.Errorf("%+v, %v", a, err)
	}
	// Another name has to be confirmed, and a document without a key is not the whole.
	for _, fields := range []obj{{"preferredUsername": "vic"}, {"publicKey": nil}} {
		requests := w.net.during(func() {
			w.take(w.friend, w.friend.act("Update", merge(obj{}, w.friend.doc, obj{"name": "x"}, fields)))
		})
		if len(requests) == 0 {
			t.Errorf("%v was believed", fields)
		}
		a, err = w.db.Actor(t.Context(), w.friend.uri)
		if err != nil || a.Username != "fay" || a.Handle != "fay@friend.example" {
			t.Errorf("%+v, %v", a, err)
		}
		w.silent(w.net.during(func() { w.post(w.friend, w.friend.act("Like", "http://x.example/")) }))
	}
}

// TestEditThatNamesTheOwner notifies once.
func TestEditThatNamesTheOwner(t *testing.T) {
	w := newCircle(t)
	doc := w.posted(w.friend, "1")
	mention := obj{"tag": []any{obj{"type": "Mention", "href": w.ids.Owner(), "name": "@alice"}}}
	for range 2 {
		w.take(w.friend, w.friend.act("Update", merge(obj{}, doc, mention)))
		equal(t, "notifications", w.notified(), "mention "+w.friend.uri+" "+doc["id"].(string))
	}
	p := w.stored(doc["id"].(string))
	if p.Updated.IsZero() {
		t.Error("an edit without a time is no edit")
	}
	w.unchanged(func() { w.post(w.friend, w.friend.act("Update", merge(obj{}, doc, mention))) })
	quiet := w.posted(w.victim, "2")
	w.relate(w.victim, storage.Mute)
	w.take(w.victim, w.victim.act("Update", merge(obj{}, quiet, mention)))
	equal(t, "notifications", w.notified(), "mention "+w.friend.uri+" "+doc["id"].(string))
}

// TestEditsThatComeLateLose: two edits that arrive in the wrong order.
func TestEditsThatComeLateLose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newCircle(t)
		doc := w.posted(w.friend, "1")
		edit := func(text string) obj {
			time.Sleep(time.Minute)
			return merge(obj{}, doc, obj{"content": text, "updated": time.Now().UTC().Format(time.RFC3339)})
		}
		// The last one may be back at what it was.
		for _, text := range []string{"second", "second", doc["content"].(string)} {
			first, second := edit("first"), edit(text)
			w.take(w.friend, w.friend.act("Update", second))
			w.silent(w.unchanged(func() { w.post(w.friend, w.friend.act("Update", first)) }))
			if p := w.stored(doc["id"].(string)); p.Content != text {
				t.Errorf("kept: %s", p.Content)
			}
		}
	})
}
