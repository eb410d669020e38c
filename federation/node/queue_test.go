package node_test

import (
	"net"
	"net/http"
	"slices"
	"testing"

	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/control"
)

// A server that takes one of the two kinds of signature is asked in both once, and from then on in the one it takes.
func TestSchemeIsLearnt(t *testing.T) {
	needPeer(t)
	t.Parallel()
	alice, bob := start(t, "alice"), startPeer(t, "bob", "rfc9421")
	bob.tell("set", args{"cavage": false, "secure": true})
	bob.tell("follow", args{"actor": alice.actor})
	eventually(t, "the Accept has arrived", func() bool { return slices.Contains(bob.items("following"), alice.actor) })
	post := alice.write("signed anew")
	bob.got("Create", about(post.URI))
	alice.stop()
	alice.serve()
	other := alice.write("and again")
	bob.got("Create", about(other.URI))
	refusals := func(since int) (n int) {
		for _, r := range bob.requests(since) {
			if r.Status == http.StatusUnauthorized {
				n++
			}
		}
		return n
	}
	if n := refusals(0); n != 1 {
		t.Errorf("the peer refused %d signatures, not the first one alone", n)
	}
	// It changes its mind.
	since := len(bob.requests(0))
	bob.tell("set", args{"cavage": true, "rfc9421": false})
	for _, text := range []string{"once more", "and for all"} {
		post := alice.write(text)
		bob.got("Create", about(post.URI))
	}
	if n := refusals(since); n != 1 {
		t.Errorf("after the change the peer refused %d signatures, not the first one alone", n)
	}
}

// What is written while the peer is down reaches it when it is back, in order; what was deleted meanwhile was never told.
func TestPeerIsDownAndBack(t *testing.T) {
	needPeer(t)
	t.Parallel()
	_, port, _ := net.SplitHostPort(freeAddress(t))
	alice, bob := start(t, "alice"), startPeer(t, "bob", "rfc9421", "--port", port)
	bob.tell("follow", args{"actor": alice.actor})
	eventually(t, "the Accept has arrived", func() bool { return slices.Contains(bob.items("following"), alice.actor) })
	bob.stop()

	first, unsaid := alice.write("are you there?"), alice.write("unsaid")
	var queue federation.Queued
	eventually(t, "a delivery has failed", func() bool {
		alice.run(&queue, "queue")
		return slices.ContainsFunc(queue.Waiting, func(w federation.Waiting) bool { return w.Attempts > 0 && w.Error != "" })
	})
	alice.stop()
	alice.run(nil, "delete", unsaid.URI) // with the node down
	alice.serve()
	second := alice.write("still there?")

	back := startPeer(t, "bob", "rfc9421", "--port", port)
	back.got("Create", about(second.URI))
	var log struct{ Activities []entry }
	back.ask("log", nil, &log)
	var objects []string
	for _, e := range log.Activities {
		objects = append(objects, e.Object)
	}
	if !slices.Equal(objects, []string{first.URI, second.URI}) {
		t.Errorf("what arrived is about %v", objects)
	}
	eventually(t, "nothing waits", func() bool {
		alice.run(&queue, "queue")
		return len(queue.Waiting) == 0
	})
}

// What needs other servers and is asked for while the node is down happens when it runs.
func TestAskedForWhileDown(t *testing.T) {
	t.Parallel()
	alice, dave := start(t, "alice"), start(t, "dave")
	alice.stop()
	var kept control.Kept
	alice.run(&kept, "follow", dave.handle)
	if !kept.Queued {
		t.Fatalf("asked to follow with the node down: %+v", kept)
	}
	alice.serve()
	eventually(t, "alice follows", func() bool { return alice.follows(dave.actor) == "accepted" })
	if state := dave.followedBy(alice.actor); state != "accepted" {
		t.Errorf("alice is %q", state)
	}
}
