package node_test

import (
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/control"
	"github.com/dunnock-server/dunnock/federation/wire"
	"github.com/dunnock-server/dunnock/storage"
)

// secrets are words in what is not for all, and who may read them.
const (
	forSigners   = "canary-profile" // of the owner's profile nobody else sees more than a stub
	forFollowers = "canary-followers"
	forVictim    = "canary-direct"
	taken        = "canary-deleted"
)

var secret = regexp.MustCompile(`canary-[a-z]+`)

// life is a node whose owner has written for everybody, for followers, for one person, and taken something back.
type life struct {
	*siege
	fay, vic, eve, mallory *account // a follower, who is followed; an addressee; a stranger; somebody blocked
	public, followers      federation.Post
	direct, deleted        federation.Post
}

func newLife(t *testing.T) *life {
	t.Helper()
	s := newSiege(t)
	l := &life{siege: s, fay: s.friend().follows(), vic: s.site("victim.example").person("vic"), eve: s.site("eve.example").person("eve"),
		mallory: s.site("mallory.example").person("mallory")}
	s.known(l.vic, l.eve, l.mallory)
	s.must("block", control.Who{Who: l.mallory.uri}, nil)
	about := forSigners
	s.must("profile_set", control.NewProfile{Name: &about, Summary: &about, Fields: &[]storage.Field{{Name: about, Value: about}}}, nil)
	pic := func(alt string) []control.Picture { return []control.Picture{{Data: drawn(t, "png"), Alt: alt}} }
	l.public = s.posted(control.NewPost{Text: "for all", Media: pic("for all")})
	s.posted(control.NewPost{Text: "for all, quietly", Visibility: storage.Unlisted, ReplyTo: l.public.URI})
	l.followers = s.posted(control.NewPost{Text: forFollowers, Warning: forFollowers, Visibility: storage.Followers, ReplyTo: l.public.URI, Media: pic(forFollowers)})
	l.direct = s.posted(control.NewPost{Text: forVictim + " @vic@victim.example #" + strings.ReplaceAll(forVictim, "-", ""), Visibility: storage.Direct, ReplyTo: l.public.URI,
		Media: pic(forVictim)})
	s.posted(control.NewPost{Text: "for all, about a secret", Visibility: storage.Public, ReplyTo: l.direct.URI})
	s.posted(control.NewPost{Text: forFollowers, Visibility: storage.Followers, Poll: &control.Question{Options: []string{forFollowers, "b"}, ClosesIn: 3600}})
	l.deleted = s.posted(control.NewPost{Text: taken, ReplyTo: l.public.URI, Media: pic(taken)})
	words := taken
	edited := s.posted(control.NewPost{Text: words})
	words = "for all, edited"
	for name, args := range map[string]any{
		"edit": control.EditedPost{ID: edited.ID, Text: &words}, "delete": control.ID{ID: l.deleted.ID}, "boost": control.ID{ID: l.public.ID}, "like": control.ID{ID: l.public.ID},
	} {
		s.must(name, args, nil)
	}
	for _, p := range []federation.Post{l.followers, l.direct} { // what may be refused may be tried
		s.call("pin", control.ID{ID: p.ID}, nil)
		s.call("boost", control.ID{ID: p.ID}, nil)
	}
	l.vic.take(l.vic.act("Create", l.vic.note("1", "an answer in secret: "+forVictim, obj{"inReplyTo": l.direct.URI, "to": []any{s.owner}, "cc": nil})))
	s.settle()
	return l
}

// ours finds addresses of the node.
var ours = regexp.MustCompile(`http://dunnock\.example[^"'<>\s\\)\]},]*`)

