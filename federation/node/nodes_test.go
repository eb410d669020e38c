package node_test

import (
	"slices"
	"testing"

	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/control"
)

// Two nodes follow each other, and each sees what the other's owner does.
func TestTwoNodes(t *testing.T) {
	t.Parallel()
	alice, dave := start(t, "alice"), start(t, "dave")
	for _, c := range []struct{ who, whom *process }{{alice, dave}, {dave, alice}} {
		c.who.run(nil, "follow", c.whom.handle)
		eventually(t, "the follow is answered", func() bool { return c.who.follows(c.whom.actor) == "accepted" })
		c.whom.told("follow", c.whom.actor)
	}

	post := alice.write("Hello, " + dave.handle)
	found := dave.reads(post.URI, "")
	if found.Text != "Hello, @dave" || found.Author.Handle != alice.handle || !found.Published.Equal(post.Published) {
		t.Errorf("the post is here as %+v", found)
	}
	dave.told("mention", post.URI)

	reply := dave.write("Hello yourself", "--reply-to", post.URI)
	alice.told("reply", reply.URI)
	thread := func(p *process) (uris []string) {
		t.Helper()
		var page control.Posts
		p.run(&page, "thread", post.URI)
		for depth, x := range page.Posts {
			if uris = append(uris, x.URI); x.Depth != depth {
				t.Errorf("%s is at depth %d", x.URI, x.Depth)
			}
		}
		return uris
	}
	for _, p := range []*process{alice, dave} {
		if got := thread(p); !slices.Equal(got, []string{post.URI, reply.URI}) {
			t.Errorf("%s reads the thread %v", p.handle, got)
		}
	}

	for command, has := range map[string]func(federation.Post) bool{
		"boost": func(x federation.Post) bool { return x.Boosts == 1 },
		"like":  func(x federation.Post) bool { return x.Likes == 1 },
	} {
		dave.run(nil, command, post.URI)
		alice.sees(post.URI, has)
		alice.told(command, post.URI)
	}
	dave.run(nil, "undo", post.URI)
	alice.sees(post.URI, func(x federation.Post) bool { return x.Boosts+x.Likes == 0 })

	alice.run(nil, "edit", post.URI, "Good morning, "+dave.handle)
	dave.sees(post.URI, func(x federation.Post) bool { return x.Text == "Good morning, @dave" && x.Updated != nil })

	poll := dave.write("tea or coffee?", "--poll", "tea|coffee")
	alice.reads(poll.URI, "")
	alice.run(nil, "vote", poll.URI, "tea")
	dave.sees(poll.URI, func(x federation.Post) bool { return x.Poll.Options[0].Votes == 1 && x.Poll.Voters == 1 })

	alice.run(nil, "delete", post.URI)
	dave.misses(post.URI)
	if _, ok := dave.find(reply.URI); !ok {
		t.Error("with the post went its answer, which is somebody else's")
	}

	dave.run(nil, "unfollow", alice.handle)
	eventually(t, "dave follows no more", func() bool { return alice.followedBy(dave.actor) == "" })
	var queue federation.Queued
	for _, p := range []*process{alice, dave} {
		if p.run(&queue, "queue"); len(queue.Waiting)+len(queue.GivenUp) > 0 {
			t.Errorf("%s has left in its queue %+v", p.handle, queue)
		}
	}
}
