package federationtest_test

import (
	"testing"
	"testing/synctest"

	"github.com/dunnock-server/dunnock/federation"
	. "github.com/dunnock-server/dunnock/federation/federationtest"
	"github.com/dunnock-server/dunnock/storage"
)

// must gives a result, and fails the test on an error.
func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// pair is two nodes that follow each other.
func pair(t *testing.T) (a, b *Node) {
	t.Helper()
	network := NewNetwork()
	a, b = New(t, network, "a.example"), New(t, network, "b.example")
	t.Cleanup(func() { a.Stop(); b.Stop() })
	must[*federation.Relationship](t)(a.Service().Follow(t.Context(), b.Handle()))
	must[*federation.Relationship](t)(b.Service().Follow(t.Context(), a.Handle()))
	Settle(t, a, b)
	return a, b
}

func TestFollowIsAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pair(t)
		for _, n := range []*Node{a, b} {
			following := must[[]federation.Relationship](t)(n.Service().Following(t.Context()))
			followers := must[[]federation.Relationship](t)(n.Service().Followers(t.Context(), storage.Accepted))
			if len(following) != 1 || following[0].State != "accepted" || len(followers) != 1 {
				t.Errorf("%s follows %+v and is followed by %+v", n.Host, following, followers)
			}
		}
	})
}

func TestPostArrivesIsEditedAndDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pair(t)
		ctx := t.Context()
		post := must[*federation.Post](t)(a.Service().Publish(ctx, federation.Draft{Text: "hello " + b.Handle()}))
		Settle(t, a, b)
		seen := func() *federation.Post {
			t.Helper()
			posts, _, err := b.Service().Timeline(ctx, 0, "")
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range posts {
				if p.URI == post.URI {
					return &p
				}
			}
			return nil
		}
		if p := seen(); p == nil || p.Text != "hello @alice" {
			t.Fatalf("b sees %+v", p)
		}
		text := "changed"
		must[*federation.Post](t)(a.Service().Edit(ctx, post.ID, federation.Edit{Text: &text}))
		Settle(t, a, b)
		if p := seen(); p == nil || p.Text != "changed" || p.Updated == nil {
			t.Fatalf("b sees %+v", p)
		}
		reply := must[*federation.Post](t)(b.Service().Publish(ctx, federation.Draft{Text: "answer", ReplyTo: post.URI}))
		must[*federation.Reaction](t)(b.Service().Like(ctx, post.URI))
		must[*federation.Reaction](t)(b.Service().Boost(ctx, post.URI))
		Settle(t, a, b)
		mine := must[[]federation.Post](t)(a.Service().Thread(ctx, post.ID))
		if len(mine) != 2 || mine[1].URI != reply.URI || mine[0].Likes != 1 || mine[0].Boosts != 1 {
			t.Errorf("a sees %+v", mine)
		}
		must[string](t)(b.Service().UndoReaction(ctx, storage.Like, post.URI))
		must[string](t)(b.Service().UndoReaction(ctx, storage.Announce, post.URI))
		Settle(t, a, b)
		if mine = must[[]federation.Post](t)(a.Service().Thread(ctx, post.ID)); mine[0].Likes != 0 || mine[0].Boosts != 0 {
			t.Errorf("after the undoing a sees %+v", mine[0])
		}
		must[string](t)(a.Service().Delete(ctx, post.ID))
		Settle(t, a, b)
		if p := seen(); p != nil {
			t.Errorf("after the deletion b sees %+v", p)
		}
	})
}
