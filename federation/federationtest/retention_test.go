package federationtest_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dunnock-server/dunnock/federation/federationtest"
	"github.com/dunnock-server/dunnock/storage"
)

// TestNodeForgetsWhatIsOld starts a node with a notification of last year and one of today.
func TestNodeForgetsWhatIsOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := federationtest.New(t, federationtest.NewNetwork(), "a.example")
		n.Stop()
		db, err := storage.Open(t.Context(), storage.Config{Path: filepath.Join(n.DataDir(), "dunnock.db")})
		if err != nil {
			t.Fatal(err)
		}
		err = db.Write(t.Context(), func(ctx context.Context, tx storage.Tx) error {
			return errors.Join(tx.Notify(ctx, &storage.Notification{Kind: "old", CreatedAt: storage.At(time.Now().AddDate(-1, 0, 0))}),
				tx.Notify(ctx, &storage.Notification{Kind: "new", CreatedAt: storage.Now()}))
		})
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
		n.Start()
		time.Sleep(5 * time.Minute) // the clock is looked at first
		list, _, err := n.Service().Notifications(t.Context(), 10, "")
		if err != nil || len(list) != 1 || list[0].Kind != "new" {
			t.Errorf("%+v, %v", list, err)
		}
		n.Stop()
	})
}
