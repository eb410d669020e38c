package wire

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/federation/httpsig"
	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/storage"
)

const eve = "https://e.example/eve"

// plainActor and plainNote are whole and harmless; the tests change one thing.
func plainActor(t testing.TB) vocab.Object {
	pem, err := httpsig.MarshalPublicKey(keyPair().rsa.Public())
	if err != nil {
		t.Fatal(err)
	}
	return vocab.Object{
		"id": eve, "type": "Person", "preferredUsername": "eve", "inbox": eve + "/inbox", "followers": eve + "/followers",
		"featured": eve + "/featured", "url": "https://e.example/@eve", "endpoints": map[string]any{"sharedInbox": "https://e.example/inbox"},
		"publicKey": map[string]any{"id": eve + "#main-key", "owner": eve, "publicKeyPem": pem},
	}
}

func plainNote() vocab.Object {
	return vocab.Object{
		"id": "https://e.example/1", "type": "Note", "attributedTo": eve, "content": "<p>x</p>", "published": "2026-10-30T13:14:15Z",
		"url": "https://e.example/@eve/1", "to": []any{vocab.PublicIRI}, "cc": []any{eve + "/followers"},
	}
}

// foreignValues are what stands where an address of https://e.example belongs.
func foreignValues() map[string]any {
	return map[string]any{
		"another server": "https://v.example/x", "loopback": "http://127.0.0.3/inbox", "another scheme": "http://e.example/x",
		"mail": "mailto:eve@e.example", "script": "javascript:alert(1)", "ap": "ap://did:key:z6Mk/x", "relative": "/inbox",
		"list": []any{eve + "/inbox"}, "object": map[string]any{"id": eve + "/inbox"}, "number": 5, "another port": "https://e.example:8443/x",
		"userinfo": "https://e.example@127.0.0.3/", "backslash": `https://e.example\@127.0.0.3/`, "ours": "https://dunnock.example/users/alice",
		"ours, too": "https://social.dunnock.example/inbox", "long": "https://e.example/" + strings.Repeat("x", 3000), "null": nil,
		"markup": `https://e.example/"><script>`, "code": "https://e.example/`x`", "turned": "https://e.example/\u202eeve", "terminal": "https://e.example/\u009b31m",
	}
}

func TestActorRefused(t *testing.T) {
	for _, field := range []string{"id", "inbox"} {
		for what, value := range foreignValues() {
			a, keys, err := reader.Actor(with(plainActor(t), map[string]any{field: value}), now)
			if !errors.Is(err, ErrInvalid) || a != nil || keys != nil {
				t.Errorf("%s is %s: %v", field, what, err)
			} else if strings.Contains(err.Error(), "example") || strings.Contains(err.Error(), "127.") {
				t.Errorf("the error quotes: %v", err)
			}
		}
	}
	for _, id := range []string{"https://E.example/users/eve", "HTTPS://e.example/users/eve", "https://e.example:443/users/eve", "https://e.example./users/eve"} {
		same := map[string]any{"id": id, "inbox": id + "/inbox"}
		if _, _, err := reader.Actor(with(plainActor(t), same), now); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", id, err)
		}
	}
	for _, kind := range []any{"Note", "Tombstone", "person", nil, 5, []any{}} {
		if _, _, err := reader.Actor(with(plainActor(t), map[string]any{"type": kind}), now); !errors.Is(err, ErrInvalid) {
			t.Errorf("type %v: %v", kind, err)
		}
	}
	all := with(plainActor(t), map[string]any{"id": "http://e.example/eve", "inbox": "http://e.example/eve/inbox"})
	if _, _, err := reader.Actor(all, now); !errors.Is(err, ErrInvalid) {
		t.Errorf("http outside of trials: %v", err)
	}
	trial := Reader{Sanitizer: sanitizer, IDs: ours, HTTP: true}
	if _, _, err := trial.Actor(all, now); err != nil {
		t.Errorf("http in trials: %v", err)
	}
}

