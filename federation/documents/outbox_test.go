package documents

import (
	"context"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/federation/wire"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/storage"
)

// boosted stores a post of somebody else's and the owner's Announce of it, released at a time.
func (w *world) boosted(v storage.Visibility, release time.Time) *storage.Act {
	w.Helper()
	p := &storage.Post{URI: w.other("stranger") + "/" + wire.NewToken(), Token: wire.NewToken(), Type: "Note",
		Author: w.other("stranger"), Visibility: v, CreatedAt: storage.Now(), Published: storage.Now()}
	w.write(func(ctx context.Context, tx storage.Tx) error { _, err := tx.InsertPost(ctx, p); return err })
	return w.boost(p.URI, v, release)
}

func (w *world) boost(object string, v storage.Visibility, release time.Time) *storage.Act {
	w.Helper()
	a := w.act("Announce", object, object, w.ids.Addresses(v, nil), storage.At(release))
	w.write(func(ctx context.Context, tx storage.Tx) error {
		_, err := tx.InsertReaction(ctx, &storage.Reaction{Kind: storage.Announce, Actor: a.Actor, Object: object, Activity: a.URI,
			CreatedAt: storage.Now()})
		return err
	})
	return a
}

func at(release time.Time) func(*storage.Post) {
	return func(p *storage.Post) {
		p.ReleaseAt, p.Published = storage.At(release), storage.At(release.Truncate(10*time.Minute))
	}
}

// pages reads the outbox from its first page to its last, and returns the ids of what is listed and of the pages.
func (w *world) pages(v as) (listed, pages []string) {
	w.Helper()
	doc := parse(w.T, w.get(v, w.ids.Outbox()).body)
	next, _ := doc["first"].(string)
	for next != "" && len(pages) < 20 {
		pages = append(pages, next)
		page := parse(w.T, w.get(v, next).body)
		if page["id"] != next || page["partOf"] != w.ids.Outbox() || page["type"] != "OrderedCollectionPage" {
			w.Fatalf("page %s: %v", next, page)
		}
		items, _ := page["orderedItems"].([]any)
		for _, item := range items {
			listed = append(listed, vocab.Object(item.(map[string]any)).ID())
		}
		next, _ = page["next"].(string)
	}
	return listed, pages
}

func TestOutboxListsWhatIsPublicOnly(t *testing.T) {
	w := newWorld(t)
	var want []string
	add := func(a *storage.Act) { want = append(want, a.URI) }
	for i := range 23 { // stored in another order than released
		when := released.Add(time.Duration((i*7)%23) * time.Hour)
		_, public := w.post(storage.Public, at(when))
		add(public)
		_, unlisted := w.post(storage.Unlisted, at(when.Add(time.Minute)))
		add(unlisted)
		add(w.boosted(storage.Public, when.Add(2*time.Minute)))
		w.post(storage.Followers, at(when.Add(3*time.Minute)))
		w.post(storage.Direct, at(when.Add(4*time.Minute)))
		w.boosted(storage.Followers, when.Add(5*time.Minute))
	}
	hidden, _ := w.post(storage.Followers, nil)
	w.boost(hidden.URI, storage.Followers, released)
	later, _ := w.post(storage.Public, at(time.Now().Add(time.Hour)))
	w.boost(later.URI, storage.Public, released)
	gone, _ := w.post(storage.Public, nil)
	w.bury(gone)
	undone := w.boosted(storage.Public, released)
	w.write(func(ctx context.Context, tx storage.Tx) error {
		_, err := tx.DeleteReaction(ctx, undone.Actor, undone.URI)
		return err
	})
	w.boosted(storage.Public, time.Now().Add(time.Hour))
	w.act("Like", w.other("stranger")+"/1", w.other("stranger")+"/1", w.ids.Addresses(storage.Public, nil), storage.At(released))

	listed, pages := w.pages("stranger")
	if slices.Sort(want); !slices.Equal(slices.Sorted(slices.Values(listed)), want) {
		t.Errorf("%d listed, %d wanted", len(listed), len(want))
	}
	if len(pages) != 4 {
		t.Errorf("%d pages", len(pages))
	}
	for _, v := range []as{"follower", "addressee"} {
		if other, _ := w.pages(v); !slices.Equal(other, listed) {
			t.Errorf("%q is shown another outbox", v)
		}
	}
	order := func(uri string) time.Time {
		a, err := w.db.ActByURI(t.Context(), uri)
		if err != nil {
			t.Fatal(err)
		}
		return a.ReleaseAt.Time
	}
	if !slices.IsSortedFunc(listed, func(a, b string) int { return order(b).Compare(order(a)) }) {
		t.Error("not the newest first")
	}
}

