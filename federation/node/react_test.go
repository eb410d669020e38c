package node_test

import (
	"slices"
	"testing"

	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/vocab"
)

func reactionsGoOut(t *testing.T, alice *process, bob *peer) {
	uri := bob.tell("post", args{"content": "likeable"})["id"].(string)
	alice.reads(uri, "")
	for _, c := range []struct{ command, kind string }{{"like", "Like"}, {"boost", "Announce"}} {
		var made federation.Reaction
		alice.run(&made, c.command, uri)
		if got := bob.got(c.kind, about(uri)); got.ID != made.Activity || got.Actor != alice.actor {
			t.Errorf("the %s arrives as %+v", c.command, got)
		}
		found, _ := alice.find(uri)
		if found.Liked != (c.command == "like") || found.Boosted != (c.command == "boost") {
			t.Errorf("after the %s it is %+v", c.command, found)
		}
		alice.run(nil, "undo", "--kind", c.command, uri)
		undo := bob.got("Undo", about(made.Activity))
		if undone, ok := undo.Document.Object("object"); !ok || undone.Type() != c.kind || undone.IRI("object") != uri {
			t.Errorf("the Undo does not carry the whole %s: %v", c.kind, undo.Document)
		}
	}
	if found, _ := alice.find(uri); found.Liked || found.Boosted || found.Likes != 0 || found.Boosts != 0 {
		t.Errorf("after all is undone it is %+v", found)
	}
}

func reactionsComeIn(t *testing.T, alice *process, bob *peer) {
	post := alice.write("likeable")
	bob.got("Create", about(post.URI))
	has := func(likes, boosts, reacts int) {
		t.Helper()
		alice.sees(post.URI, func(x federation.Post) bool {
			return x.Likes == likes && x.Boosts == boosts && x.Reacts["🐦"] == reacts
		})
	}
	object := args{"object": post.URI}
	bob.tell("like", object)
	has(1, 0, 0)
	bob.tell("boost", object)
	has(1, 1, 0)
	react := bob.tell("react", args{"object": post.URI, "emoji": "🐦"})["activity"]
	has(1, 1, 1)
	for _, kind := range []string{"like", "boost", "react"} {
		if n := alice.told(kind, post.URI); n.Handle != bob.Handle {
			t.Errorf("told of a %s by %s", kind, n.Handle)
		}
	}
	bob.tell("unlike", object)
	has(0, 1, 1)
	bob.tell("unboost", object)
	has(0, 0, 1)
	bob.tell("undo", args{"id": react})
	has(0, 0, 0)
}

// boostOf is a boost of what somebody elsewhere posted: it is fetched from there.
func boostOf(author, uri string) func(*testing.T, *process, *peer) {
	return func(t *testing.T, alice *process, bob *peer) {
		bob.tell("boost", args{"object": uri})
		if found := alice.reads(uri, bob.Actor); found.Author.URI != author || found.Text != "by carol" {
			t.Errorf("boosted: %+v", found)
		}
		bob.tell("unboost", args{"object": uri})
		eventually(t, "the boost is gone", func() bool {
			return !slices.ContainsFunc(alice.timeline(), func(x federation.Post) bool { return x.URI == uri })
		})
	}
}

func ownPoll(t *testing.T, alice *process, bob *peer) {
	post := alice.write("which?", "--poll", "tea|coffee", "--poll-closes", "2h")
	question, _ := bob.got("Create", about(post.URI)).Document.Object("object")
	if question.Type() != vocab.TypeQuestion || len(question.Objects("oneOf")) != 2 || question.Text("endTime") == "" {
		t.Errorf("the poll goes out as %v", question)
	}
	bob.tell("vote", args{"question": post.URI, "names": []string{"coffee"}})
	alice.sees(post.URI, func(x federation.Post) bool {
		return x.Poll.Options[0].Votes == 0 && x.Poll.Options[1].Votes == 1 && x.Poll.Voters == 1
	})
	bob.tell("vote", args{"question": post.URI, "names": []string{"tea"}}) // a second one does not count
	options := served(t, bob, post.URI).Objects("oneOf")
	for n, votes := range []int64{0, 1} {
		replies, _ := options[n].Object("replies")
		if count, _ := replies.Int("totalItems"); count != votes {
			t.Errorf("option %d is served with %d votes", n, count)
		}
	}
}

func theirPoll(t *testing.T, alice *process, bob *peer) {
	for _, multiple := range []bool{false, true} {
		poll := args{"options": []string{"tea", "coffee", "water"}, "multiple": multiple}
		uri := bob.tell("post", args{"content": "which?", "poll": poll})["id"].(string)
		if found := alice.reads(uri, ""); found.Poll == nil || found.Poll.Multiple != multiple || len(found.Poll.Options) != 3 {
			t.Fatalf("the poll came in as %+v", found.Poll)
		}
		choices := []string{"coffee"}
		if multiple {
			choices = []string{"coffee", "3"}
		} else if err := alice.try(nil, "vote", uri, "tea", "coffee"); err == nil {
			t.Error("a poll for one choice takes two")
		}
		alice.run(nil, append([]string{"vote", uri}, choices...)...)
		var notes struct {
			Items []struct {
				ID    string
				Votes map[string][]string
			}
		}
		eventually(t, "the peer counts the vote", func() bool {
			bob.ask("notes", nil, &notes)
			for _, n := range notes.Items {
				if n.ID == uri {
					return len(n.Votes[alice.actor]) == len(choices)
				}
			}
			return false
		})
		bob.tell("edit", args{"id": uri})
		alice.sees(uri, func(x federation.Post) bool {
			return x.Poll.Voters == 1 && x.Poll.Options[0].Votes == 0 && x.Poll.Options[1].Votes == 1 && len(x.Poll.Voted) == len(choices)
		})
	}
}
