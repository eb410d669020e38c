package documents

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/federation/wire"
	"github.com/dunnock-server/dunnock/storage"
)

// Markers say who may read the text they stand in.
const (
	forAll       = "canary-public"
	forFollowers = "canary-followers"
	forAddressee = "canary-direct"
	forNobody    = "canary-private"
)

var marker = regexp.MustCompile(`canary-[a-z]+`)

// fill sets every field of a record to something that is not its zero value, text to a marker with the field's name.
func fill(v reflect.Value, mark string) {
	for i := range v.NumField() {
		f, name := v.Field(i), mark+" "+v.Type().Name()+"."+v.Type().Field(i).Name
		switch {
		case v.Type().Field(i).Name == "BaseModel":
		case f.Kind() == reflect.String:
			f.SetString(name)
		case f.Kind() == reflect.Int || f.Kind() == reflect.Int64:
			f.SetInt(7)
		case f.Kind() == reflect.Bool:
			f.SetBool(true)
		case f.Type() == reflect.TypeFor[storage.Time]():
			f.Set(reflect.ValueOf(storage.At(released)))
		case f.Kind() == reflect.Struct:
			fill(f, mark)
		case f.Kind() == reflect.Slice && f.Type().Elem().Kind() == reflect.Uint8:
			f.SetBytes([]byte(name))
		case f.Kind() == reflect.Slice:
			f.Set(reflect.MakeSlice(f.Type(), 1, 1))
			if e := f.Index(0); e.Kind() == reflect.Struct {
				fill(e, mark)
			} else {
				e.SetString(name)
			}
		}
	}
}

func filled[T any](mark string) *T {
	record := new(T)
	fill(reflect.ValueOf(record).Elem(), mark)
	return record
}

// full stores a post with a poll and its Create, all of it marked, and returns where it can be asked for.
func (w *world) full(v storage.Visibility, mark string, change func(*storage.Post)) []string {
	w.Helper()
	file := filled[storage.Blob](mark)
	p, a := w.post(v, func(p *storage.Post) {
		base := *p
		*p = *filled[storage.Post](mark)
		p.ID, p.DeletedAt = 0, storage.Time{}
		p.URI, p.Token, p.Local, p.Type, p.Author, p.Visibility = base.URI, base.Token, true, "Question", base.Author, v
		p.Recipients, p.ReleaseAt, p.Published, p.URL = base.Recipients, base.ReleaseAt, base.Published, ""
		p.Source, p.Conversation = forNobody, forNobody // whoever may see the post
		p.Tags[0].Type, p.Attachments[0].Type, p.Attachments[0].URL = "Mention", "Image", forNobody
		p.Attachments[0].MIME, p.Attachments[0].Blob = "image/png", base.Attachments[0].Blob
		if change != nil {
			change(p)
		}
	})
	file.Name, file.Post, file.MIME, file.Alt = wire.NewToken()+".png", p.URI, "image/png", forNobody
	w.files[file.Name] = []byte("png")
	w.write(func(ctx context.Context, tx storage.Tx) error {
		poll := filled[storage.Poll](mark)
		poll.Post = p.URI
		if err := tx.InsertBlob(ctx, file); err != nil {
			return err
		}
		return tx.PutPoll(ctx, poll)
	})
	return []string{p.URI, w.ids.Replies(p.URI), a.URI, w.ids.Media(file.Name), w.ids.Media(p.Attachments[0].Blob)}
}

