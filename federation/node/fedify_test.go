// Package node_test runs the program that is released against another server and against itself, over HTTP on loopback.
package node_test

import (
	"testing"

	"github.com/dunnock-server/dunnock/hardening"
)

// scene is something that a node and a peer do together. Each effect is looked for where it should be seen: with the
// other one.
type scene struct {
	name string
	play func(t *testing.T, alice *process, bob *peer)
}

// play runs scenes in their order; later ones build on earlier ones.
func play(t *testing.T, alice *process, bob *peer, scenes []scene) {
	t.Helper()
	defer func() { alice.t, bob.t = t, t }()
	for _, s := range scenes {
		ok := t.Run(s.name, func(t *testing.T) {
			alice.t, bob.t = t, t
			s.play(t, alice, bob)
			var schemes map[string]string
			bob.ask("schemes", nil, &schemes)
			if used := schemes[alice.origin()]; used != "" && used != bob.scheme {
				t.Errorf("the peer came to sign in %q", used)
			}
		})
		if !ok {
			return
		}
	}
}

// Each preset is exchanged with the peer, in one scheme of signatures or the other; with some the peer is a server that answers
// only signed requests and delivers to shared inboxes.
func TestFedify(t *testing.T) {
	needPeer(t)
	carol := startPeer(t, "carol", "rfc9421")
	carol.tell("set", args{"secure": true})
	theirs := carol.tell("post", args{"content": "<p>by carol</p>"})["id"].(string)
	bobs := map[string]*peer{}
	var aliases []string
	for preset, scheme := range map[string]string{hardening.PresetOpen: "draft-cavage-http-signatures-12", hardening.PresetCareful: "rfc9421",
		hardening.PresetStrict: "draft-cavage-http-signatures-12"} {
		bob, secure := startPeer(t, "bob", scheme), preset != hardening.PresetOpen
		bob.tell("set", args{"secure": secure, "sharedInbox": secure})
		bobs[preset], aliases = bob, append(aliases, bob.Actor)
	}
	carol.tell("profile", args{"aliases": aliases})
	for preset, bob := range bobs {
		t.Run(preset, func(t *testing.T) {
			t.Parallel()
			alice := start(t, "alice", "--policy", preset)
			rules, err := hardening.Preset(preset)
			if err != nil {
				t.Fatal(err)
			}
			alice.rules = rules
			play(t, alice, bob, []scene{
				{"a stranger follows", strangerFollows},
				{"found by name", foundByName},
				{"a locked profile", lockedProfile},
				{"follow and be answered", followAndBeAnswered},
				{"posts go out", postsGoOut},
				{"posts come in", postsComeIn},
				{"answers both ways", answersBothWays},
				{"edits and deletions go out", editsGoOut},
				{"edits and deletions come in", editsComeIn},
				{"reactions go out", reactionsGoOut},
				{"reactions come in", reactionsComeIn},
				{"a boost of another's", boostOf(carol.Actor, theirs)},
				{"own poll", ownPoll},
				{"their poll", theirPoll},
				{"pins", pins},
				{"profiles", profiles},
				{"warning, language, hashtag", warningLanguageHashtag},
				{"pictures", pictures},
				{"quotes", quotes},
				{"a report", report},
				{"a move", moveTo(carol.Actor)},
				{"new keys", newKeys},
				{"blocked by them", blockedByThem},
				{"blocking them", blockingThem},
				{"what it tells", whatItTells},
			})
		})
	}
}
