package storage

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"testing"
	"time"
)

var moment = At(time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC))

// recordTests run on every dialect.
var recordTests = map[string]func(*testing.T, *DB){
	"records come back as they went":              recordsComeBackAsTheyWent,
	"absent is err not found":                     absentIsErrNotFound,
	"inbound keeps the order of each actor":       inboundKeepsTheOrderOfEachActor,
	"what was undone may be done again":           whatWasUndoneMayBeDoneAgain,
	"deliveries of a host do not overtake":        deliveriesOfAHostDoNotOvertake,
	"due alone is what is next without others":    dueAloneIsNextWithoutOthers,
	"a server that took something is settled":     serverThatTookSomethingIsSettled,
	"host wakes for the earliest unless it fails": hostWakesForTheEarliestUnlessItFails,
	"bury post leaves a tombstone":                buryPostLeavesATombstone,
	"key of another actor is not taken over":      keyOfAnotherActorIsNotTakenOver,
	"forget actor leaves no trace":                forgetActorLeavesNoTrace,
	"conversation follows the parent":             conversationFollowsTheParent,
	"what nobody touched is forgotten":            whatNobodyTouchedIsForgotten,
	"what strangers left is forgotten":            whatStrangersLeftIsForgotten,
	"old rows are forgotten, the oldest first":    oldRowsAreForgotten,
	"what there is can be counted":                whatThereIsCanBeCounted,
}

func TestRecords(t *testing.T) {
	for name, test := range recordTests {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// recordsComeBackAsTheyWent writes each record with every field set and reads it again.
func recordsComeBackAsTheyWent(t *testing.T, db *DB) {
	ctx := t.Context()
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
			switch e := f.Index(0); e.Kind() {
			case reflect.Struct:
				fill(e)
			case reflect.Uint8:
				e.SetUint(1)
			default:
				e.SetString(name)
			}
		}
	}
}

