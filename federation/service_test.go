package federation_test

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/federationtest"
	"github.com/dunnock-server/dunnock/hardening/timing"
	"github.com/dunnock-server/dunnock/storage"
)

// world is three nodes; b and c follow a. Connections are counted, and those to hosts that are down refused.
type world struct {
	*testing.T
	a, b, c *federationtest.Node
	network *federationtest.Network
	dials   atomic.Int64
	down    atomic.Value // string
}

// run runs a test in a bubble of its own.
func run(t *testing.T, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		network := federationtest.NewNetwork()
		w := &world{T: t, network: network}
		w.down.Store("")
		network.Fault = func(_, to string) federationtest.Fault {
			w.dials.Add(1)
			if to == w.down.Load().(string) {
				return federationtest.Refused
			}
			return federationtest.None
		}
		w.a, w.b, w.c = federationtest.New(t, network, "a.example"), federationtest.New(t, network, "b.example"), federationtest.New(t, network, "c.example")
		defer func() { w.a.Stop(); w.b.Stop(); w.c.Stop() }()
		for _, n := range []*federationtest.Node{w.b, w.c} {
			get(w, first(n.Service().Follow(t.Context(), w.a.Handle())))
		}
		w.settle()
		test(w)
	})
}

func (w *world) settle() {
	w.Helper()
	federationtest.Settle(w, w.a, w.b, w.c)
}

// result is a value or why there is none.
type result[T any] struct {
	value T
	err   error
}

func first[T any](v T, err error) result[T] { return result[T]{v, err} }

// get fails the test unless there is a value.
func get[T any](w *world, r result[T]) T {
	w.Helper()
	if r.err != nil {
		w.Fatal(r.err)
	}
	return r.value
}

func (w *world) publish(n *federationtest.Node, d federation.Draft) *federation.Post {
	w.Helper()
	return get(w, first(n.Service().Publish(w.Context(), d)))
}

// known is a post as a node has it, nil if it does not; nobody is asked.
func (w *world) known(n *federationtest.Node, uri string) *federation.Post {
	w.Helper()
	thread, err := n.Service().Thread(w.Context(), uri)
	var e *federation.Error
	if err != nil && !(errors.As(err, &e) && e.Kind == federation.NotFound) {
		w.Fatal(err)
	}
	for i := range thread {
		if thread[i].URI == uri {
			return &thread[i]
		}
	}
	return nil
}

func (w *world) notified(n *federationtest.Node, kind string) bool {
	w.Helper()
	list, _, err := n.Service().Notifications(w.Context(), 0, "")
	if err != nil {
		w.Fatal(err)
	}
	return slices.ContainsFunc(list, func(n federation.Notification) bool { return n.Kind == kind })
}

func TestWithdrawnBeforeItLeftIsNeverTold(t *testing.T) {
	run(t, func(w *world) {
		w.b.Stop() // the whole network is away for b
		w.down.Store("b.example")
		p := w.publish(w.a, federation.Draft{Text: "regretted"})
		get(w, first(w.a.Service().Delete(w.Context(), p.ID)))
		w.down.Store("")
		w.b.Start()
		w.settle()
		if w.known(w.b, p.URI) != nil {
			t.Error("b knows of it")
		}
	})
}

func TestDirectPostGoesToWhomItNamesOnly(t *testing.T) {
	run(t, func(w *world) {
		p := w.publish(w.a, federation.Draft{Text: "psst " + w.b.Handle(), Visibility: storage.Direct})
		before := w.dials.Load()
		w.settle()
		if w.known(w.b, p.URI) == nil || !w.notified(w.b, "mention") {
			t.Error("b does not know of it")
		}
		if w.known(w.c, p.URI) != nil {
			t.Error("c knows of it")
		}
		if n := w.dials.Load() - before; n > 1 {
			t.Errorf("one delivery made %d connections", n)
		}
		if _, err := w.a.Service().Publish(w.Context(), federation.Draft{Text: "to nobody", Visibility: storage.Direct}); err == nil {
			t.Error("a direct post to nobody was taken")
		}
	})
}

func TestReadingAsksNobody(t *testing.T) {
	run(t, func(w *world) {
		p := w.publish(w.a, federation.Draft{Text: "look at https://c.example/page, " + w.b.Handle()})
		w.settle()
		before, s := w.dials.Load(), w.b.Service()
		posts, _, err := s.Timeline(w.Context(), 100, "")
		if err != nil || len(posts) == 0 {
			t.Fatalf("%v, %v", posts, err)
		}
		get(w, first(s.Thread(w.Context(), p.URI)))
		if _, _, err := s.Notifications(w.Context(), 100, ""); err != nil {
			t.Fatal(err)
		}
		get(w, first(s.Following(w.Context())))
		get(w, first(s.Profile(w.Context())))
		time.Sleep(time.Hour)
		if n := w.dials.Load() - before; n != 0 {
			t.Errorf("reading made %d connections", n)
		}
	})
}

