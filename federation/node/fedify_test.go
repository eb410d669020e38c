// Package node_test runs the program that is released against another server and against itself, over HTTP on loopback.
package node_test

import (
	"testing"
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

// The peer signs in one scheme first, then all over again in the other; and once it is a server that answers only signed
// requests and delivers to shared inboxes.
func TestFedify(t *testing.T) {
	needPeer(t)
	carol := startPeer(t, "carol", "rfc9421")
	carol.tell("set", args{"secure": true})
	theirs := carol.tell("post", args{"content": "<p>by carol</p>"})["id"].(string)
	bobs := map[string]*peer{}
	var aliases []string
	for scheme, strict := range map[string]bool{"draft-cavage-http-signatures-12": false, "rfc9421": true} {
		bob := startPeer(t, "bob", scheme)
		bob.tell("set", args{"secure": strict, "sharedInbox": strict})
		bobs[scheme], aliases = bob, append(aliases, bob.Actor)
	}
	carol.tell("profile", args{"aliases": aliases})
	for scheme, bob := range bobs {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			play(t, start(t, "alice"), bob, []scene{
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