func absentIsErrNotFound(t *testing.T, db *DB) {
	ctx := t.Context()
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

func inboundKeepsTheOrderOfEachActor(t *testing.T, db *DB) {
	ctx := t.Context()
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
	if got := due(moment); !reflect.DeepEqual(got, []string{"a1", "a2", "b1", "a1"}) {
		t.Errorf("due: %v", got)
	}
	later := At(moment.Add(time.Hour))
	write(t, db, func(ctx context.Context, tx Tx) error { return tx.PostponeInbound(ctx, 1, later) })
	if got := due(moment); !reflect.DeepEqual(got, []string{"b1", "a1"}) {
		t.Errorf("a2 overtook the postponed a1: %v", got)
	}
	if next, err := db.NextInboundDue(ctx, moment); err != nil || !next.Equal(later.Time) {
		t.Errorf("next due: %v, %v; what waits behind a1 is not due by itself", next, err)
	}
	if got := due(later); !reflect.DeepEqual(got, []string{"a1", "a2", "b1", "a1"}) {
		t.Errorf("due later: %v", got)
	}
}

func whatWasUndoneMayBeDoneAgain(t *testing.T, db *DB) {
	accept := func(signed time.Time) (fresh bool) {
		write(t, db, func(ctx context.Context, tx Tx) (err error) {
			fresh, err = tx.Accept(ctx, &Inbound{Actor: "a", Activity: "follow", Body: []byte("{}"), SignedAt: At(signed), ReceivedAt: moment, DueAt: moment})
			return err
		})
		return fresh
	}
	second := func(n time.Duration) time.Time { return moment.Add(n * time.Second) }
	if !accept(second(0)) || accept(second(1)) {
		t.Fatal("an activity counts once")
	}
	write(t, db, func(ctx context.Context, tx Tx) error { return tx.MarkUndone(ctx, "a", "follow", At(second(2))) })
	if accept(second(1)) || accept(second(2)) {
		t.Error("a replay from before the undoing counts as new")
	}
	if !accept(second(3)) || accept(second(4)) {
		t.Error("done again after the undoing, it counts once more")
	}
}

func deliveriesOfAHostDoNotOvertake(t *testing.T, db *DB) {
	ctx := t.Context()
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
	if rows, err = db.NextDeliveries(ctx, "h", moment, 10, 1); err != nil || len(rows) != 1 || rows[0].ActID != 2 {
		t.Errorf("next but for the first: %+v, %v", rows, err)
	}
}

func dueAloneIsNextWithoutOthers(t *testing.T, db *DB) {
	ctx, later, now := t.Context(), At(moment.Add(time.Minute)), At(moment.Add(time.Second))
	write(t, db, func(ctx context.Context, tx Tx) error {
		for host, due := range map[string]Time{"one": moment, "two": moment, "many": moment, "late": later, "asleep": {}, "none": moment} {
			if err := tx.PutHost(ctx, &Host{Host: host, DueAt: due}); err != nil {
				return err
			}
		}
		return tx.InsertDeliveries(ctx, []Delivery{
			{ActID: 1, Host: "one", Inbox: "one/1", DueAt: moment},
			{ActID: 1, Host: "two", Inbox: "two/0", DueAt: moment, GivenUp: true},
			{ActID: 2, Host: "two", Inbox: "two/2", DueAt: moment},
			{ActID: 1, Host: "two", Inbox: "two/1", DueAt: moment},
			{ActID: 1, Host: "many", Inbox: "many/1", DueAt: moment},
			{ActID: 1, Host: "many", Inbox: "many/2", DueAt: moment},
			{ActID: 1, Host: "late", Inbox: "late/1", DueAt: later},
			{ActID: 1, Host: "asleep", Inbox: "asleep/1", DueAt: moment},
		})
	})
	rows, err := db.DueAlone(ctx, now, 10)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, d := range rows {
		next, err := db.NextDeliveries(ctx, d.Host, now, 10)
		if err != nil || len(next) != 1 || next[0] != d {
			t.Errorf("%+v is alone, next: %+v, %v", d, next, err)
		}
		got[d.Host] = d.Inbox
	}
	if want := map[string]string{"one": "one/1", "two": "two/1"}; !maps.Equal(got, want) {
		t.Errorf("alone: %v, want %v", got, want)
	}
}

func serverThatTookSomethingIsSettled(t *testing.T, db *DB) {
	ctx := t.Context()
	write(t, db, func(ctx context.Context, tx Tx) error {
		if err := tx.PutHost(ctx, &Host{Host: "h", DueAt: moment, Failures: 2, FailingSince: moment}); err != nil {
			return err
		}
		if _, err := tx.SettleHost(ctx, "stranger", 1); err != ErrNotFound {
			t.Errorf("a server that is not known: %v", err)
		}
		next, err := tx.SettleHost(ctx, "h", 2)
		if !next.IsZero() {
			t.Errorf("with nothing waiting it is due %v", next)
		}
		return err
	})
	if h, err := db.Host(ctx, "h"); err != nil || *h != (Host{Host: "h", Scheme: 2}) {
		t.Errorf("%+v, %v", h, err)
	}
	later := At(moment.Add(time.Hour))
	write(t, db, func(ctx context.Context, tx Tx) error {
		err := tx.InsertDeliveries(ctx, []Delivery{
			{ActID: 1, Host: "h", Inbox: "i1", DueAt: moment, GivenUp: true},
			{ActID: 2, Host: "h", Inbox: "i1", DueAt: At(later.Add(time.Hour))},
			{ActID: 3, Host: "h", Inbox: "i1", DueAt: later},
			{ActID: 3, Host: "other", Inbox: "i2", DueAt: moment},
		})
		if err != nil {
			return err
		}
		next, err := tx.SettleHost(ctx, "h", 1)
		if next != later {
			t.Errorf("due %v, want %v", next, later)
		}
		return err
	})
	if h, err := db.Host(ctx, "h"); err != nil || *h != (Host{Host: "h", Scheme: 1, DueAt: later}) {
		t.Errorf("%+v, %v", h, err)
	}
}

func hostWakesForTheEarliestUnlessItFails(t *testing.T, db *DB) {
	ctx := t.Context()
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

func buryPostLeavesATombstone(t *testing.T, db *DB) {
	ctx := t.Context()
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

func keyOfAnotherActorIsNotTakenOver(t *testing.T, db *DB) {
	ctx := t.Context()
	put := func(actor string) {
		write(t, db, func(ctx context.Context, tx Tx) error {
			return tx.PutActor(ctx, &Actor{URI: actor, FetchedAt: moment}, []ActorKey{{ID: "victim#key", Actor: actor, Public: []byte(actor), FetchedAt: moment}})
		})
	}
	put("victim")
	put("eve")
	if k, err := db.Signer(ctx, "victim#key"); err != nil || k.Actor != "victim" {
		t.Errorf("the key now belongs to %+v, %v", k, err)
	}
}

func forgetActorLeavesNoTrace(t *testing.T, db *DB) {
	ctx := t.Context()
	write(t, db, func(ctx context.Context, tx Tx) error {
		_, posted := tx.InsertPost(ctx, &Post{URI: "p1", Token: "1", Author: "eve", Content: "x", Published: moment, CreatedAt: moment})
		_, again := tx.InsertPost(ctx, &Post{URI: "p2", Token: "2", Author: "eve", Content: "x", Published: moment, CreatedAt: moment})
		_, liked := tx.InsertReaction(ctx, &Reaction{Kind: Like, Actor: "eve", Object: "o", Activity: "l", CreatedAt: moment})
		_, pinned := tx.InsertPin(ctx, &Pin{Actor: "eve", Post: "p1", CreatedAt: moment})
		return errors.Join(posted, again, liked, pinned,
			tx.PutActor(ctx, &Actor{URI: "eve", Name: "Eve", FetchedAt: moment}, []ActorKey{{ID: "k", Actor: "eve", Public: []byte{1}, FetchedAt: moment}}),
			tx.PutFollow(ctx, &Follow{Follower: "eve", Followee: "owner", State: Accepted, CreatedAt: moment}),
			tx.AddToTimeline(ctx, &TimelineEntry{Post: "o", Booster: "eve", CreatedAt: moment}),
			tx.Notify(ctx, &Notification{Kind: "like", Actor: "eve", Object: "o", CreatedAt: moment}))
	})
	var first, second int
	write(t, db, func(ctx context.Context, tx Tx) (err error) {
		if err := tx.ForgetActor(ctx, "eve", moment.Time); err != nil {
			return err
		}
		if first, err = tx.BuryPostsOf(ctx, "eve", moment, 1); err != nil {
			return err
		}
		second, err = tx.BuryPostsOf(ctx, "eve", moment, 10)
		return err
	})
	if first != 1 || second != 1 {
		t.Errorf("buried %d, then %d", first, second)
	}
	if a, err := db.Actor(ctx, "eve"); err != nil || a.GoneAt.IsZero() || a.Name != "" {
		t.Errorf("actor: %+v, %v", a, err)
	}
	_, key := db.Signer(ctx, "k")
	_, follow := db.Follow(ctx, "eve", "owner")
	_, like := db.ReactionByActivity(ctx, "l")
	for _, err := range []error{key, follow, like} {
		if !errors.Is(err, ErrNotFound) {
			t.Error(err)
		}
	}
	pins, _ := db.Pins(ctx, "eve")
	entries, _ := db.Timeline(ctx, 0, 10)
	told, _ := db.Notifications(ctx, 0, 10)
	if len(pins)+len(entries)+len(told) != 0 {
		t.Errorf("left: %v %v %v", pins, entries, told)
	}
}

func conversationFollowsTheParent(t *testing.T, db *DB) {
	ctx := t.Context()
	write(t, db, func(ctx context.Context, tx Tx) error {
		_, err := tx.InsertPost(ctx, &Post{URI: "parent", Token: "1", Conversation: "root", Published: moment, CreatedAt: moment})
		return err
	})
	for parent, want := range map[string]string{"": "new", "parent": "root", "unknown": "unknown"} {
		if got, err := db.ConversationOf(ctx, &Post{URI: "new", InReplyTo: parent}); err != nil || got != want {
			t.Errorf("in reply to %q: %q, %v; want %q", parent, got, err, want)
		}
	}
}

func TestStandingIsAllTies(t *testing.T) {
	db := open(t)
	for i, want := range []Standing{{}, {Follows: true}, {Follower: true}, {Blocked: true}, {Muted: true}, {Gone: true}, {Audience: "followers"}, {true, true, true, true, true, "f"}} {
		actor := string(rune('a' + i))
		write(t, db, func(ctx context.Context, tx Tx) error {
			state := map[bool]FollowState{true: Accepted, false: Pending}
			known := &Actor{URI: actor, Followers: want.Audience, FetchedAt: moment}
			if want.Gone {
				known.GoneAt = moment
			}
			errs := []error{
				tx.PutActor(ctx, known, nil),
				tx.PutFollow(ctx, &Follow{Follower: "owner", Followee: actor, State: state[want.Follows], CreatedAt: moment}),
				tx.PutFollow(ctx, &Follow{Follower: actor, Followee: "owner", State: state[want.Follower], CreatedAt: moment}),
			}
			for kind, is := range map[string]bool{Block: want.Blocked, Mute: want.Muted, BlockedBy: true} {
				if is {
					_, err := tx.PutRelation(ctx, &Relation{Actor: actor, Kind: kind, CreatedAt: moment})
					errs = append(errs, err)
				}
			}
			return errors.Join(errs...)
		})
		if got, err := db.Standing(t.Context(), "owner", actor); err != nil || got != want {
			t.Errorf("%+v, %v; want %+v", got, err, want)
		}
	}
}
