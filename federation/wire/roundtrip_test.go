package wire

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/storage"
)

// drawPost is any own post that the owner could write.
func drawPost(t *rapid.T) (*storage.Post, *storage.Poll) {
	words := rapid.SampledFrom([]string{"hello", "\n", "\n\n", " ", "#Vögel", "#bird", "@bob@bob.example", "https://b.example/?a=b&c=(d)", "<b>", "&amp;", "🐦", "'\"", "."})
	content, tags := ours.Text(strings.Join(rapid.SliceOfN(words, 1, 12).Draw(t, "words"), " ")+"x",
		map[string]*storage.Actor{"@bob@bob.example": &bob})
	token := NewToken()
	// At the grain, as a release leaves it.
	published := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(0, 4000).Draw(t, "published")) * 10 * time.Minute)
	visibility := rapid.SampledFrom(visibilities).Draw(t, "visibility")
	p := &storage.Post{
		URI: ours.Post(token), Type: vocab.TypeNote, Author: ours.Owner(), Content: content, Tags: tags,
		Visibility: visibility, Recipients: ours.Addresses(visibility, []string{bob.URI}),
		InReplyTo: rapid.SampledFrom([]string{"", "https://bob.example/1"}).Draw(t, "inReplyTo"),
		Quote:     rapid.SampledFrom([]string{"", "https://bob.example/2"}).Draw(t, "quote"),
		Summary:   rapid.SampledFrom([]string{"", "birds & more"}).Draw(t, "summary"),
		Language:  rapid.SampledFrom([]string{"", "en", "pt-BR"}).Draw(t, "language"),
		Sensitive: rapid.Bool().Draw(t, "sensitive"), URL: ours.Post(token), Published: storage.At(published),
	}
	if rapid.Bool().Draw(t, "edited") {
		p.Updated = storage.At(published.Add(time.Second))
	}
	if rapid.Bool().Draw(t, "picture") {
		p.Attachments = []storage.Attachment{{Type: "Image", MIME: "image/png", Blob: "a.png", Alt: "a bird", Width: 3, Height: 4}}
	}
	if !rapid.Bool().Draw(t, "poll") {
		return p, nil
	}
	p.Type = vocab.TypeQuestion
	poll := &storage.Poll{Post: p.URI, Multiple: rapid.Bool().Draw(t, "multiple"), Voters: rapid.IntRange(0, 9).Draw(t, "voters"), ClosesAt: storage.At(published.Add(time.Hour))}
	for _, name := range rapid.SliceOfN(rapid.SampledFrom([]string{"Tea", "Coffee & cake", "水"}), 2, 5).Draw(t, "options") {
		poll.Options = append(poll.Options, storage.PollOption{Name: name, Votes: rapid.IntRange(0, 9).Draw(t, "votes")})
	}
	return p, poll
}

// What the owner wrote is what another node reads: text, audience, tags, files, poll and times.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p, poll := drawPost(rt)
		activity := Activity{ID: ours.Activity("t"), Type: "Create", Actor: p.Author, Object: ours.Object(p, poll)}
		object, ok := sent(t, activity.Document()).Object("object")
		if !ok {
			rt.Fatal("nothing embedded")
		}
		got, gotPoll, err := visitor.Post(object, now)
		if err != nil {
			rt.Fatal(err)
		}
		want := *p
		want.Token, want.CreatedAt = got.Token, storage.At(now)
		want.Sensitive = p.Sensitive || p.Summary != ""
		want.Content = sanitizer.HTML(p.Content) // in which hashtags are links like others
		for n := range want.Attachments {
			want.Attachments[n].URL, want.Attachments[n].Blob = ours.Media("a.png"), ""
		}
		if !reflect.DeepEqual(*got, want) {
			rt.Fatalf("\n got %+v\nwant %+v", *got, want)
		}
		if !reflect.DeepEqual(gotPoll, poll) {
			rt.Fatalf("\n got %+v\nwant %+v", gotPoll, poll)
		}
		if v := Visibility(got.Recipients.To, got.Recipients.CC, ours.Followers()); v != p.Visibility {
			rt.Fatalf("%s read as %s", p.Visibility, v)
		}
	})
}

// The owner's actor is read by others as what it is, with both keys.
func TestActorRoundTrip(t *testing.T) {
	profile := &storage.Profile{Name: "Alice", Summary: "Birds.", Locked: true, Fields: []storage.Field{{Name: "Site", Value: "https://alice.example"}}}
	doc, err := ours.Person(profile, ownKeys(t, ours.Owner()), nil)
	if err != nil {
		t.Fatal(err)
	}
	a, keys, err := visitor.Actor(sent(t, doc), now)
	if err != nil {
		t.Fatal(err)
	}
	want := &storage.Actor{
		URI: ours.Owner(), Host: "social.dunnock.example", Type: "Person", Username: "alice", Name: "Alice", Summary: "<p>Birds.</p>",
		URL: ours.Owner(), Inbox: ours.Inbox(), SharedInbox: ours.SharedInbox(), Followers: ours.Followers(), Featured: ours.Featured(),
		Locked: true, Fields: []storage.Field{{Name: "Site", Value: anchor("https://alice.example", "https://alice.example")}}, FetchedAt: storage.At(now),
	}
	if !reflect.DeepEqual(a, want) {
		t.Errorf("\n got %+v\nwant %+v", a, want)
	}
	if len(keys) != 2 || keys[0].ID != ours.Key(ours.Owner(), "main-key") || keys[1].ID != ours.Key(ours.Owner(), "ed25519-key") {
		t.Errorf("keys %v", keys)
	}
	server, err := ours.Application(ownKeys(t, ours.Server()))
	if err != nil {
		t.Fatal(err)
	}
	if a, keys, err := visitor.Actor(sent(t, server), now); err != nil || len(keys) != 2 || a.Inbox != ours.SharedInbox() || a.Username != "dunnock.example" {
		t.Errorf("server: %+v, %d keys, %v", a, len(keys), err)
	}
	if _, _, err := reader.Actor(sent(t, doc), now); err == nil {
		t.Error("a document that claims to be ours is read")
	}
}

// A vote of the owner's is one for others.
func TestVoteRoundTrip(t *testing.T) {
	vote := &storage.Post{URI: ours.Post("t"), Author: ours.Owner(), Name: "Tea", InReplyTo: "https://bob.example/1"}
	question, choice, ok := Vote(sent(t, ours.Object(vote, nil)))
	if !ok || question != vote.InReplyTo || choice != "Tea" {
		t.Errorf("%q, %q, %v", question, choice, ok)
	}
}
