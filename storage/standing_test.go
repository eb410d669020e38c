package storage

import (
	"context"
	"errors"
	"reflect"
	"regexp"
	"testing"
)

// How the owner stands to somebody is what is stored, before, within and after each change, whether that is kept or not.
func TestStandingIsNeverOld(t *testing.T) {
	db := open(t)
	const owner, actor = "https://home.example/users/owner", "https://a.example/users/a"
	want := Standing{}
	holds := func(when string, get func(context.Context, string, string) (Standing, error)) {
		t.Helper()
		for range 2 { // read, and remembered
			if got, err := get(t.Context(), owner, actor); err != nil || got != want {
				t.Errorf("%s: %+v, %v; want %+v", when, got, err, want)
			}
		}
	}
	holds("at first", db.Standing)
	for _, c := range []struct {
		name   string
		change func(context.Context, Tx) error
		want   Standing
	}{
		{"an actor", func(ctx context.Context, tx Tx) error {
			return tx.PutActor(ctx, &Actor{URI: actor, Followers: actor + "/followers", FetchedAt: moment}, nil)
		}, Standing{Audience: actor + "/followers"}},
		{"a follow", func(ctx context.Context, tx Tx) error {
			return tx.PutFollow(ctx, &Follow{Follower: owner, Followee: actor, State: Accepted, CreatedAt: moment})
		}, Standing{Audience: actor + "/followers", Follows: true}},
		{"a block", func(ctx context.Context, tx Tx) error {
			_, err := tx.PutRelation(ctx, &Relation{Actor: actor, Kind: Block, CreatedAt: moment})
			return err
		}, Standing{Audience: actor + "/followers", Follows: true, Blocked: true}},
		{"its end", func(ctx context.Context, tx Tx) error {
			_, err := tx.DeleteRelation(ctx, actor, Block)
			return err
		}, Standing{Audience: actor + "/followers", Follows: true}},
		{"the actor's end", func(ctx context.Context, tx Tx) error { return tx.ForgetActor(ctx, actor, moment.Time) },
			Standing{Audience: actor + "/followers", Gone: true}},
	} {
		before, undo := want, errors.New("undo")
		for _, end := range []error{undo, nil} {
			err := db.Write(t.Context(), func(ctx context.Context, tx Tx) error {
				holds("before "+c.name, tx.Standing)
				if err := c.change(ctx, tx); err != nil {
					return err
				}
				want = c.want
				holds("within "+c.name, tx.Standing)
				return end
			})
			if !errors.Is(err, end) {
				t.Fatal(err)
			}
			if end != nil {
				want = before
			}
			holds("after "+c.name, db.Standing)
		}
	}
}

// What changes a table that a standing depends on says so. Each transaction has the connection compile its statements anew,
// so that those that it keeps are the transaction's.
func TestWhatChangesPeopleSaysSo(t *testing.T) {
	changes := regexp.MustCompile(`^(INSERT INTO|UPDATE|DELETE FROM) "?(actors|follows|relations)"?[ (]`)
	undo := errors.New("undo")
	found := 0
	for m := range reflect.TypeFor[Tx]().Methods() {
		db := open(t)
		err := db.Write(t.Context(), func(ctx context.Context, tx Tx) error {
			call(ctx, tx, m)
			if tx.made.people {
				found++
			}
			return errors.Join(undo, statements(tx, func(text string) {
				if changes.MatchString(text) && !tx.made.people {
					t.Errorf("%s does not say that it changes people: %s", m.Name, text)
				}
			}))
		})
		if !errors.Is(err, undo) {
			t.Fatalf("%s: %v", m.Name, err)
		}
	}
	if found < 8 {
		t.Errorf("only %d methods change people", found)
	}
}
