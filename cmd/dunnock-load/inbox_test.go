package main

import (
	"context"
	"fmt"
	"testing"

	"github.com/dunnock-server/dunnock/storage"
)

func TestInbox(t *testing.T) {
	f, code := load(t, nil, "inbox", "--count", fmt.Sprint(scaled(5000)))
	f.want(t, found{inboxLost: 0, inboxDoubled: 0, "inbox: not answered 2xx": 0})
	if code != 0 || f[inboxSpeed] <= 0 || f[inboxCPU] <= 0 {
		t.Errorf("exit %d, %v", code, f)
	}
}

// What is gone, or says something else than was sent, is seen to be lost, and ends the program with 1.
func TestInboxLoss(t *testing.T) {
	f, code := load(t, spoil(func(ctx context.Context, tx storage.Tx) error {
		list, err := tx.Notifications(ctx, 0, 3)
		if err != nil {
			return err
		}
		for _, n := range list[:2] {
			if err := tx.DeleteNotification(ctx, n.Kind, n.Actor, n.Object); err != nil {
				return err
			}
		}
		post, err := tx.Post(ctx, list[2].Object)
		if err != nil {
			return err
		}
		post.Content = "<p>something else</p>"
		return tx.UpdatePost(ctx, post)
	}), "inbox", "--count", "100")
	f.want(t, found{inboxLost: 3, inboxDoubled: 0})
	if code != exitFailed {
		t.Errorf("exit %d", code)
	}
}