// Endpoints elsewhere are as if they were not there, and the actor stays.
func TestActorEndpointsElsewhere(t *testing.T) {
	for what, value := range foreignValues() {
		a, _, err := reader.Actor(with(plainActor(t), map[string]any{
			"followers": value, "featured": value, "endpoints": map[string]any{"sharedInbox": value},
		}), now)
		if err != nil || a.Followers != "" || a.Featured != "" || a.SharedInbox != "" {
			t.Errorf("%s: %+v, %v", what, a, err)
		}
	}
	a, _, err := reader.Actor(plainActor(t), now)
	if err != nil || a.Followers == "" || a.Featured == "" || a.SharedInbox == "" || a.URL == "" {
		t.Errorf("at home: %+v, %v", a, err)
	}
}

func TestKeysOfOthers(t *testing.T) {
	good, _ := plainActor(t).Object("publicKey")
	multibase, err := httpsig.Multikey(keyPair().ed25519.Public())
	if err != nil {
		t.Fatal(err)
	}
	multikey := vocab.Object{"id": eve + "#ed", "type": "Multikey", "controller": eve, "publicKeyMultibase": multibase}
	var list, multikeys []any
	for n := range 1000 {
		list = append(list, with(good, map[string]any{"id": fmt.Sprint(eve, "#", n)}))
		multikeys = append(multikeys, with(multikey, map[string]any{"id": fmt.Sprint(eve, "#ed", n)}))
	}
	for _, c := range []struct {
		name      string
		key, more any
		want      int
	}{
		{"both", good, multikey, 2},
		{"lists", []any{good}, []any{multikey}, 2},
		{"none", nil, nil, 0},
		{"named only", eve + "#main-key", eve + "#ed", 0},
		{"another owner", with(good, map[string]any{"owner": "https://v.example/alice"}), with(multikey, map[string]any{"controller": "https://v.example/alice"}), 0},
		{"no owner", with(good, map[string]any{"owner": nil}), with(multikey, map[string]any{"controller": nil}), 0},
		{"owners", with(good, map[string]any{"owner": []any{eve}}), with(multikey, map[string]any{"controller": []any{eve}}), 0},
		{"id elsewhere", with(good, map[string]any{"id": "https://v.example/alice#main-key"}), with(multikey, map[string]any{"id": "https://v.example/k"}), 0},
		{"acct", with(good, map[string]any{"id": "acct:eve@e.example"}), with(multikey, map[string]any{"id": "did:key:z6Mk"}), 0},
		{"no key", with(good, map[string]any{"publicKeyPem": nil}), with(multikey, map[string]any{"publicKeyMultibase": nil}), 0},
		{"garbage", with(good, map[string]any{"publicKeyPem": "PEM"}), with(multikey, map[string]any{"publicKeyMultibase": "z6Mk"}), 0},
		{"trailing data", with(good, map[string]any{"publicKeyPem": good.Text("publicKeyPem") + "x"}), nil, 0},
		{"one id twice", []any{good, good}, with(multikey, map[string]any{"id": good.ID()}), 1},
		{"many", list, multikeys, maxKeys},
	} {
		a, keys, err := reader.Actor(with(plainActor(t), map[string]any{"publicKey": c.key, "assertionMethod": c.more}), now)
		if err != nil || len(keys) != c.want {
			t.Errorf("%s: %d keys, %v", c.name, len(keys), err)
		} else if err := soundActor(a, keys); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestUsername(t *testing.T) {
	for name, want := range map[any]string{
		"eve": "eve", "Käthe.x-1_": "Käthe.x-1_", "eve@v.example": "", "a b": "", "a/b": "", "a\u202eb": "", "<b>": "", 5: "",
		strings.Repeat("x", 600): "",
	} {
		a, _, err := reader.Actor(with(plainActor(t), map[string]any{"preferredUsername": name}), now)
		if err != nil || a.Username != want {
			t.Errorf("%v: %+v, %v", name, a, err)
		}
	}
}

func TestPostRefused(t *testing.T) {
	for what, value := range foreignValues() {
		for _, field := range []string{"id", "attributedTo"} {
			if field == "attributedTo" && (what == "list" || what == "object") {
				continue // which is as good as the address in it
			}
			p, q, err := reader.Post(with(plainNote(), map[string]any{field: value}), now)
			if !errors.Is(err, ErrInvalid) || p != nil || q != nil {
				t.Errorf("%s is %s: %+v, %v", field, what, p, err)
			}
		}
	}
	for _, kind := range []any{"Person", "Tombstone", "Create", "note", nil} {
		if _, _, err := reader.Post(with(plainNote(), map[string]any{"type": kind}), now); !errors.Is(err, ErrInvalid) {
			t.Errorf("type %v: %v", kind, err)
		}
	}
}

func TestPageElsewhere(t *testing.T) {
	html := func(href string) any { return map[string]any{"type": "Link", "mediaType": "text/html", "href": href} }
	for _, c := range []struct {
		name string
		url  any
		want string
	}{
		{"at home", "https://e.example/p", "https://e.example/p"},
		{"without tls", "http://e.example/p", "http://e.example/p"},
		{"another host", "https://v.example/p", ""},
		{"a host that looks the same", "https://e.example.v.example/p", ""},
		{"script", "javascript:alert(1)", ""},
		{"the list has one", []any{"https://v.example/p", html("https://v.example/q"), html("https://e.example/q"), "https://e.example/p"}, "https://e.example/q"},
		{"no html", []any{map[string]any{"type": "Link", "mediaType": "video/mp4", "href": "https://e.example/v.mp4"}}, ""},
		{"number", 5, ""},
	} {
		p, _, err := reader.Post(with(plainNote(), map[string]any{"url": c.url}), now)
		if err != nil || p.URL != c.want {
			t.Errorf("%s: %+v, %v", c.name, p, err)
		}
		a, _, err := reader.Actor(with(plainActor(t), map[string]any{"url": c.url}), now)
		if err != nil || a.URL != c.want {
			t.Errorf("%s of an actor: %+v, %v", c.name, a, err)
		}
	}
}

func TestTimes(t *testing.T) {
	day := func(s string) time.Time { d, _ := time.Parse(time.RFC3339, s); return d }
	for _, c := range []struct {
		published, updated any
		want, wantUpdated  time.Time
	}{
		{"2026-10-30T13:14:15Z", nil, day("2026-10-30T13:14:15Z"), time.Time{}},
		{"2026-10-30T13:14:15Z", "2026-10-30T15:14:15+01:00", day("2026-10-30T13:14:15Z"), day("2026-10-30T14:14:15Z")},
		{"2026-10-30T13:14:15Z", "2026-10-30T13:14:15Z", day("2026-10-30T13:14:15Z"), time.Time{}},
		{"2026-10-30T13:14:15Z", "1999-01-01T00:00:00Z", day("2026-10-30T13:14:15Z"), time.Time{}},
		{"2026-10-30T13:14:15Z", "2099-01-01T00:00:00Z", day("2026-10-30T13:14:15Z"), now},
		{"2099-01-01T00:00:00Z", "2099-01-01T00:00:00Z", now, time.Time{}},
		{"1969-07-20T20:17:40Z", nil, time.Unix(0, 0).UTC(), time.Time{}},
		{"0001-01-01T00:00:00Z", nil, time.Unix(0, 0).UTC(), time.Time{}},
		{nil, nil, now, time.Time{}}, {"yesterday", "", now, time.Time{}}, {5, []any{}, now, time.Time{}},
	} {
		p, _, err := reader.Post(with(plainNote(), map[string]any{"published": c.published, "updated": c.updated}), now)
		if err != nil || !p.Published.Equal(c.want) || !p.Updated.Equal(c.wantUpdated) || !p.CreatedAt.Equal(now) {
			t.Errorf("%v, %v: %v, %v, %v", c.published, c.updated, p.Published, p.Updated, err)
		}
	}
}

// CVE-2026-23962 and kin: of 10⁵ of anything, as much is kept as is documented.
func TestExhaustion(t *testing.T) {
	many := func(one func(n int) any) []any {
		list := make([]any, 100_000)
		for n := range list {
			list[n] = one(n)
		}
		return list
	}
	tags := many(func(n int) any {
		switch n % 3 {
		case 0:
			return map[string]any{"type": "Mention", "href": fmt.Sprint("https://e.example/", n), "name": "@x"}
		case 1:
			return map[string]any{"type": "Hashtag", "name": fmt.Sprint("#tag", n), "href": ours.Owner()}
		}
		return map[string]any{"type": "Emoji", "name": fmt.Sprint(":e", n, ":"), "icon": map[string]any{"url": "https://e.example/e.png"}}
	})
	tags[900] = map[string]any{"type": "Mention", "href": ours.Owner(), "name": "@alice"}
	long := strings.Repeat("<p>ä ", 400_000)
	p, q, err := reader.Post(with(plainNote(), map[string]any{
		"type": "Question", "tag": tags, "content": long, "summary": long,
		"attachment": many(func(n int) any {
			return map[string]any{"type": "Image", "url": fmt.Sprint("https://e.example/", n), "name": long[:5000], "width": -5, "height": 1e300}
		}),
		"oneOf": many(func(n int) any {
			return map[string]any{"type": "Note", "name": long[:5000], "replies": map[string]any{"totalItems": -n}}
		}),
		"votersCount": -1,
	}), now)
	if err != nil {
		t.Fatal(err)
	}
	if err := soundPost(p, q); err != nil {
		t.Error(err)
	}
	check(t, "tags", len(p.Tags), maxTags+maxEmoji+1)
	check(t, "the owner's mention among them", p.Tags[maxTags].Href, ours.Owner())
	check(t, "attachments", len(p.Attachments), maxAttachments)
	check(t, "options", len(q.Options), maxOptions)
	check(t, "option", len([]rune(q.Options[0].Name)) <= maxName, true)
	check(t, "content", len(p.Content) > maxContent/4 && len(p.Content) <= maxContent, true)
	a, _, err := reader.Actor(with(plainActor(t), map[string]any{
		"name": long, "summary": long, "tag": tags, "alsoKnownAs": many(func(n int) any { return fmt.Sprint("https://e.example/", n) }),
		"attachment": many(func(n int) any { return map[string]any{"type": "PropertyValue", "name": "x", "value": long} }),
		"icon":       many(func(n int) any { return "x" }),
	}), now)
	if err != nil {
		t.Fatal(err)
	}
	if err := soundActor(a, nil); err != nil {
		t.Error(err)
	}
	check(t, "fields", len(a.Fields), maxFields)
	check(t, "aliases", len(a.AlsoKnownAs), maxAliases)
	check(t, "name", len([]rune(a.Name)) <= maxName, true)
}

// What scripts could hide in comes out without them (CVE-2025-53941 and kin).
func TestMarkup(t *testing.T) {
	const bad = `<script>alert(1)</script>x" onload='alert(1)' <img src=x onerror=alert(1)><form action="https://e.example">`
	link := map[string]any{"type": "Hashtag", "name": "#" + bad, "href": `https://e.example/"onload="x`}
	p, q, err := reader.Post(with(plainNote(), map[string]any{
		"type": "Question", "content": bad, "summary": bad, "name": bad, "contentMap": map[string]any{bad: bad}, "tag": []any{link,
			map[string]any{"type": "Mention", "href": eve, "name": bad}, map[string]any{"type": "Emoji", "name": bad, "icon": map[string]any{"url": "data:x"}}},
		"oneOf":      []any{map[string]any{"name": bad}},
		"attachment": []any{map[string]any{"type": "Image", "url": "https://e.example/x", "name": bad, "mediaType": bad, "blurhash": bad}},
	}), now)
	if err != nil {
		t.Fatal(err)
	}
	if err := soundPost(p, q); err != nil {
		t.Error(err)
	}
	all := fmt.Sprintf("%+v %+v", p, q)
	for _, never := range []string{"<script", "<img", "<form", "data:", "alert(1)</"} {
		if strings.Contains(all, never) {
			t.Errorf("%q in %s", never, all)
		}
	}
	article := post(t, map[string]any{"type": "Article", "name": bad})
	if err := soundPost(article, nil); err != nil || article.Name == "" {
		t.Errorf("title: %v", err)
	}
	check(t, "language", p.Language, "")
	check(t, "mime and blurhash", p.Attachments[0].MIME+p.Attachments[0].Blurhash, "")
}

func TestPolls(t *testing.T) {
	options := []any{
		map[string]any{"type": "Note", "name": "a", "replies": map[string]any{"type": "Collection", "totalItems": 2}},
		map[string]any{"type": "Note", "name": "b", "replies": map[string]any{"type": "Collection", "totalItems": 3}},
	}
	for _, c := range []struct {
		name   string
		fields map[string]any
		want   storage.Poll
	}{
		{"one", map[string]any{"oneOf": options, "endTime": "2030-01-01T00:00:00Z"}, storage.Poll{Voters: 5, ClosesAt: storage.At(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))}},
		{"any", map[string]any{"anyOf": options, "votersCount": 4}, storage.Poll{Multiple: true, Voters: 4}},
		{"any, voters unknown", map[string]any{"anyOf": options}, storage.Poll{Multiple: true}},
		{"closed", map[string]any{"oneOf": options, "closed": "2026-10-01T00:00:00Z", "endTime": "2030-01-01T00:00:00Z"}, storage.Poll{Voters: 5, ClosesAt: storage.At(time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC))}},
		{"closed now", map[string]any{"oneOf": options, "closed": true}, storage.Poll{Voters: 5, ClosesAt: storage.At(now)}},
		{"long over", map[string]any{"oneOf": options, "endTime": "0001-01-01T00:00:00Z"}, storage.Poll{Voters: 5, ClosesAt: storage.At(time.Unix(0, 0))}},
		{"never", map[string]any{"oneOf": options, "closed": false, "endTime": "never"}, storage.Poll{Voters: 5}},
	} {
		p, q, err := reader.Post(with(with(plainNote(), map[string]any{"type": "Question"}), c.fields), now)
		if err != nil || q == nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		c.want.Post, c.want.Options = p.URI, []storage.PollOption{{Name: "a", Votes: 2}, {Name: "b", Votes: 3}}
		check(t, c.name, *q, c.want)
	}
	for name, fields := range map[string]map[string]any{"no options": {"type": "Question"}, "a note": {"oneOf": options}} {
		if _, q, err := reader.Post(with(plainNote(), fields), now); err != nil || q != nil {
			t.Errorf("%s: %v, %v", name, q, err)
		}
	}
}

func TestVote(t *testing.T) {
	vote := vocab.Object{"id": "https://e.example/v", "type": "Note", "attributedTo": eve, "name": "Tea", "inReplyTo": "https://dunnock.example/p"}
	question, choice, ok := Vote(vote)
	if !ok || question != "https://dunnock.example/p" || choice != "Tea" {
		t.Errorf("%q, %q, %v", question, choice, ok)
	}
	for what, fields := range map[string]map[string]any{
		"text": {"content": "x"}, "text by language": {"contentMap": map[string]any{"en": "x"}}, "no name": {"name": nil}, "no question": {"inReplyTo": nil},
		"article": {"type": "Article"}, "list": {"name": []any{"Tea"}}, "mail": {"inReplyTo": "mailto:x"},
	} {
		if _, _, ok := Vote(with(vote, fields)); ok {
			t.Errorf("a vote with %s", what)
		}
	}
}