// TestNothingHoldsAClockOrACounter cuts the random tokens out of all that is listed: no digit may be left, and no token may
// depend on the others.
func TestNothingHoldsAClockOrACounter(t *testing.T) {
	w := newWorld(t)
	for i := range 45 {
		w.post(storage.Public, at(released.Add(time.Duration(i)*time.Minute)))
	}
	listed, pages := w.pages("stranger")
	token := regexp.MustCompile(`[a-z2-7]{26}`)
	seen := map[string]bool{}
	for _, uri := range append(listed, pages...) {
		if left := token.ReplaceAllString(strings.TrimPrefix(uri, "http://"+w.ids.Host), ""); strings.ContainsAny(left, "0123456789") {
			t.Errorf("%s", uri)
		}
		seen[token.FindString(uri)] = true
	}
	if len(seen) < 45 {
		t.Errorf("%d different tokens", len(seen))
	}
	names := slices.Collect(func(yield func(string) bool) {
		for _, uri := range listed {
			if !yield(token.FindString(uri)) {
				return
			}
		}
	})
	if slices.IsSorted(names) || slices.IsSortedFunc(names, func(a, b string) int { return strings.Compare(b, a) }) {
		t.Error("tokens follow the order of the posts")
	}
	if body := w.get("stranger", w.ids.Outbox()).body; strings.Contains(body, "totalItems") {
		t.Error("the posts are counted")
	}
}

// TestActsThatAreNotShown: neither under their own address, nor as the cursor of a page.
func TestActsThatAreNotShown(t *testing.T) {
	w := newWorld(t)
	p, _ := w.post(storage.Public, nil)
	private, ofPrivate := w.post(storage.Followers, nil)
	everybody, soon := w.ids.Addresses(storage.Public, nil), storage.At(time.Now().Add(time.Hour))
	hidden := map[string]*storage.Act{
		"of a post for followers":        ofPrivate,
		"boost for followers":            w.boosted(storage.Followers, released),
		"public boost of a private post": w.boost(private.URI, storage.Public, released),
		"boost that was undone":          w.act("Announce", w.other("stranger")+"/1", w.other("stranger")+"/1", everybody, p.ReleaseAt),
		"boost to come":                  w.boosted(storage.Public, soon.Time),
		"update to come":                 w.act("Update", p.URI, p.URI, everybody, soon),
		"update that is held":            w.act("Update", p.URI, p.URI, everybody, storage.Time{}),
		"update of the profile":          w.act("Update", w.ids.Owner(), w.ids.Owner(), everybody, p.ReleaseAt),
		"create of another's post":       w.act("Create", w.other("stranger")+"/2", w.other("stranger")+"/2", everybody, p.ReleaseAt),
		"of the server actor":            nil,
	}
	for _, kind := range []string{"Like", "Undo", "Delete", "Add", "Remove", "Follow", "Block", "Flag", "Move", "Strange"} {
		hidden[kind] = w.act(kind, p.URI, p.URI, everybody, p.ReleaseAt)
	}
	foreign := &storage.Act{URI: w.ids.Activity(wire.NewToken()), Type: "Update", Actor: w.ids.Server(), Object: p.URI,
		CreatedAt: p.CreatedAt, ReleaseAt: p.ReleaseAt}
	w.write(func(ctx context.Context, tx storage.Tx) error { return tx.InsertAct(ctx, foreign) })
	hidden["of the server actor"] = foreign
	absent := w.get("follower", w.ids.Activity(wire.NewToken()))
	for name, a := range hidden {
		page := w.ids.Outbox() + "?page=" + strings.TrimPrefix(a.URI, w.ids.Activity(""))
		for _, url := range []string{a.URI, page} {
			if got := w.get("follower", url); got.status != 404 || !reflect.DeepEqual(got, absent) {
				t.Errorf("%s: %s: %d %s", name, url, got.status, got.body)
			}
		}
	}
}

// TestActCarriesWhatIsThereNow: an act must not keep alive what was edited or deleted since.
func TestActCarriesWhatIsThereNow(t *testing.T) {
	w := newWorld(t)
	p, create := w.post(storage.Public, func(p *storage.Post) { p.Content = "<p>regretted</p>" })
	update := w.act("Update", p.URI, w.ids.Object(p, nil), p.Recipients, p.ReleaseAt)
	p.Content = "<p>better</p>"
	w.write(func(ctx context.Context, tx storage.Tx) error { return tx.UpdatePost(ctx, p) })
	for _, a := range []*storage.Act{create, update} {
		got := w.get("stranger", a.URI)
		doc := parse(t, got.body)
		object, _ := doc["object"].(map[string]any)
		if got.status != 200 || doc["id"] != a.URI || doc["type"] != a.Type || object["content"] != "<p>better</p>" ||
			strings.Contains(got.body, "regretted") {
			t.Errorf("%s: %d %s", a.Type, got.status, got.body)
		}
	}
	w.bury(p)
	for _, a := range []*storage.Act{create, update} {
		if got := w.get("stranger", a.URI); got.status != 404 {
			t.Errorf("%s of a deleted post: %d %s", a.Type, got.status, got.body)
		}
	}
}

