package storage

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"
)

var moment = At(time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC))

// TestRecordsComeBackAsTheyWent writes each record with every field set and reads it again.
func TestRecordsComeBackAsTheyWent(t *testing.T) {
	db, ctx := open(t), t.Context()
	for _, c := range []struct {
		name  string
		write func(context.Context, Tx) (any, error)
		read  func() (any, error)
	}{
		{"profile", func(ctx context.Context, tx Tx) (any, error) {
			p := &Profile{}
			fill(reflect.ValueOf(p).Elem())
			return p, tx.SetProfile(ctx, p)
		}, func() (any, error) { return db.Profile(ctx) }},
		{"actor", func(ctx context.Context, tx Tx) (any, error) {
			a := &Actor{}
			fill(reflect.ValueOf(a).Elem())
			a.ID = 1
			return a, tx.PutActor(ctx, a, nil)
		}, func() (any, error) { return db.Actor(ctx, "URI") }},
		{"post", func(ctx context.Context, tx Tx) (any, error) {
			p := &Post{}
			fill(reflect.ValueOf(p).Elem())
			_, err := tx.InsertPost(ctx, p)
			return p, err
		}, func() (any, error) { return db.Post(ctx, "URI") }},
		{"poll", func(ctx context.Context, tx Tx) (any, error) {
			p := &Poll{}
			fill(reflect.ValueOf(p).Elem())
			return p, tx.PutPoll(ctx, p)
		}, func() (any, error) { return db.Poll(ctx, "Post") }},
		{"act", func(ctx context.Context, tx Tx) (any, error) {
			a := &Act{}
			fill(reflect.ValueOf(a).Elem())
			return a, tx.InsertAct(ctx, a)
		}, func() (any, error) { return db.ActByURI(ctx, "URI") }},
		{"blob", func(ctx context.Context, tx Tx) (any, error) {
			b := &Blob{}
			fill(reflect.ValueOf(b).Elem())
			return b, tx.InsertBlob(ctx, b)
		}, func() (any, error) { return db.Blob(ctx, "Name") }},
		{"host", func(ctx context.Context, tx Tx) (any, error) {
			h := &Host{}
			fill(reflect.ValueOf(h).Elem())
			return h, tx.PutHost(ctx, h)
		}, func() (any, error) { return db.Host(ctx, "Host") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			var want any
			write(t, db, func(ctx context.Context, tx Tx) (err error) {
				want, err = c.write(ctx, tx)
				return err
			})
			got, err := c.read()
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

// fill sets every field to something that is not its zero value; text fields get their own name.
func fill(v reflect.Value) {
	for i := range v.NumField() {
		f, name := v.Field(i), v.Type().Field(i).Name
		if name == "BaseModel" {
			continue
		}
		switch f.Kind() {
		case reflect.String:
			f.SetString(name)
		case reflect.Int, reflect.Int64:
			f.SetInt(1)
		case reflect.Bool:
			f.SetBool(true)
		case reflect.Struct:
			if f.Type() == reflect.TypeFor[Time]() {
				f.Set(reflect.ValueOf(moment))
				continue
			}
			fill(f)
		case reflect.Slice:
			f.Set(reflect.MakeSlice(f.Type(), 1, 1))
			if e := f.Index(0); e.Kind() == reflect.Struct {
				fill(e)
			} else {
				e.SetString(name)
			}
		}
	}
}

func TestAbsentIsErrNotFound(t *testing.T) {
	db, ctx := open(t), t.Context()
	_, actor := db.Actor(ctx, "x")
	_, post := db.Post(ctx, "x")
	_, follow := db.Follow(ctx, "x", "y")
	_, setting := db.Setting(ctx, "x")
	for _, err := range []error{actor, post, follow, setting} {
		if !errors.Is(err, ErrNotFound) {
			t.Error(err)
		}
	}
}

func TestInboundKeepsTheOrderOfEachActor(t *testing.T) {
	db, ctx := open(t), t.Context()
	accept := func(actor, activity string) (fresh bool) {
		write(t, db, func(ctx context.Context, tx Tx) (err error) {
			fresh, err = tx.Accept(ctx, &Inbound{Actor: actor, Activity: activity, Body: []byte("{}"), ReceivedAt: moment, DueAt: moment})
			return err
		})
		return fresh
	}
	for _, a := range []string{"a1", "a2"} {
		if !accept("a", a) {
			t.Fatalf("%s counts as seen", a)
		}
	}
	accept("b", "b1")
	if accept("a", "a1") {
		t.Error("the same activity was accepted twice")
	}
	if !accept("b", "a1") {
		t.Error("an id that another actor used counts as seen")
	}
	due := func(now Time) (names []string) {
		rows, err := db.DueInbound(ctx, now, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			names = append(names, r.Activity)
		}
		return names
	}
	if got := due(moment); !reflect.DeepEqual(got, []string{"a1", "b1"}) {
		t.Errorf("due: %v", got)
	}
	later := At(moment.Add(time.Hour))
	write(t, db, func(ctx context.Context, tx Tx) error { return tx.PostponeInbound(ctx, 1, later) })
	if got := due(moment); !reflect.DeepEqual(got, []string{"b1"}) {
		t.Errorf("a2 overtook the postponed a1: %v", got)
	}
}

func TestDeliveriesOfAHostDoNotOvertake(t *testing.T) {
	db, ctx := open(t), t.Context()
	write(t, db, func(ctx context.Context, tx Tx) error {
		return tx.InsertDeliveries(ctx, []Delivery{
			{ActID: 2, Host: "h", Inbox: "i1", DueAt: moment},
			{ActID: 1, Host: "h", Inbox: "i1", DueAt: moment},
			{ActID: 1, Host: "h", Inbox: "i2", DueAt: moment},
			{ActID: 0, Host: "h", Inbox: "i1", DueAt: At(moment.Add(time.Hour))},
			{ActID: 0, Host: "other", Inbox: "i1", DueAt: moment},
		})
	})
	rows, err := db.NextDeliveries(ctx, "h", moment, 10)
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 2 || rows[0].ActID != 1 || rows[1].ActID != 1 {
		t.Errorf("next: %+v", rows)
	}
}

func TestHostWakesForTheEarliestUnlessItFails(t *testing.T) {
	db, ctx := open(t), t.Context()
	due := func() time.Time {
		h, err := db.Host(ctx, "h")
		if err != nil {
			t.Fatal(err)
		}
		return h.DueAt.Time
	}
	wake := func(at time.Time) {
		write(t, db, func(ctx context.Context, tx Tx) error { return tx.WakeHost(ctx, "h", At(at)) })
	}
	wake(moment.Add(time.Hour))
	if wake(moment.Time); !due().Equal(moment.Time) {
		t.Errorf("due %v", due())
	}
	if wake(moment.Add(time.Minute)); !due().Equal(moment.Time) {
		t.Errorf("a later act put the host off until %v", due())
	}
	backoff := moment.Add(2 * time.Hour)
	write(t, db, func(ctx context.Context, tx Tx) error {
		return tx.PutHost(ctx, &Host{Host: "h", Failures: 3, DueAt: At(backoff)})
	})
	if wake(moment.Time); !due().Equal(backoff) {
		t.Errorf("a new act cut the backoff short: due %v", due())
	}
}

func TestStrictTablesRefuseAWrongType(t *testing.T) {
	db := open(t)
	err := db.Write(t.Context(), func(ctx context.Context, tx Tx) error {
		_, err := tx.db.NewRaw("INSERT INTO votes (poll, voter, choice) VALUES ('p', 'v', 'first')").Exec(ctx)
		return err
	})
	if err == nil {
		t.Error("text went into an integer column")
	}
}

func TestBuryPostLeavesATombstone(t *testing.T) {
	db, ctx := open(t), t.Context()
	write(t, db, func(ctx context.Context, tx Tx) error {
		p := &Post{}
		fill(reflect.ValueOf(p).Elem())
		p.DeletedAt = Time{}
		if _, err := tx.InsertPost(ctx, p); err != nil {
			return err
		}
		if err := tx.AddToTimeline(ctx, &TimelineEntry{Post: "URI", CreatedAt: moment}); err != nil {
			return err
		}
		return tx.BuryPost(ctx, "URI", moment)
	})
	p, err := db.Post(ctx, "URI")
	if err != nil {
		t.Fatal(err)
	}
	if p.DeletedAt.IsZero() || p.Content != "" || p.Source != "" || len(p.Tags) != 0 || p.Author != "Author" {
		t.Errorf("tombstone: %+v", p)
	}
	if entries, _ := db.Timeline(ctx, 0, 10); len(entries) != 0 {
		t.Errorf("it still stands in the timeline: %+v", entries)
	}
}

func TestKeyOfAnotherActorIsNotTakenOver(t *testing.T) {
	db, ctx := open(t), t.Context()
	put := func(actor string) {
		write(t, db, func(ctx context.Context, tx Tx) error {
			return tx.PutActor(ctx, &Actor{URI: actor, FetchedAt: moment}, []ActorKey{{ID: "victim#key", Actor: actor, Public: []byte(actor), FetchedAt: moment}})
		})
	}
	put("victim")
	put("eve")
	if k, err := db.ActorKey(ctx, "victim#key"); err != nil || k.Actor != "victim" {
		t.Errorf("the key now belongs to %+v, %v", k, err)
	}
}
