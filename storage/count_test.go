package storage

import (
	"context"
	"testing"
	"time"
)

// whatThereIsCanBeCounted: at its very moment a delivery is due.
func whatThereIsCanBeCounted(t *testing.T, db *DB) {
	if c, err := db.Counts(t.Context(), moment); err != nil || c != (Counts{}) {
		t.Errorf("%+v of nothing, %v", c, err)
	}
	later := At(moment.Add(time.Millisecond))
	err := db.Write(t.Context(), func(ctx context.Context, tx Tx) error {
		act := &Act{URI: "a", Type: "Create", CreatedAt: moment}
		if err := tx.InsertAct(ctx, act); err != nil {
			return err
		}
		err := tx.InsertDeliveries(ctx, []Delivery{
			{ActID: act.ID, Host: "h", Inbox: "1", DueAt: later}, {ActID: act.ID, Host: "h", Inbox: "2", DueAt: later}, {ActID: act.ID, Host: "h", Inbox: "3", DueAt: later},
			{ActID: act.ID, Host: "h", Inbox: "4", DueAt: moment}, {ActID: act.ID, Host: "h", Inbox: "5", DueAt: At(moment.Add(-time.Hour))},
			{ActID: act.ID, Host: "h", Inbox: "6", DueAt: At(moment.Add(-2 * time.Hour)), GivenUp: true}})
		if err != nil {
			return err
		}
		for _, name := range []string{"post", "like"} {
			if err := tx.InsertCall(ctx, &Call{Name: name, CreatedAt: moment, DueAt: moment}); err != nil {
				return err
			}
		}
		for range 5 {
			if err := tx.InsertDisclosure(ctx, &Disclosure{At: moment, Direction: Pulled, LastAt: moment}); err != nil {
				return err
			}
		}
		_, err = tx.Accept(ctx, &Inbound{Actor: "b", Activity: "c", ReceivedAt: moment, DueAt: moment})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := Counts{Waiting: 3, Due: 2, GivenUp: 1, Oldest: At(moment.Add(-time.Hour)), Inbound: 1, Calls: 2, Ledger: 5}
	if c, err := db.Counts(t.Context(), moment); err != nil || c != want {
		t.Errorf("%+v, not %+v; %v", c, want, err)
	}
}