// addresses are all that the node ever told of or holds, and those that other software has.
func (l *life) addresses() (urls []string) {
	l.Helper()
	for _, line := range l.stored() {
		urls = append(urls, ours.FindAllString(line, -1)...)
	}
	for _, name := range l.query("SELECT name FROM blobs") {
		urls = append(urls, "http://"+home+"/media/"+strings.TrimPrefix(name, " name="))
	}
	for _, path := range []string{"/", "/inbox", "/actor", "/actor/outbox", "/users/", "/users/bob", "/@alice", "/@alice.rss", "/users/alice.rss", "/users/alice.atom", "/feed", "/sitemap.xml",
		"/robots.txt", "/media/", "/nodeinfo/2.0", "/nodeinfo/2.1", "/.well-known/nodeinfo", "/.well-known/host-meta", "/.well-known/host-meta.json", "/.well-known/webfinger?resource=acct:alice@" + home,
		"/.well-known/webfinger?resource=" + l.public.URI, "/api/v1/timelines/public", "/api/v1/accounts/1/statuses", "/api/v2/search?q=canary", "/users/alice/liked", "/users/alice/posts",
		"/users/alice/inbox", "/users/alice/outbox?page=newest", "/users/alice/outbox?page=true", "/users/alice/outbox?min_id=0&page=true", "/dunnock.db", "/debug/pprof/", "/call/timeline", "/oembed?url=" + l.direct.URI} {
		urls = append(urls, "http://"+home+path)
	}
	for _, p := range []federation.Post{l.public, l.followers, l.direct, l.deleted} {
		for _, more := range []string{"/activity", "/replies", "/replies?page=true", "/likes", "/shares", ".json", "/embed", "?", "/"} {
			urls = append(urls, p.URI+more)
		}
	}
	slices.Sort(urls)
	return slices.Compact(urls)
}

// visitor asks for an address in some way.
type visitor struct {
	name string
	ask  func(path string) *http.Request
	may  []string // the secrets that are theirs to read
}

func (l *life) visitors() []visitor {
	forged := l.eve.at(l.fay.uri) // the follower's name, another's key
	return []visitor{
		{"nobody", l.get, nil},
		{"a browser", func(path string) *http.Request {
			r := l.get(path)
			r.Header.Set("Accept", "text/html,*/*;q=0.8")
			return r
		}, nil},
		{"a forger", forged.get, nil},
		{"somebody blocked", l.mallory.get, nil},
		{"a stranger", l.eve.get, []string{forSigners}},
		{"the follower", l.fay.get, []string{forFollowers, forSigners}},
		{"the addressee", l.vic.get, []string{forVictim, forSigners}},
	}
}

// crawl asks for addresses, and for all that the answers lead to.
func (s *siege) crawl(known []string, ask func(string) *http.Request, meet func(url string, got answer)) {
	s.Helper()
	seen := map[string]bool{}
	for queue := slices.Clone(known); len(queue) > 0; queue = queue[1:] {
		url, _, _ := strings.Cut(queue[0], "#")
		if seen[url] {
			continue
		}
		seen[url] = true
		got := s.do(ask(url))
		if got.status >= 500 {
			s.Errorf("%s is answered with %d", url, got.status)
		}
		meet(url, got)
		queue = append(queue, ours.FindAllString(got.body, -1)...)
	}
}

// crawl: every address there is, and all that they lead to, asked for by everybody.
func crawl(t *testing.T) {
	l := newLife(t)
	known := l.addresses()
	for _, v := range l.visitors() {
		var met []string
		l.crawl(known, v.ask, func(url string, got answer) {
			for _, word := range secret.FindAllString(fmt.Sprint(got.header, got.body), -1) {
				if !slices.Contains(v.may, word) {
					t.Errorf("%s meets %s at %s", v.name, word, url)
				} else if !slices.Contains(met, word) {
					met = append(met, word)
				}
			}
		})
		if slices.Sort(met); !slices.Equal(met, v.may) {
			t.Errorf("%s meets %q: the crawl proves nothing", v.name, met)
		}
	}
	if got := l.do(l.get(l.deleted.Attachments[0].URL)); got.status != http.StatusNotFound {
		t.Errorf("the picture of what was deleted: %d", got.status)
	}
	for _, c := range []struct {
		to  *account
		may []string
	}{{l.fay, []string{forFollowers, taken, forSigners}}, {l.vic, []string{forVictim}}, {l.eve, nil}, {l.mallory, nil}} {
		for _, word := range secret.FindAllString(fmt.Sprint(c.to.received()), -1) {
			if !slices.Contains(c.may, word) {
				t.Errorf("%s was sent %s", c.to.uri, word)
			}
		}
	}
}

