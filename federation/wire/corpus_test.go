package wire

import (
	"fmt"
	"path"
	"slices"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/hardening/hostname"
	"github.com/dunnock-server/dunnock/hardening/sanitize"
	"github.com/dunnock-server/dunnock/storage"
)

// stubs are documents with the type of an actor or a post that are neither: a name for a key, which GoToSocial serves.
var stubs = []string{"gotosocial/main-key.json"}

// Every actor and every post that another server sends is read, alone or within whatever activity.
func TestCorpus(t *testing.T) {
	for name, doc := range corpus(t) {
		for depth := 0; doc != nil; depth++ {
			where := fmt.Sprintf("%s at depth %d", name, depth)
			actor, keys, actorErr := reader.Actor(doc, now)
			post, poll, postErr := reader.Post(doc, now)
			_, _, vote := Vote(doc)
			whole := len(doc) > 4 && !slices.Contains(stubs, name) // a Tombstone's id and type are no post
			if slices.ContainsFunc(doc.Types(), vocab.IsActor) && whole {
				if actorErr != nil || len(keys) == 0 {
					t.Errorf("%s: actor: %v, %d keys", where, actorErr, len(keys))
				}
			}
			if slices.ContainsFunc(doc.Types(), vocab.IsPostable) && whole && postErr != nil {
				t.Errorf("%s: post: %v", where, postErr)
			}
			if want := path.Base(name) == "create-vote.json" && depth == 1; vote != want {
				t.Errorf("%s: vote: %v", where, vote)
			}
			if actorErr == nil {
				if err := soundActor(actor, keys); err != nil {
					t.Errorf("%s: %v", where, err)
				}
			}
			if postErr == nil {
				if err := soundPost(post, poll); err != nil {
					t.Errorf("%s: %v", where, err)
				}
			}
			doc, _ = doc.Object("object")
		}
	}
}

// soundActor demands of any actor that was read what always holds.
func soundActor(a *storage.Actor, keys []storage.ActorKey) error {
	for _, uri := range []string{a.Inbox, a.SharedInbox, a.Followers, a.Featured} {
		if uri != "" && !hostname.SameOrigin(uri, a.URI) {
			return fmt.Errorf("endpoint %q of %q", uri, a.URI)
		}
	}
	for _, key := range keys {
		if key.Actor != a.URI || !hostname.SameOrigin(key.ID, a.URI) {
			return fmt.Errorf("key %q of %q", key.ID, a.URI)
		}
	}
	switch {
	case a.Inbox == "" || ours.Own(a.URI) || a.Handle != "" || !vocab.IsActor(a.Type):
		return fmt.Errorf("%+v", a)
	case len(a.Fields) > maxFields || len(a.Emoji) > maxEmoji || len(a.AlsoKnownAs) > maxAliases || len(keys) > maxKeys:
		return fmt.Errorf("longer than is kept")
	}
	for _, f := range a.Fields {
		if err := soundText(f.Name, f.Value); err != nil {
			return err
		}
	}
	return soundText(a.Name, a.Summary, a.URL, a.Avatar, a.Header)
}

// soundPost demands of any post that was read what always holds.
func soundPost(p *storage.Post, q *storage.Poll) error {
	switch {
	case ours.Own(p.URI) || !hostname.SameOrigin(p.URI, p.Author) || !vocab.IsPostable(p.Type):
		return fmt.Errorf("%+v", p)
	case !slices.Contains(visibilities, p.Visibility):
		return fmt.Errorf("visibility %q", p.Visibility)
	case p.Published.Before(time.Unix(0, 0)) || p.Published.After(now):
		return fmt.Errorf("published %v", p.Published)
	case !p.Updated.IsZero() && (!p.Updated.After(p.Published.Time) || p.Updated.After(now)):
		return fmt.Errorf("updated %v", p.Updated)
	case len(p.Tags) > maxTags+maxEmoji+1 || len(p.Attachments) > maxAttachments:
		return fmt.Errorf("longer than is kept")
	case p.Token == "" || p.Conversation != "" || p.Source != "" || p.Local:
		return fmt.Errorf("%+v", p)
	}
	for _, tag := range p.Tags {
		if err := soundText(tag.Name, "", tag.Href); err != nil {
			return err
		}
	}
	for _, a := range p.Attachments {
		if a.Blob != "" || a.Width < 0 || a.Height < 0 {
			return fmt.Errorf("attachment %+v", a)
		}
		if err := soundText(a.Alt, "", a.URL); err != nil {
			return err
		}
	}
	if q != nil {
		if q.Post != p.URI || len(q.Options) == 0 || len(q.Options) > maxOptions || q.Voters < 0 {
			return fmt.Errorf("poll %+v", q)
		}
		for _, o := range q.Options {
			if err := soundText(o.Name, ""); err != nil || o.Votes < 0 {
				return fmt.Errorf("option %+v: %v", o, err)
			}
		}
	}
	if err := soundText(p.Name, "", p.URL); err != nil {
		return err
	}
	return soundText(p.Summary, p.Content)
}