func TestFeaturedAndReplies(t *testing.T) {
	w := newWorld(t)
	first, _ := w.post(storage.Public, nil)
	var posts []*storage.Post
	for _, v := range []storage.Visibility{storage.Public, storage.Unlisted, storage.Followers, storage.Direct} {
		p, _ := w.post(v, func(p *storage.Post) { p.InReplyTo = first.URI })
		posts = append(posts, p)
	}
	w.post(storage.Public, func(p *storage.Post) { p.InReplyTo, p.Author = first.URI, w.other("stranger") })
	later, _ := w.post(storage.Public, func(p *storage.Post) { at(time.Now().Add(time.Hour))(p); p.InReplyTo = first.URI })
	gone, _ := w.post(storage.Public, func(p *storage.Post) { p.InReplyTo = first.URI })
	w.write(func(ctx context.Context, tx storage.Tx) error {
		for i, p := range append(posts, later, gone) {
			pin := &storage.Pin{Actor: w.ids.Owner(), Post: p.URI, CreatedAt: storage.At(released.Add(-time.Duration(i) * time.Hour))}
			if _, err := tx.InsertPin(ctx, pin); err != nil {
				return err
			}
		}
		return nil
	})
	w.write(func(ctx context.Context, tx storage.Tx) error {
		if err := tx.BuryPost(ctx, gone.URI, storage.Now()); err != nil {
			return err
		}
		_, err := tx.InsertPin(ctx, &storage.Pin{Actor: w.ids.Owner(), Post: gone.URI, CreatedAt: storage.Now()})
		return err
	})
	want := fmt.Sprint([]any{posts[0].URI, posts[1].URI})
	for _, v := range []as{"stranger", "follower"} {
		if got := parse(t, w.get(v, w.ids.Featured()).body); fmt.Sprint(got["orderedItems"]) != want || got["type"] != "OrderedCollection" {
			t.Errorf("featured for %q: %v", v, got)
		}
		got := parse(t, w.get(v, w.ids.Replies(first.URI)).body)
		page, _ := got["first"].(map[string]any)
		if fmt.Sprint(page["items"]) != want || got["type"] != "Collection" || page["partOf"] != got["id"] || page["type"] != "CollectionPage" {
			t.Errorf("replies for %q: %v", v, got)
		}
	}
	for _, list := range []string{w.ids.Followers(), w.ids.Following(), w.ids.ServerOutbox()} {
		doc := parse(t, w.get("follower", list).body)
		delete(doc, "@context")
		if len(doc) != 2 || doc["id"] != list || doc["type"] != "OrderedCollection" {
			t.Errorf("%v", doc)
		}
	}
}

// TestPostIsServedWhole: what its viewer is told arrives, polls included.
func TestPostIsServedWhole(t *testing.T) {
	w := newWorld(t)
	p, _ := w.post(storage.Public, func(p *storage.Post) { p.Type, p.Language, p.Summary = "Question", "en", "careful" })
	w.write(func(ctx context.Context, tx storage.Tx) error {
		return tx.PutPoll(ctx, &storage.Poll{Post: p.URI, Options: []storage.PollOption{{Name: "yes", Votes: 2}, {Name: "no"}}, Voters: 2,
			ClosesAt: storage.At(released.Add(24 * time.Hour))})
	})
	doc := parse(t, w.get("stranger", p.URI).body)
	for field, want := range map[string]any{"id": p.URI, "type": "Question", "attributedTo": w.ids.Owner(), "content": p.Content,
		"summary": "careful", "sensitive": true, "published": "2026-03-04T05:00:00Z", "endTime": "2026-03-05T05:00:00Z",
		"replies": w.ids.Replies(p.URI)} {
		if doc[field] != want {
			t.Errorf("%s: %v, want %v", field, doc[field], want)
		}
	}
	if options, _ := doc["oneOf"].([]any); len(options) != 2 {
		t.Errorf("options: %v", doc["oneOf"])
	}
	if doc["@context"] == nil {
		t.Error("no context")
	}
}

// TestOutboxLeavesNoGaps: a domain that is told of no boosts reads pages as full, and as few, as if there were none.
func TestOutboxLeavesNoGaps(t *testing.T) {
	policy := hardening.Open()
	policy.Signed.Acts = slices.DeleteFunc(slices.Clone(policy.Signed.Acts), func(act string) bool { return act == "Announce" })
	w := newWorldUnder(t, policy)
	var want []string
	var hidden *storage.Act
	for i := range 2 * pageSize {
		when := released.Add(time.Duration(i) * time.Hour)
		_, create := w.post(storage.Public, at(when))
		want = append(want, create.URI)
		hidden = w.boosted(storage.Public, when.Add(time.Minute))
		w.boosted(storage.Public, when.Add(2*time.Minute))
	}
	slices.Reverse(want)
	listed, pages := w.pages("stranger")
	if !slices.Equal(listed, want) || len(pages) != 2 {
		t.Errorf("%d pages list %d acts; want 2 with %d", len(pages), len(listed), len(want))
	}
	absent := w.get("stranger", w.ids.Activity(wire.NewToken()))
	for _, uri := range []string{hidden.URI, w.ids.Outbox() + "?page=" + strings.TrimPrefix(hidden.URI, w.ids.Activity(""))} {
		if got := w.get("stranger", uri); !reflect.DeepEqual(got, absent) {
			t.Errorf("%s is answered with %d, what never was with %d", uri, got.status, absent.status)
		}
	}
}
