package node_test

import (
	"slices"
	"testing"

	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/control"
)

func pins(t *testing.T, alice *process, bob *peer) {
	post := alice.write("first of all")
	bob.got("Create", about(post.URI))
	featured := func() []any {
		t.Helper()
		return bob.tell("traverse", args{"url": alice.actor + "/featured"})["items"].([]any)
	}
	alice.run(nil, "pin", post.URI)
	if add, told := bob.gets(alice, "Add", about(post.URI)); told && add.Document.IRI("target") != alice.actor+"/featured" {
		t.Errorf("the pin goes out as %v", add.Document)
	}
	pinned := func(want bool) {
		t.Helper()
		if !alice.rules.Tells("Add") {
			bob.cannotRead(alice.actor + "/featured") // who is told of no pins finds none
		} else if slices.Contains(featured(), any(post.URI)) != want {
			t.Errorf("that the pin is listed is %t", !want)
		}
	}
	pinned(true)
	alice.run(nil, "unpin", post.URI)
	bob.gets(alice, "Remove", about(post.URI))
	pinned(false)

	uri := bob.tell("post", args{"content": "their first"})["id"].(string)
	alice.reads(uri, "")
	bob.tell("add", args{"object": uri})
	alice.sees(uri, func(x federation.Post) bool { return x.Pinned })
	bob.tell("remove", args{"object": uri})
	alice.sees(uri, func(x federation.Post) bool { return !x.Pinned })
}

func profiles(t *testing.T, alice *process, bob *peer) {
	alice.run(nil, "profile", "set", "--name", "Alice", "--summary", "Birds, mostly.", "--field", "Town=Leeds")
	update := bob.got("Update", func(e entry) bool {
		person, _ := e.Document.Object("object")
		return e.Object == alice.actor && person.Text("name") == "Alice"
	})
	person, _ := update.Document.Object("object")
	fields := person.Objects("attachment")
	if shown := len(fields) == 1 && fields[0].Text("value") == "Leeds"; person.Text("summary") != "<p>Birds, mostly.</p>" || shown != alice.shows("Person", "attachment") {
		t.Errorf("the profile goes out as %v", person)
	}
	if name := served(t, bob, alice.actor).Text("name"); name != "Alice" {
		t.Errorf("the actor is served with the name %q", name)
	}

	bob.tell("profile", args{"name": "Robert", "summary": "<p>No birds.</p>"})
	eventually(t, "the new profile is here", func() bool {
		var found control.Found
		alice.run(&found, "lookup", bob.Actor)
		return found.Actor.Name == "Robert" && found.Actor.Summary == "No birds." && found.Actor.Handle == bob.Handle
	})
}

// The keys are changed, and what is signed with the new ones is taken.
func newKeys(t *testing.T, alice *process, bob *peer) {
	var keys map[string]string
	alice.run(&keys, "keys", "rotate")
	bob.got("Update", func(e entry) bool {
		person, _ := e.Document.Object("object")
		key, _ := person.Object("publicKey")
		return e.Object == alice.actor && key.ID() == keys["rsa"]
	})
	post := alice.write("signed anew")
	bob.got("Create", about(post.URI))
	var refused struct{ Activities []args }
	if bob.ask("refused", nil, &refused); len(refused.Activities) > 0 {
		t.Errorf("the peer refused %v", refused.Activities)
	}
}

func report(t *testing.T, alice *process, bob *peer) {
	post := alice.write("not nice")
	bob.got("Create", about(post.URI))
	bob.tell("flag", args{"objects": []string{alice.actor, post.URI}, "content": "this is not nice"})
	if n := alice.told("flag", post.URI); n.Text != "this is not nice" || n.Actor != bob.Actor {
		t.Errorf("told of a report: %+v", n)
	}
}

// moveTo is a move to another server, which agrees. One to an account that does not agree is nothing.
func moveTo(target string) func(*testing.T, *process, *peer) {
	return func(t *testing.T, alice *process, bob *peer) {
		bob.tell("move", args{"target": start(t, "dave").actor})
		bob.tell("move", args{"target": target})
		alice.told("move", bob.Actor)
		if found := alice.notifications("move", bob.Actor); len(found) != 1 || found[0].Text != target {
			t.Errorf("told of the moves %+v", found)
		}
	}
}

func blockedByThem(t *testing.T, alice *process, bob *peer) {
	block := bob.tell("block", args{"actor": alice.actor})["activity"]
	eventually(t, "the follows are over", func() bool {
		return alice.follows(bob.Actor) == "" && alice.followedBy(bob.Actor) == ""
	})
	bob.tell("undo", args{"id": block})
	alice.run(nil, "follow", bob.Handle)
	eventually(t, "dunnock follows again", func() bool { return alice.follows(bob.Actor) == "accepted" })
	bob.tell("follow", args{"actor": alice.actor})
	eventually(t, "the peer follows again", func() bool { return alice.followedBy(bob.Actor) == "accepted" })
}

func blockingThem(t *testing.T, alice *process, bob *peer) {
	alice.run(nil, "block", bob.Handle)
	_, told := bob.gets(alice, "Block", about(bob.Actor))
	eventually(t, "the peer has lost its follower", func() bool { return len(bob.items("followers")) == 0 })
	if alice.follows(bob.Actor) != "" || alice.followedBy(bob.Actor) != "" {
		t.Error("a follow outlived the block")
	}
	bob.cannotRead(alice.write("not for bob").URI)
	bob.tell("follow", args{"actor": alice.actor})
	uri := bob.tell("post", args{"content": "let me in", "to": []string{alice.actor}, "mentions": []string{alice.actor}})["id"].(string)
	alice.settled()
	alice.run(nil, "unblock", bob.Handle)
	if told {
		bob.got("Undo", func(e entry) bool {
			undone, _ := e.Document.Object("object")
			return undone.Type() == "Block"
		})
	}
	if state := alice.followedBy(bob.Actor); state != "" {
		t.Errorf("a follow by somebody blocked is %s", state)
	}
	if _, ok := alice.find(uri); ok {
		t.Error("what somebody blocked wrote is here")
	}
}