// soundText demands that a line, a piece of HTML and addresses are as the sanitiser leaves them.
func soundText(line, html string, addresses ...string) error {
	if sanitize.Text(typed(line)) != line || len([]rune(line)) > maxNote {
		return fmt.Errorf("text %.200q", line)
	}
	if again := sanitizer.HTML(html); again != html {
		return fmt.Errorf("html %.200q", html)
	}
	for _, address := range addresses {
		if _, ok := sanitize.URL(address); address != "" && !ok {
			return fmt.Errorf("address %q", address)
		}
	}
	return nil
}

// object is what a document of the corpus carries.
func object(t *testing.T, name string) vocab.Object {
	t.Helper()
	o, ok := corpus(t)[name].Object("object")
	if !ok {
		t.Fatalf("%s carries nothing", name)
	}
	return o
}

// What single servers do their own way.
func TestDialects(t *testing.T) {
	read := func(name string) (*storage.Post, *storage.Poll) {
		t.Helper()
		p, q, err := reader.Post(object(t, name), now)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return p, q
	}
	video, _ := read("peertube/create-video.json")
	check(t, "the account, not the channel, made the video", video.Author, "https://peertube.example/accounts/fay")
	check(t, "title", video.Name, "Hedge, one hour")
	check(t, "Markdown is text", video.Content, "<p>A **hedge**.</p><p>Nothing happens.</p>")
	check(t, "hashtag without #", video.Tags[0].Name, "#birds")
	check(t, "language", video.Language, "en")
	check(t, "page", video.URL, video.URI)
	check(t, "file", video.Attachments[0].MIME, "video/mp4")

	quote, _ := read("hollo/create-quote.json")
	check(t, "as:Public", quote.Visibility, storage.Public)
	check(t, "quote", quote.Quote, "https://dunnock.example/posts/q3v7k2m9x4c8")
	check(t, "neither language is that of content", quote.Language, "")
	nyan, _ := read("misskey/create-note.json")
	check(t, "quoteUrl", nyan.Quote, "https://dunnock.example/posts/q3v7k2m9x4c8")
	check(t, "emoji", nyan.Tags[0], storage.Tag{Type: "Emoji", Name: ":blobcat:", Href: "https://misskey.example/files/blobcat.png"})

	threads, _ := read("threads/create-note.json")
	check(t, "zone without a colon", threads.Published.Time, time.Date(2026, 10, 30, 13, 14, 15, 0, time.UTC))
	page, _ := read("lemmy/create-page.json")
	check(t, "title", page.Name, "A dunnock at my feeder")
	check(t, "link", page.Attachments[0].URL, "https://bird.example/dunnock")
	event, _ := read("mobilizon/create-event.json")
	check(t, "a group's event", event.Author, "https://mobilizon.example/@hikers")
	check(t, "attached", len(event.Attachments), 2)
	audio, _ := read("funkwhale/create-audio.json")
	check(t, "sound", audio.Attachments[0].MIME, "audio/ogg")
	check(t, "sound's page", audio.URL, "https://funkwhale.example/library/tracks/1")
	_, poll := read("mastodon/create-question.json")
	check(t, "poll", poll != nil && len(poll.Options) > 1, true)

	owl, keys, err := reader.Actor(corpus(t)["mastodon/actor.json"], now)
	if err != nil {
		t.Fatal(err)
	}
	check(t, "shared inbox", owl.DeliveryInbox(), "https://mastodon.example/inbox")
	check(t, "fields", len(owl.Fields), 2)
	check(t, "emoji", owl.Emoji, []storage.Emoji{{Name: ":owl:", URL: "https://mastodon.example/system/custom_emojis/owl.png"}})
	check(t, "key", keys[0].ID, "https://mastodon.example/users/bob#main-key")
	fay, _, err := reader.Actor(corpus(t)["peertube/actor.json"], now)
	if err != nil {
		t.Fatal(err)
	}
	check(t, "largest picture", fay.Avatar, "https://peertube.example/lazy-static/avatars/120.png")
	_, keys, err = reader.Actor(corpus(t)["hollo/actor.json"], now)
	if err != nil {
		t.Fatal(err)
	}
	check(t, "keys of both forms", len(keys), 2)
}

func check[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
