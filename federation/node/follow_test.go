package node_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/dunnock-server/dunnock/federation/control"
	"github.com/dunnock-server/dunnock/federation/vocab"
)

// A Follow by somebody unknown costs their server two requests, and the Accept.
func strangerFollows(t *testing.T, alice *process, bob *peer) {
	bob.tell("follow", args{"actor": alice.actor})
	accept := bob.got("Accept", anyOne)
	follow, ok := accept.Document.Object("object")
	if !ok || follow.Type() != vocab.TypeFollow || follow.IRI("actor") != bob.Actor || follow.IRI("object") != alice.actor {
		t.Errorf("the Accept does not carry the whole Follow: %v", accept.Document)
	}
	if !slices.Contains(bob.items("following"), alice.actor) {
		t.Error("the peer does not take it for an answer")
	}
	if state := alice.followedBy(bob.Actor); state != "accepted" {
		t.Errorf("the follower is %q", state)
	}
	if n := alice.told("follow", alice.actor); n.Handle != bob.Handle {
		t.Errorf("told of a follow by %s", n.Handle)
	}
	var asked, delivered int
	for _, r := range bob.requests(0) {
		if r.Method == http.MethodPost {
			delivered++
		} else {
			asked++
		}
	}
	if asked > 2 || delivered != 1 {
		t.Errorf("the peer was asked %d times and sent %d activities", asked, delivered)
	}
}

func foundByName(t *testing.T, alice *process, bob *peer) {
	var found control.Found
	alice.run(&found, "lookup", bob.Handle)
	if found.Actor == nil || found.Actor.URI != bob.Actor || found.Actor.Handle != bob.Handle {
		t.Errorf("dunnock finds %+v", found.Actor)
	}
	if found := bob.tell("lookup", args{"handle": alice.handle}); found["id"] != alice.actor {
		t.Errorf("the peer finds %v", found)
	}
	document := bob.tell("webfinger", args{"resource": alice.actor})["document"].(args)
	if document["subject"] != "acct:"+alice.handle[1:] {
		t.Errorf("the peer is told %v", document)
	}
}

func lockedProfile(t *testing.T, alice *process, bob *peer) {
	bob.tell("unfollow", args{"actor": alice.actor})
	eventually(t, "the follower is gone", func() bool { return alice.followedBy(bob.Actor) == "" })
	alice.run(nil, "profile", "set", "--locked")
	asks := func() {
		t.Helper()
		bob.tell("follow", args{"actor": alice.actor})
		eventually(t, "the follower asks", func() bool { return alice.followedBy(bob.Actor) == "pending" })
		alice.told("follow_request", alice.actor)
	}
	asks()
	alice.run(nil, "followers", "reject", bob.Handle)
	bob.got("Reject", anyOne)
	if slices.Contains(bob.items("following"), alice.actor) || alice.followedBy(bob.Actor) != "" {
		t.Error("who was rejected follows")
	}
	asks()
	before := len(bob.items("following"))
	alice.run(nil, "followers", "approve", bob.Handle)
	eventually(t, "the peer is accepted", func() bool { return len(bob.items("following")) > before })
	alice.run(nil, "followers", "remove", bob.Handle)
	eventually(t, "the peer is rejected", func() bool { return len(bob.items("following")) == before })
	if state := alice.followedBy(bob.Actor); state != "" {
		t.Errorf("who was removed is %s", state)
	}
	alice.run(nil, "profile", "set", "--locked=false")
	bob.tell("follow", args{"actor": alice.actor})
	eventually(t, "the peer follows again", func() bool { return len(bob.items("following")) > before })
}

func followAndBeAnswered(t *testing.T, alice *process, bob *peer) {
	becomes := func(state string) {
		t.Helper()
		eventually(t, "the follow is "+state, func() bool { return alice.follows(bob.Actor) == state })
	}
	ask := func() (id string) {
		t.Helper()
		var pending []string
		alice.run(nil, "follow", bob.Handle)
		eventually(t, "the peer is asked", func() bool { pending = bob.items("pending"); return len(pending) == 1 })
		return pending[0]
	}
	alice.run(nil, "follow", bob.Handle)
	becomes("accepted")
	if !slices.Contains(bob.items("followers"), alice.actor) {
		t.Error("the peer has no such follower")
	}
	alice.run(nil, "unfollow", bob.Handle)
	eventually(t, "the peer has lost its follower", func() bool { return len(bob.items("followers")) == 0 })
	becomes("")

	bob.tell("set", args{"manual": true})
	bob.tell("reject", args{"id": ask()})
	becomes("rejected")
	id := ask()
	if state := alice.follows(bob.Actor); state != "pending" {
		t.Errorf("before the answer the follow is %s", state)
	}
	bob.tell("accept", args{"id": id})
	becomes("accepted")
	bob.tell("set", args{"manual": false})
}
