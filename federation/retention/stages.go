package retention

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/dunnock-server/dunnock/storage"
)

// stage does a batch of its work and says whether it has come to its end.
type stage func(k *Keeper, ctx context.Context, now time.Time) (end bool, err error)

// stages are in the order in which one lets go of what the next can then remove.
var stages = []stage{
	(*Keeper).seen, (*Keeper).ledger, (*Keeper).notifications, (*Keeper).posts, (*Keeper).givenUp, (*Keeper).answers,
	(*Keeper).actors, (*Keeper).hosts,
}

// ProcessBatch does a small part of the work, and returns 1, or 0 when it has come once through all that there is. A part
// holds the writer for a few milliseconds at most, some times. Call it again until it returns 0.
func (k *Keeper) ProcessBatch(ctx context.Context) (int, error) {
	if k.stage == len(stages) {
		k.stage = 0
		return 0, nil
	}
	end, err := stages[k.stage](k, ctx, time.Now())
	if err != nil {
		k.stage, k.place, k.row, k.host = 0, storage.Place{}, 0, ""
		return 0, fmt.Errorf("remove what is old: %w", err)
	}
	if end {
		k.stage++
	}
	return 1, nil
}

// oldest removes the oldest rows by one of the functions of storage that do so.
func (k *Keeper) oldest(ctx context.Context, t time.Time, forget func(storage.Tx, context.Context, storage.Time, int) (int, error)) (end bool, err error) {
	err = k.DB.Write(ctx, func(ctx context.Context, tx storage.Tx) error {
		n, err := forget(tx, ctx, storage.At(t), forgot)
		end = n < forgot
		return err
	})
	return end, err
}

func (k *Keeper) seen(ctx context.Context, now time.Time) (bool, error) {
	return k.oldest(ctx, now.Add(-seenFor), storage.Tx.ForgetSeen)
}

func (k *Keeper) notifications(ctx context.Context, now time.Time) (bool, error) {
	return k.oldest(ctx, now.Add(-k.Keep.Notifications), storage.Tx.ForgetNotifications)
}

func (k *Keeper) givenUp(ctx context.Context, now time.Time) (bool, error) {
	return k.oldest(ctx, now.Add(-k.Keep.Posts), storage.Tx.ForgetGivenUp)
}

func (k *Keeper) ledger(ctx context.Context, now time.Time) (bool, error) {
	n, err := k.Ledger.Prune(ctx, now.Add(-k.Keep.Ledger), forgot)
	return n < forgot, err
}

// some calls write for a few rows at a time.
func (k *Keeper) some(ctx context.Context, ids []int64, write func(ctx context.Context, tx storage.Tx, ids []int64) error) error {
	for few := range slices.Chunk(ids, forgot) {
		err := k.DB.Write(ctx, func(ctx context.Context, tx storage.Tx) error { return write(ctx, tx, few) })
		if err != nil {
			return err
		}
	}
	return nil
}

func (k *Keeper) posts(ctx context.Context, now time.Time) (bool, error) {
	t := storage.At(now.Add(-k.Keep.Posts))
	ids, next, err := k.DB.UntouchedPosts(ctx, k.Owner, t, k.place, looked)
	if err != nil {
		return false, err
	}
	k.place = next
	return next == storage.Place{}, k.some(ctx, ids, func(ctx context.Context, tx storage.Tx, ids []int64) error {
		return tx.ForgetPosts(ctx, k.Owner, t, ids)
	})
}

func (k *Keeper) answers(ctx context.Context, now time.Time) (end bool, err error) {
	t := storage.At(now.Add(-strangers))
	var ids []int64
	if ids, k.row, err = k.DB.UnneededAnswers(ctx, k.Owner, t, k.row, looked); err != nil {
		return false, err
	}
	return k.row == 0, k.some(ctx, ids, func(ctx context.Context, tx storage.Tx, ids []int64) error {
		return tx.ForgetAnswers(ctx, k.Owner, t, ids)
	})
}

func (k *Keeper) actors(ctx context.Context, now time.Time) (end bool, err error) {
	t := storage.At(now.Add(-strangers))
	var ids []int64
	if ids, k.row, err = k.DB.UnneededActors(ctx, t, k.row, looked); err != nil {
		return false, err
	}
	return k.row == 0, k.some(ctx, ids, func(ctx context.Context, tx storage.Tx, ids []int64) error {
		return tx.ForgetActors(ctx, t, ids)
	})
}

func (k *Keeper) hosts(ctx context.Context, _ time.Time) (bool, error) {
	err := k.DB.Write(ctx, func(ctx context.Context, tx storage.Tx) (err error) {
		k.host, err = tx.ForgetHosts(ctx, k.host, forgot)
		return err
	})
	return k.host == "", err
}
