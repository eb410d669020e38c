package storage

import (
	"context"
	"errors"
	"testing"
)

func TestAHandleIsOneActors(t *testing.T) {
	db, ctx := open(t), t.Context()
	for i, step := range []struct {
		do   func(ctx context.Context, tx Tx) error
		want map[string]string // handle to actor
	}{
		{func(ctx context.Context, tx Tx) error {
			return tx.PutActor(ctx, &Actor{URI: "a", Handle: "bob@v", FetchedAt: moment}, nil)
		}, map[string]string{"bob@v": "a"}},
		{func(ctx context.Context, tx Tx) error {
			return tx.PutActor(ctx, &Actor{URI: "b", Handle: "bob@v", FetchedAt: moment}, nil)
		}, map[string]string{"bob@v": "b"}},
		{func(ctx context.Context, tx Tx) error {
			return tx.PutActor(ctx, &Actor{URI: "c", FetchedAt: moment}, nil)
		}, map[string]string{"bob@v": "b"}},
		{func(ctx context.Context, tx Tx) error { return tx.SetHandle(ctx, "a", "ann@v") }, map[string]string{"bob@v": "b", "ann@v": "a"}},
		{func(ctx context.Context, tx Tx) error { return tx.SetHandle(ctx, "c", "bob@v") }, map[string]string{"bob@v": "c", "ann@v": "a"}},
		{func(ctx context.Context, tx Tx) error { return tx.SetHandle(ctx, "c", "") }, map[string]string{"bob@v": "", "ann@v": "a"}},
	} {
		if err := db.Write(ctx, step.do); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		for handle, want := range step.want {
			a, err := db.ActorByHandle(ctx, handle)
			if want == "" && errors.Is(err, ErrNotFound) {
				continue
			}
			if err != nil || a.URI != want {
				t.Errorf("step %d: %s is %v, want %s (%v)", i, handle, a, want, err)
			}
		}
	}
}
