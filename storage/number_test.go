package storage

import (
	"context"
	"testing"
)

// TestNumbersAreNotUsedTwice: whoever holds the number of a row that has gone must not find another one under it.
func TestNumbersAreNotUsedTwice(t *testing.T) {
	db := open(t)
	var before, after Act
	var rows [2][]Delivery
	write(t, db, func(ctx context.Context, tx Tx) error {
		for i, a := range []*Act{&before, &after} {
			*a = Act{URI: "https://a.example/" + string(rune('0'+i)), Object: "https://a.example/post", CreatedAt: Now(), ReleaseAt: Now()}
			if err := tx.InsertAct(ctx, a); err != nil {
				return err
			}
			d := []Delivery{{ActID: a.ID, Host: "b.example", Inbox: "https://b.example/inbox", DueAt: Now()}}
			if err := tx.InsertDeliveries(ctx, d); err != nil {
				return err
			}
			var err error
			if rows[i], err = tx.NextDeliveries(ctx, "b.example", Now(), 10); err != nil {
				return err
			}
			if err := tx.WithdrawDeliveries(ctx, a.ID); err != nil {
				return err
			}
			if err := tx.ForgetActsAbout(ctx, a.Object); err != nil {
				return err
			}
		}
		return nil
	})
	if before.ID == after.ID {
		t.Errorf("two acts had the number %d", before.ID)
	}
	if len(rows[0]) != 1 || len(rows[1]) != 1 || rows[0][0].ID == rows[1][0].ID {
		t.Errorf("deliveries: %+v and %+v", rows[0], rows[1])
	}
}
