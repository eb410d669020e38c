package inbox

import (
	"testing"

	"github.com/dunnock-server/dunnock/storage"
)

func TestFollowIsAcceptedWithTheWholeFollow(t *testing.T) {
	n := newNode(t)
	eve := newPeer(t, n.net, "eve.example").person("eve")
	follow := eve.act("Follow", n.ids.Owner())
	n.take(eve, follow)
	f, err := n.db.Follow(t.Context(), eve.uri, n.ids.Owner())
	if err != nil || f.State != storage.Accepted {
		t.Fatalf("follow: %+v, %v", f, err)
	}
	equal(t, "notifications", n.notified(), "follow "+eve.uri+" "+n.ids.Owner())
	if _, err := n.queue.ProcessBatch(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := eve.received()
	if len(got) != 1 || got[0].Type() != "Accept" || got[0].IRI("actor") != n.ids.Owner() {
		t.Fatalf("eve's server got %v", got)
	}
	inner, _ := got[0].Object("object")
	if inner.ID() != follow["id"] || inner.Type() != "Follow" || inner.IRI("actor") != eve.uri || inner.IRI("object") != n.ids.Owner() {
		t.Errorf("the Accept embeds %v", inner)
	}
}
