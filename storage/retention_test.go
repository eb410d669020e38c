package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

const owner = "https://home.example/users/owner"

// whatNobodyTouchedIsForgotten lets the owner touch posts in every way there is: only those that are not leave.
func whatNobodyTouchedIsForgotten(t *testing.T, db *DB) {
	late := At(moment.Add(30 * 24 * time.Hour))
	uri := func(name string) string { return "https://a.example/" + name }
	add := func(name string, change func(*Post)) *Post {
		p := &Post{URI: uri(name), Token: name, Author: uri("author"), Visibility: Public, Published: moment, CreatedAt: moment}
		if change != nil {
			change(p)
		}
		write(t, db, func(ctx context.Context, tx Tx) error {
			_, err := tx.InsertPost(ctx, p)
			return errors.Join(err, tx.AddToTimeline(ctx, &TimelineEntry{Post: p.URI, CreatedAt: moment}), tx.PutPoll(ctx, &Poll{Post: p.URI}))
		})
		return p
	}
	own := func(change func(*Post)) func(*Post) {
		return func(p *Post) { p.Local, p.Author = true, owner; change(p) }
	}
	touched := map[string]func(ctx context.Context, tx Tx, p *Post) error{
		"own":      nil,
		"answered": nil,
		"quoted":   nil,
		"thread":   nil,
		"young":    nil,
		"buried":   func(ctx context.Context, tx Tx, p *Post) error { return tx.BuryPost(ctx, p.URI, late) },
		"liked":    func(ctx context.Context, tx Tx, p *Post) error { return react(ctx, tx, owner, Like, p.URI) },
		"boosted":  func(ctx context.Context, tx Tx, p *Post) error { return react(ctx, tx, owner, Announce, p.URI) },
		"voted":    func(ctx context.Context, tx Tx, p *Post) error { return vote(ctx, tx, owner, p.URI) },
		"mentioned": func(ctx context.Context, tx Tx, p *Post) error {
			return tx.Notify(ctx, &Notification{Kind: "mention", Object: p.URI, CreatedAt: moment})
		},
		"boost": func(ctx context.Context, tx Tx, p *Post) error {
			return tx.AddToTimeline(ctx, &TimelineEntry{Post: p.URI, Booster: "b", CreatedAt: late})
		},
		"pinned": func(ctx context.Context, tx Tx, p *Post) error {
			_, err := tx.InsertPin(ctx, &Pin{Actor: p.Author, Post: p.URI, CreatedAt: moment})
			return err
		},
	}
	untouched := map[string]func(ctx context.Context, tx Tx, p *Post) error{
		"nothing":        nil,
		"other thread":   nil,
		"buried long":    func(ctx context.Context, tx Tx, p *Post) error { return tx.BuryPost(ctx, p.URI, moment) },
		"liked by other": func(ctx context.Context, tx Tx, p *Post) error { return react(ctx, tx, "somebody", Like, p.URI) },
		"voted by other": func(ctx context.Context, tx Tx, p *Post) error { return vote(ctx, tx, "somebody", p.URI) },
		"pinned by other": func(ctx context.Context, tx Tx, p *Post) error {
			_, err := tx.InsertPin(ctx, &Pin{Actor: "somebody", Post: p.URI, CreatedAt: moment})
			return err
		},
	}
	changes := map[string]func(*Post){
		"own": own(func(*Post) {}), "young": func(p *Post) { p.CreatedAt = late },
		"thread":       func(p *Post) { p.Conversation = "c" },
		"other thread": func(p *Post) { p.Conversation = "d" },
	}
	for _, group := range []map[string]func(context.Context, Tx, *Post) error{touched, untouched} {
		for name, touch := range group {
			p := add(name, changes[name])
			if touch != nil {
				write(t, db, func(ctx context.Context, tx Tx) error { return touch(ctx, tx, p) })
			}
		}
	}
	add("reply", own(func(p *Post) { p.InReplyTo, p.Quote, p.Conversation = uri("answered"), uri("quoted"), "c" }))
	write(t, db, func(ctx context.Context, tx Tx) error {
		return tx.PutFollow(ctx, &Follow{Follower: owner, Followee: uri("author"), Activity: "f", State: Accepted, CreatedAt: moment})
	})

	var found []int64
	for place, more := (Place{}), true; more; more = place != (Place{}) { // in small steps, as the keeper does
		ids, next, err := db.UntouchedPosts(t.Context(), owner, late, place, 3)
		if err != nil {
			t.Fatal(err)
		}
		found, place = append(found, ids...), next
	}
	if len(found) != len(untouched) {
		t.Errorf("%d posts are found to be untouched, not %d", len(found), len(untouched))
	}
	for _, ids := range [][]int64{nil, everyID(100)} { // removing goes by its own look
		write(t, db, func(ctx context.Context, tx Tx) error { return tx.ForgetPosts(ctx, owner, late, append(ids, found...)) })
		for name := range touched {
			if _, err := db.Post(t.Context(), uri(name)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	for name := range untouched {
		if _, err := db.Post(t.Context(), uri(name)); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := db.Poll(t.Context(), uri(name)); !errors.Is(err, ErrNotFound) {
			t.Errorf("the poll of %s: %v", name, err)
		}
		if votes, err := db.Votes(t.Context(), uri(name), "somebody"); err != nil || len(votes) > 0 {
			t.Errorf("the votes in %s: %v, %v", name, votes, err)
		}
	}
	entries, err := db.Timeline(t.Context(), 0, 100)
	if want := len(touched) + 1; err != nil || len(entries) != want { // reply, a second of boost, none of what was buried
		t.Errorf("%d entries are left, not %d: %v", len(entries), want, err)
	}
}

func react(ctx context.Context, tx Tx, actor, kind, object string) error {
	_, err := tx.InsertReaction(ctx, &Reaction{Kind: kind, Actor: actor, Object: object, Activity: actor + kind + object, CreatedAt: moment})
	return err
}

func vote(ctx context.Context, tx Tx, voter, poll string) error {
	_, err := tx.InsertVote(ctx, &Vote{Poll: poll, Voter: voter})
	return err
}

func everyID(n int64) (ids []int64) {
	for id := range n {
		ids = append(ids, id+1)
	}
	return ids
}

// whatStrangersLeftIsForgotten: an actor stays while anything refers to it, an answer while it is the last word.
func whatStrangersLeftIsForgotten(t *testing.T, db *DB) {
	late := At(moment.Add(7 * 24 * time.Hour))
	needed := map[string]func(ctx context.Context, tx Tx, a string) error{
		"fresh": func(ctx context.Context, tx Tx, a string) error {
			return tx.PutActor(ctx, &Actor{URI: a, Host: "fresh", FetchedAt: late}, nil)
		},
		"followed": func(ctx context.Context, tx Tx, a string) error {
			return tx.PutFollow(ctx, &Follow{Follower: owner, Followee: a, State: Pending, CreatedAt: moment})
		},
		"follower": func(ctx context.Context, tx Tx, a string) error {
			return tx.PutFollow(ctx, &Follow{Follower: a, Followee: owner, State: Accepted, CreatedAt: moment})
		},
		"blocked": func(ctx context.Context, tx Tx, a string) error {
			_, err := tx.PutRelation(ctx, &Relation{Actor: a, Kind: Block, CreatedAt: moment})
			return err
		},
		"author": func(ctx context.Context, tx Tx, a string) error {
			_, err := tx.InsertPost(ctx, &Post{URI: a + "/1", Author: a, CreatedAt: moment, Published: moment})
			return err
		},
		"liker": func(ctx context.Context, tx Tx, a string) error { return react(ctx, tx, a, Like, "own") },
		"notifier": func(ctx context.Context, tx Tx, a string) error {
			return tx.Notify(ctx, &Notification{Kind: "flag", Actor: a, CreatedAt: moment})
		},
		"told": func(ctx context.Context, tx Tx, a string) error {
			return tx.InsertAct(ctx, &Act{URI: "act", Type: "Block", Object: a, CreatedAt: moment})
		},
	}
	unneeded := []string{"stranger", "blocker", "gone"}
	for name := range needed {
		unneeded = append(unneeded, name)
	}
	for _, name := range unneeded {
		a := "https://" + name + "/users/x"
		write(t, db, func(ctx context.Context, tx Tx) error {
			err := errors.Join(tx.PutActor(ctx, &Actor{URI: a, Host: name, FetchedAt: moment}, []ActorKey{{ID: a + "#k", Actor: a, Public: []byte{1}, FetchedAt: moment}}),
				tx.PutHost(ctx, &Host{Host: name}))
			if need := needed[name]; need != nil {
				err = errors.Join(err, need(ctx, tx, a))
			}
			return err
		})
	}
	write(t, db, func(ctx context.Context, tx Tx) error {
		_, err := tx.PutRelation(ctx, &Relation{Actor: "https://blocker/users/x", Kind: BlockedBy, CreatedAt: moment})
		return errors.Join(err, tx.MarkActorGone(ctx, "https://gone/users/x", moment.Time), tx.PutHost(ctx, &Host{Host: "waits", DueAt: moment}))
	})
	ids, next, err := db.UnneededActors(t.Context(), late, 0, 100)
	if err != nil || len(ids) != 3 || next != 0 {
		t.Errorf("unneeded are %v, then %d, %v", ids, next, err)
	}
	write(t, db, func(ctx context.Context, tx Tx) error { return tx.ForgetActors(ctx, late, everyID(100)) })
	write(t, db, func(ctx context.Context, tx Tx) (err error) {
		for after, more := "", true; more; more = after != "" {
			if after, err = tx.ForgetHosts(ctx, after, 3); err != nil {
				return err
			}
		}
		return nil
	})
	for _, name := range append(unneeded, "waits") {
		a := "https://" + name + "/users/x"
		_, err := db.Actor(t.Context(), a)
		key, broken := db.db.NewSelect().Model((*ActorKey)(nil)).Where("id = ?", a+"#k").Exists(t.Context())
		host, fault := db.db.NewSelect().Model((*Host)(nil)).Where("host = ?", name).Exists(t.Context())
		stays := needed[name] != nil
		if (err == nil) != stays && name != "waits" || key != (stays && name != "fresh") || host != (stays || name == "waits") {
			t.Errorf("%s: %v, its key: %v %v, its host: %v %v", name, err, key, broken, host, fault)
		}
	}
	if there, err := db.Related(t.Context(), "https://blocker/users/x", BlockedBy); err != nil || there {
		t.Errorf("that a stranger blocks the owner stays: %v", err)
	}

	answers := map[string]string{"first": "https://follower/users/x", "last": "https://follower/users/x", "ended": "https://stranger/users/x", "waiting": "https://stranger2/users/x"}
	for _, name := range []string{"first", "last", "ended", "waiting"} {
		write(t, db, func(ctx context.Context, tx Tx) error {
			a := &Act{URI: name, Type: "Accept", Object: answers[name], CreatedAt: moment}
			_, told := tx.PutTold(ctx, &Told{Act: name, Inbox: "inbox", Object: answers[name], ToldAt: moment})
			err := errors.Join(tx.InsertAct(ctx, a), told)
			if name == "waiting" {
				err = errors.Join(err, tx.InsertDeliveries(ctx, []Delivery{{ActID: a.ID, DueAt: moment}}))
			}
			return err
		})
	}
	if ids, _, err := db.UnneededAnswers(t.Context(), owner, late, 0, 100); err != nil || len(ids) != 2 {
		t.Errorf("unneeded are %v, %v", ids, err)
	}
	write(t, db, func(ctx context.Context, tx Tx) error { return tx.ForgetAnswers(ctx, owner, late, everyID(100)) })
	for name, stays := range map[string]bool{"first": false, "last": true, "ended": false, "waiting": true, "act": true} {
		_, err := db.ActByURI(t.Context(), name)
		told, _ := db.ToldOf(t.Context(), name)
		if (err == nil) != stays || len(told) == 1 != (stays && name != "act") {
			t.Errorf("%s: %v, told: %v", name, err, told)
		}
	}
}

// oldRowsAreForgotten removes what is older than a moment in small steps, and nothing else.
func oldRowsAreForgotten(t *testing.T, db *DB) {
	at := func(day int) Time { return At(moment.Add(time.Duration(day) * 24 * time.Hour)) }
	write(t, db, func(ctx context.Context, tx Tx) (err error) {
		for _, day := range []int{3, 1, 4, 0, 2} {
			name := fmt.Sprint(day)
			_, seen := tx.MarkSeen(ctx, "a", name, at(day))
			err = errors.Join(err, seen, tx.Notify(ctx, &Notification{Kind: name, CreatedAt: at(day)}),
				tx.InsertDisclosure(ctx, &Disclosure{Domain: "a", Object: name, At: at(day)}),
				tx.InsertDeliveries(ctx, []Delivery{{Inbox: name, DueAt: at(day), GivenUp: true}, {Inbox: "waits" + name, DueAt: at(day)}}))
		}
		_, waits := tx.Accept(ctx, &Inbound{Actor: "a", Activity: "waits", Body: []byte("{}"), ReceivedAt: at(0), DueAt: at(9)})
		return errors.Join(err, waits)
	})
	for name, forget := range map[string]func(Tx, context.Context, Time, int) (int, error){
		"seen": Tx.ForgetSeen, "notifications": Tx.ForgetNotifications, "disclosures": Tx.ForgetDisclosures, "given up": Tx.ForgetGivenUp,
	} {
		var steps []int
		for n := 2; n == 2; {
			write(t, db, func(ctx context.Context, tx Tx) (err error) {
				n, err = forget(tx, ctx, at(3), 2)
				return err
			})
			steps = append(steps, n)
		}
		if !slices.Equal(steps, []int{2, 1}) {
			t.Errorf("%s: removed %v", name, steps)
		}
	}
	for day := range 5 {
		seen, err := db.Seen(t.Context(), "a", fmt.Sprint(day))
		if err != nil || seen != (day >= 3) {
			t.Errorf("that of day %d is seen: %v, %v", day, seen, err)
		}
	}
	if seen, err := db.Seen(t.Context(), "a", "waits"); err != nil || !seen {
		t.Errorf("what waits was forgotten: %v", err)
	}
	rows, err := db.Deliveries(t.Context(), 100)
	if err != nil || len(rows) != 7 {
		t.Errorf("%d deliveries are left, %v", len(rows), err)
	}
}