func TestWhoIsNamedByAnEditHearsOfThePost(t *testing.T) {
	run(t, func(w *world) {
		get(w, first(w.c.Service().Unfollow(w.Context(), w.a.Handle())))
		w.settle()
		p := w.publish(w.a, federation.Draft{Text: "somebody"})
		w.settle()
		if w.known(w.c, p.URI) != nil {
			t.Fatal("c knows of it already")
		}
		text := "somebody: " + w.c.Handle()
		get(w, first(w.a.Service().Edit(w.Context(), p.ID, federation.Edit{Text: &text})))
		w.settle()
		if w.known(w.c, p.URI) == nil || !w.notified(w.c, "mention") {
			t.Error("c does not know of it")
		}
		if seen := w.known(w.b, p.URI); seen == nil || seen.Updated == nil {
			t.Errorf("b sees %+v", seen)
		}
	})
}

func TestPollIsVotedInAndCounted(t *testing.T) {
	run(t, func(w *world) {
		p := w.publish(w.a, federation.Draft{Text: "tea?", Poll: &federation.PollDraft{Options: []string{"yes", "no"}}})
		w.settle()
		get(w, first(w.b.Service().Vote(w.Context(), p.URI, []string{"yes"})))
		get(w, first(w.c.Service().Vote(w.Context(), p.URI, []string{"2"})))
		w.settle()
		poll := w.known(w.a, p.URI).Poll
		if poll.Voters != 2 || poll.Options[0].Votes != 1 || poll.Options[1].Votes != 1 {
			t.Errorf("%+v", poll)
		}
		if _, err := w.b.Service().Vote(w.Context(), p.URI, []string{"no"}); err == nil {
			t.Error("b voted twice")
		}
		if _, err := w.c.Service().Vote(w.Context(), p.URI, []string{"perhaps"}); err == nil {
			t.Error("c voted for what is no option")
		}
		if poll.Closes.Minute()%10 != 0 || poll.Closes.Second() != 0 {
			t.Errorf("the end %v tells when it was written", poll.Closes)
		}
	})
}

func TestLockedProfileAsksTheOwner(t *testing.T) {
	run(t, func(w *world) {
		locked := true
		get(w, first(w.b.Service().SetProfile(w.Context(), federation.ProfileEdit{Locked: &locked})))
		get(w, first(w.a.Service().Follow(w.Context(), w.b.Handle())))
		get(w, first(w.c.Service().Follow(w.Context(), w.b.Handle())))
		w.settle()
		if !w.notified(w.b, "follow_request") || w.notified(w.b, "follow") {
			t.Error("b was not asked")
		}
		if err := w.b.Service().Approve(w.Context(), w.a.Handle()); err != nil {
			t.Fatal(err)
		}
		if err := w.b.Service().Reject(w.Context(), w.c.Handle()); err != nil {
			t.Fatal(err)
		}
		w.settle()
		for n, want := range map[*federationtest.Node]string{w.a: "accepted", w.c: "rejected"} {
			following := get(w, first(n.Service().Following(w.Context())))
			i := slices.IndexFunc(following, func(r federation.Relationship) bool { return r.Actor == w.b.Actor() })
			if state := following[i].State; state != want {
				t.Errorf("%s is %s", n.Host, state)
			}
		}
	})
}

func TestRemovedFollowerMayAskAgain(t *testing.T) {
	run(t, func(w *world) {
		if err := w.a.Service().RemoveFollower(w.Context(), w.b.Handle()); err != nil {
			t.Fatal(err)
		}
		w.settle()
		if followers := get(w, first(w.a.Service().Followers(w.Context(), ""))); len(followers) != 1 {
			t.Errorf("a is followed by %+v", followers)
		}
		get(w, first(w.b.Service().Follow(w.Context(), w.a.Handle())))
		w.settle()
		if followers := get(w, first(w.a.Service().Followers(w.Context(), storage.Accepted))); len(followers) != 2 {
			t.Errorf("a is followed by %+v", followers)
		}
	})
}