// everything fills all tables, and returns every address that somebody might ever have been told.
func (w *world) everything() (urls []string) {
	w.Helper()
	urls = append(urls, w.full(storage.Public, forAll, nil)...)
	parent := urls[0]
	answer := func(p *storage.Post) { p.InReplyTo = parent }
	urls = append(urls, w.full(storage.Unlisted, forAll, answer)...)
	urls = append(urls, w.full(storage.Followers, forFollowers, answer)...)
	urls = append(urls, w.full(storage.Direct, forAddressee, answer)...)
	urls = append(urls, w.full("secret", forNobody, answer)...)
	urls = append(urls, w.full(storage.Public, forNobody, at(time.Now().Add(time.Hour)))...)
	urls = append(urls, w.full(storage.Public, forNobody, func(p *storage.Post) { p.ReleaseAt = storage.Time{} })...)
	deleted := w.full(storage.Public, forNobody, answer)
	w.bury(&storage.Post{URI: deleted[0]})
	urls = append(urls, deleted...)
	w.write(func(ctx context.Context, tx storage.Tx) error {
		pin := func(uri string) error {
			_, err := tx.InsertPin(ctx, &storage.Pin{Actor: w.ids.Owner(), Post: uri, CreatedAt: storage.Now()})
			return err
		}
		for _, uri := range urls {
			if err := pin(uri); err != nil {
				return err
			}
		}
		// Acts of every kind whose documents are marked, public ones about a public post: only what stands is shown.
		for i, kind := range []string{"Create", "Update", "Announce", "Like", "Undo", "Delete", "Follow", "Block", "Flag", "Move", "Strange"} {
			a := filled[storage.Act](forNobody)
			a.ID, a.URI, a.Type, a.Actor, a.Object = int64(100+i), w.ids.Activity(wire.NewToken()), kind, w.ids.Owner(), parent
			a.Document = `{"id":"` + a.URI + `","type":"` + kind + `","actor":"` + a.Actor + `","object":{"type":"Note","content":"` +
				forNobody + `"},"to":["https://www.w3.org/ns/activitystreams#Public"]}`
			if err := tx.InsertAct(ctx, a); err != nil {
				return err
			}
			urls = append(urls, a.URI)
		}
		profile := filled[storage.Profile](forAll)
		profile.Avatar, profile.Header = "", ""
		if err := tx.SetProfile(ctx, profile); err != nil {
			return err
		}
		for _, f := range []storage.Follow{{Follower: forNobody + " 1", Followee: w.ids.Owner(), State: storage.Accepted},
			{Follower: w.ids.Owner(), Followee: forNobody + " 2", State: storage.Accepted}} {
			f.CreatedAt, f.Activity = storage.Now(), forNobody
			if err := tx.PutFollow(ctx, &f); err != nil {
				return err
			}
		}
		like, remote, call := filled[storage.Reaction](forNobody), filled[storage.Post](forNobody), filled[storage.Call](forNobody)
		like.ID, like.Kind, like.Object = 0, storage.Like, parent
		remote.ID, remote.Local, remote.InReplyTo, remote.Visibility = 0, false, parent, storage.Public
		remote.DeletedAt = storage.Time{}
		if _, err := tx.InsertReaction(ctx, like); err != nil {
			return err
		}
		if _, err := tx.InsertPost(ctx, remote); err != nil {
			return err
		}
		if err := tx.InsertCall(ctx, call); err != nil {
			return err
		}
		for _, kind := range []string{storage.Mute, storage.BlockedBy, storage.Block} {
			r := filled[storage.Relation](forNobody)
			r.Kind = kind
			if _, err := tx.PutRelation(ctx, r); err != nil {
				return err
			}
		}
		return tx.SetSetting(ctx, forNobody, forNobody)
	})
	base := "http://" + w.ids.Host
	return append(urls, base+"/", w.ids.Owner(), w.ids.Server(), w.ids.Inbox(), w.ids.SharedInbox(), w.ids.Outbox(),
		w.ids.Outbox()+"?page=newest", w.ids.Followers(), w.ids.Following(), w.ids.Featured(), w.ids.ServerOutbox(),
		base+"/users/", base+"/users/alice/", base+"/media/", base+"/@alice", base+"/users/alice.rss", base+"/users/alice/liked",
		base+"/users/alice/posts", base+"/users/alice/featured/tags", base+"/api/v1/timelines/public", base+"/dunnock.db")
}

// forms are ways to ask for an address.
var forms = []struct{ method, accept string }{
	{"GET", "application/activity+json"}, {"GET", "*/*"}, {"GET", "text/html"}, {"GET", "application/rss+xml"},
	{"HEAD", "application/activity+json"}, {"POST", "application/activity+json"},
}

// crawl asks for all addresses and for whatever of the node they lead to, in every form, and returns the markers that it
// met.
func (w *world) crawl(v as, urls []string) (met []string) {
	w.Helper()
	link := regexp.MustCompile(regexp.QuoteMeta("http://"+w.ids.Host) + `[^"'<>\s\\]*`)
	seen := map[string]bool{}
	for queue := slices.Clone(urls); len(queue) > 0; queue = queue[1:] {
		url, _, _ := strings.Cut(queue[0], "#")
		if seen[url] {
			continue
		}
		seen[url] = true
		for _, form := range forms {
			got := w.ask(form.method, v, url, http.Header{"Accept": {form.accept}})
			for _, m := range marker.FindAllString(fmt.Sprint(got.body, got.header), -1) {
				if !slices.Contains(met, m) {
					met = append(met, m)
					w.Logf("%q met %s at %s", v, m, url)
				}
			}
			if got.status >= 500 {
				w.Errorf("%s %s as %q: %d %s", form.method, url, v, got.status, got.body)
			}
			queue = append(queue, link.FindAllString(got.body, -1)...)
		}
	}
	slices.Sort(met)
	return met
}

// TestCrawl: nobody meets a text that is not for them, whichever address they ask for and however (CVE-2026-25808). Nobody
// without a key meets any.
func TestCrawl(t *testing.T) {
	w := newWorld(t)
	urls := w.everything()
	for _, v := range others {
		w.know(as(v))
	}
	for _, c := range []struct {
		as
		meets []string
	}{
		{"", nil}, {forged, nil}, {"blocked", nil},
		{"stranger", []string{forAll}},
		{"follower", []string{forFollowers, forAll}},
		{"addressee", []string{forAddressee, forAll}},
	} {
		if met := w.crawl(c.as, urls); !slices.Equal(met, c.meets) {
			t.Errorf("%q met %v, want %v", c.as, met, c.meets)
		}
	}
}