// forbiddenIsAbsent: what somebody may not see is answered like what never was, in the same time.
func forbiddenIsAbsent(t *testing.T) {
	l := newLife(t)
	for _, v := range l.visitors() {
		for _, p := range []federation.Post{l.followers, l.direct, l.deleted} {
			secret := map[string]string{l.followers.ID: forFollowers, l.direct.ID: forVictim}[p.ID]
			if slices.Contains(v.may, secret) || p.ID == l.deleted.ID && slices.Contains([]string{"a stranger", "the follower", "the addressee"}, v.name) {
				continue // theirs to see, or to learn that it is gone
			}
			for _, more := range []string{"", "/replies", "/activity"} {
				there, absent := l.do(v.ask(p.URI+more)), l.do(v.ask("/users/alice/posts/"+wire.NewToken()+more))
				if there.status != 401 && there.status != 404 && there.status != 406 || !reflect.DeepEqual(there, absent) {
					t.Errorf("%s, %s%s: %+v, and what never was %+v", v.name, p.Visibility, more, there, absent)
				}
			}
		}
		for _, line := range l.query("SELECT uri FROM acts WHERE object IN (?, ?)", l.followers.URI, l.direct.URI) {
			there, absent := l.do(v.ask(strings.TrimPrefix(line, " uri="))), l.do(v.ask("/users/alice/activities/"+wire.NewToken()))
			if !reflect.DeepEqual(there, absent) {
				t.Errorf("%s, an act: %+v, and what never was %+v", v.name, there, absent)
			}
		}
	}
	best := map[string]time.Duration{}
	for range 100 {
		for name, uri := range map[string]string{"there": l.direct.URI, "absent": l.owner + "/posts/" + wire.NewToken()} {
			r := l.eve.get(uri)
			begun := time.Now()
			l.do(r)
			if took := time.Since(begun); best[name] == 0 || took < best[name] {
				best[name] = took
			}
		}
	}
	if ratio := float64(best["there"]) / float64(best["absent"]); ratio > 2 || ratio < 0.5 {
		t.Errorf("the forbidden is answered in %v, the absent in %v", best["there"], best["absent"])
	}
}

// caches: no answer may be kept for somebody else.
func caches(t *testing.T) {
	l := newLife(t)
	for _, url := range l.addresses() {
		var first *answer
		for _, v := range l.visitors() {
			url, _, _ := strings.Cut(url, "#")
			got := l.do(v.ask(url))
			if control := got.header.Get("Cache-Control"); !strings.Contains(control, "no-store") || strings.Contains(control, "public") {
				t.Errorf("%s, %s: Cache-Control %q", v.name, url, control)
			}
			for _, name := range []string{"ETag", "Last-Modified", "Expires", "Age", "Set-Cookie", "Server", "X-Powered-By"} {
				if got.header.Get(name) != "" {
					t.Errorf("%s, %s: %s %q", v.name, url, name, got.header.Get(name))
				}
			}
			if first == nil {
				first = &got
			}
			vary := got.header.Get("Vary")
			if (got.status != first.status || got.body != first.body) && !(strings.Contains(vary, "Signature") && strings.Contains(vary, "Signature-Input") && strings.Contains(vary, "Accept")) {
				t.Errorf("%s is answered with %d to %s and with %d to others, and Vary is %q", url, got.status, v.name, first.status, vary)
			}
		}
	}
}

// blindCopies: who was addressed in secret is in nothing that leaves or is served.
func blindCopies(t *testing.T) {
	l := newLife(t)
	blind := obj{"bto": []any{l.owner, "http://victim.example/canary-blind"}, "bcc": "http://victim.example/canary-blind"}
	l.during(func() {
		l.vic.post(l.vic.act("Follow", l.owner, blind))
		l.vic.post(l.vic.act("Create", l.vic.note("2", "hello @alice@"+home, blind, obj{"to": []any{l.owner}, "cc": nil}), blind))
		l.vic.post(l.vic.act("Create", l.vic.note("3", "for all", blind, obj{"cc": []any{l.owner}}), blind))
		l.settle()
		reply := l.posted(control.NewPost{Text: "an answer", ReplyTo: l.vic.url("/notes/3")})
		l.must("boost", control.ID{ID: l.vic.url("/notes/3")}, nil)
		words := "another"
		l.must("edit", control.EditedPost{ID: reply.ID, Text: &words}, nil)
		l.must("delete", control.ID{ID: reply.ID}, nil)
	})
	blindly := regexp.MustCompile(`"?b(to|cc)"?:|canary-blind`)
	for _, a := range []*account{l.fay, l.vic, l.eve} {
		for _, doc := range a.received() {
			if text := string(encode(t, map[string]any(doc))); blindly.MatchString(text) {
				t.Errorf("%s was sent %s", a.uri, text)
			}
		}
	}
	for _, v := range l.visitors() {
		for _, url := range l.addresses() {
			url, _, _ := strings.Cut(url, "#")
			if got := l.do(v.ask(url)); blindly.MatchString(got.body) {
				t.Errorf("%s meets %s at %s", v.name, got.body, url)
			}
		}
	}
}