func TestBlockPartsBothAndSilences(t *testing.T) {
	run(t, func(w *world) {
		if err := w.a.Service().Block(w.Context(), w.b.Handle()); err != nil {
			t.Fatal(err)
		}
		w.settle()
		for _, f := range get(w, first(w.b.Service().Following(w.Context()))) {
			if f.State == "accepted" {
				t.Errorf("b still follows: %+v", f)
			}
		}
		p := w.publish(w.a, federation.Draft{Text: "in peace"})
		reply := w.publish(w.b, federation.Draft{Text: "hey " + w.a.Handle()})
		w.settle()
		if w.known(w.b, p.URI) != nil || w.known(w.a, reply.URI) != nil {
			t.Error("they still hear of each other")
		}
		if _, err := w.b.Service().Follow(w.Context(), w.a.Handle()); err != nil {
			t.Fatal(err)
		}
		w.settle()
		if followers := get(w, first(w.a.Service().Followers(w.Context(), storage.Accepted))); len(followers) != 1 {
			t.Errorf("a is followed by %+v", followers)
		}
	})
}

func TestMuteTellsNobody(t *testing.T) {
	run(t, func(w *world) {
		before := w.dials.Load()
		if err := w.a.Service().Mute(w.Context(), w.b.Handle()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if n := w.dials.Load() - before; n != 0 {
			t.Errorf("muting made %d connections", n)
		}
		w.publish(w.b, federation.Draft{Text: "hey " + w.a.Handle()})
		w.settle()
		if w.notified(w.a, "mention") {
			t.Error("a was told")
		}
	})
}

func TestPostExpires(t *testing.T) {
	run(t, func(w *world) {
		p := w.publish(w.a, federation.Draft{Text: "for a day", ExpiresIn: 24 * time.Hour})
		w.settle()
		if w.known(w.b, p.URI) == nil {
			t.Fatal("it did not arrive")
		}
		time.Sleep(25 * time.Hour)
		w.settle()
		if w.known(w.a, p.URI) != nil || w.known(w.b, p.URI) != nil {
			t.Error("it is still there")
		}
	})
}

func TestTimesToldAreOnTheGrain(t *testing.T) {
	run(t, func(w *world) {
		time.Sleep(7*time.Minute + 11*time.Second)
		p := w.publish(w.a, federation.Draft{Text: "one"})
		var told []time.Time
		for _, text := range []string{"two", "three"} {
			e := get(w, first(w.a.Service().Edit(w.Context(), p.ID, federation.Edit{Text: &text})))
			told = append(told, *e.Updated)
		}
		w.settle()
		seen := w.known(w.b, p.URI)
		if !seen.Published.Equal(seen.Published.Truncate(timing.Grain)) || !seen.Published.Equal(p.Published) {
			t.Errorf("published %v", seen.Published)
		}
		if !told[0].After(p.Published) || !told[1].After(told[0]) || !seen.Updated.Equal(told[1]) {
			t.Errorf("updated %v, seen as %v", told, seen.Updated)
		}
	})
}

func TestRotatedKeysAreTakenByThoseWhoKnewTheOld(t *testing.T) {
	run(t, func(w *world) {
		before := w.publish(w.a, federation.Draft{Text: "old key"})
		w.settle()
		names := get(w, first(w.a.Service().RotateKeys(w.Context())))
		if len(names) != 2 || strings.HasSuffix(names["rsa"], "#main-key") {
			t.Errorf("new keys %v", names)
		}
		after := w.publish(w.a, federation.Draft{Text: "new key"})
		w.settle()
		for _, p := range []*federation.Post{before, after} {
			if w.known(w.b, p.URI) == nil {
				t.Errorf("%q did not arrive", p.Text)
			}
		}
	})
}

// TestTheOldKeyAnnouncesTheNew: whoever knows the old key alone can verify all that comes before the announcement of the
// new one, and the announcement. Those whom the owner follows get it too. Then the old key is gone.
func TestTheOldKeyAnnouncesTheNew(t *testing.T) {
	run(t, func(w *world) {
		get(w, first(w.b.Service().Follow(w.Context(), w.c.Handle())))
		w.settle()
		// In either scheme, since a server that has not learnt the new key yet may be asked in both.
		key, digest := regexp.MustCompile(`(?i)keyid="[^"#]*#([^"]*)"`), regexp.MustCompile(`(?i)digest: sha-256=:?([^\s:]+)`)
		heard := w.listen("c.example")
		rotate := func(n *federationtest.Node, texts ...string) (sent []string, name string) {
			before := len(heard())
			w.publish(n, federation.Draft{Text: texts[0]})
			new := get(w, first(n.Service().RotateKeys(w.Context())))["rsa"]
			w.publish(n, federation.Draft{Text: texts[1]})
			w.settle()
			told := map[string]bool{} // an attempt may have been repeated
			for request := range strings.SplitSeq(heard()[before:], "POST /") {
				k, d := key.FindStringSubmatch(request), digest.FindStringSubmatch(request)
				if k != nil && d != nil && !told[k[1]+d[1]] {
					told[k[1]+d[1]] = true
					sent = append(sent, k[1])
				}
			}
			return sent, new[strings.Index(new, "#")+1:]
		}
		old := "main-key"
		for range 2 {
			sent, name := rotate(w.a, "before", "after")
			if want := []string{old, old, name}; !slices.Equal(sent, want) {
				t.Fatalf("the follower heard %q, not %q", sent, want)
			}
			old = name
		}
		if sent, _ := rotate(w.b, "before", "after"); !slices.Equal(sent, []string{"main-key"}) {
			t.Errorf("the followed heard %q", sent)
		}
		w.a.Stop()
		defer w.a.Start()
		db, err := storage.Open(w.Context(), storage.Config{Path: filepath.Join(w.a.DataDir(), "dunnock.db")})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if former, err := db.HasFormerKeys(w.Context()); err != nil || former {
			t.Errorf("old keys are left: %v, %v", former, err)
		}
	})
}

func TestPictureTravelsWithItsDescription(t *testing.T) {
	run(t, func(w *world) {
		var file bytes.Buffer
		if err := png.Encode(&file, image.NewRGBA(image.Rect(0, 0, 8, 8))); err != nil {
			t.Fatal(err)
		}
		p := w.publish(w.a, federation.Draft{Media: []federation.Upload{{Data: file.Bytes(), Alt: "nothing"}}})
		w.settle()
		seen := w.known(w.b, p.URI)
		if seen == nil || len(seen.Attachments) != 1 || seen.Attachments[0].Alt != "nothing" || !strings.HasPrefix(seen.Attachments[0].URL, "http://a.example/media/") {
			t.Errorf("b sees %+v", seen)
		}
		_, err := w.a.Service().Publish(w.Context(), federation.Draft{Media: []federation.Upload{{Data: []byte("<svg/>")}}})
		var e *federation.Error
		if !errors.As(err, &e) || e.Kind != federation.Invalid {
			t.Errorf("what is no picture: %v", err)
		}
	})
}

func TestPinsAreBounded(t *testing.T) {
	run(t, func(w *world) {
		for i := range federation.MaxPins + 1 {
			p := w.publish(w.a, federation.Draft{Text: "pin me"})
			err := w.a.Service().Pin(w.Context(), p.ID)
			if (err != nil) != (i == federation.MaxPins) {
				t.Errorf("pin %d: %v", i+1, err)
			}
		}
		private := w.publish(w.a, federation.Draft{Text: "not this", Visibility: storage.Followers})
		if err := w.a.Service().Pin(w.Context(), private.ID); err == nil {
			t.Error("a post for followers was pinned")
		}
	})
}

func TestBadDraftsAreRefused(t *testing.T) {
	run(t, func(w *world) {
		before := w.dials.Load()
		for name, d := range map[string]federation.Draft{
			"empty":             {},
			"blank":             {Text: " \n"},
			"unknown audience":  {Text: "x", Visibility: "friends"},
			"too long":          {Text: strings.Repeat("x", federation.MaxText+1)},
			"one option":        {Text: "x", Poll: &federation.PollDraft{Options: []string{"a"}}},
			"the same options":  {Text: "x", Poll: &federation.PollDraft{Options: []string{"a", " a"}}},
			"expires at once":   {Text: "x", ExpiresIn: time.Second},
			"answers nothing":   {Text: "x", ReplyTo: "nosuchtoken"},
			"expires before":    {Text: "x", ExpiresIn: -time.Hour},
			"long warning":      {Text: "x", Warning: strings.Repeat("x", federation.MaxWarning+1)},
			"quotes nothing":    {Text: "x", Quote: "nosuchtoken"},
			"a closed poll":     {Text: "x", Poll: &federation.PollDraft{Options: []string{"a", "b"}, ClosesIn: -1}},
			"too many pictures": {Text: "x", Media: make([]federation.Upload, federation.MaxAttachments+1)},
		} {
			_, err := w.a.Service().Publish(w.Context(), d)
			var e *federation.Error
			if !errors.As(err, &e) || e.Kind == federation.Internal {
				t.Errorf("%s: %v", name, err)
			}
		}
		posts, _, err := w.a.Service().Timeline(w.Context(), 10, "")
		if err != nil || len(posts) != 0 || w.dials.Load() != before {
			t.Errorf("something happened: %v, %v", posts, err)
		}
	})
}
