package inbox

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dunnock-server/dunnock/federation/httpsig"
	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/storage"
)

// TestJSON has a subtest for each row of that name in the list of attacks that other servers fell to.
func TestJSON(t *testing.T) {
	t.Run("CVE-2022-24307 and kin: signatures inside a document, re-shaped by JSON-LD", func(t *testing.T) {
		w := newCircle(t)
		signature := obj{"type": "RsaSignature2017", "creator": w.victim.keyID, "created": time.Now().UTC().Format(time.RFC3339), "signatureValue": "eA=="}
		real := w.victim.note("1", "as it was")
		// Forwarded by somebody else, it is not its actor's, signed inside or not.
		w.refused(w.eve.signed(encode(t, w.victim.act("Create", real, obj{"signature": signature})), httpsig.Cavage), 0)
		proof := obj{"proof": obj{"type": "DataIntegrityProof", "cryptosuite": "eddsa-jcs-2022", "verificationMethod": w.victim.keyID, "proofValue": "z"}}
		w.refused(w.eve.signed(encode(t, w.victim.act("Create", real, proof)), httpsig.Cavage), 0)
		// What JSON-LD would make of a document of the attacker's own is not looked at.
		for _, shape := range []obj{
			{"@context": []any{vocab.ContextActivityStreams, obj{"actor": "as:summary", "evil": obj{"@id": "as:actor", "@type": "@id"}}}, "evil": w.victim.uri},
			{"@graph": []any{w.victim.act("Create", real)}},
			{"@included": []any{w.victim.act("Delete", w.victim.uri)}},
			{"@reverse": obj{"object": w.victim.act("Delete", w.victim.uri)}},
			{"https://www.w3.org/ns/activitystreams#actor": w.victim.uri},
			{"as:actor": obj{"id": w.victim.uri}},
			{"@id": w.victim.url("/acts/1"), "@type": "Delete"},
			{"signature": signature},
		} {
			w.silent(w.unchanged(func() {
				w.post(w.eve, w.eve.act("Create", w.eve.note("1", "for nobody here"), shape))
			}))
			// Without actor and id in plain form it is nobody's.
			doc := w.eve.act("Create", w.eve.note("1", "x"), obj{"actor": nil, "id": nil}, shape)
			w.silent(w.unchanged(func() {
				if status := w.do(w.eve.signed(encode(t, doc), httpsig.Cavage)); status != http.StatusBadRequest {
					t.Errorf("%v: the inbox answers %d", shape, status)
				}
			}))
		}
	})
	t.Run("Go's own: duplicate keys, names folded by case", func(t *testing.T) {
		w := newCircle(t)
		real := string(encode(t, w.hello(w.eve, "1")))
		for name, body := range map[string]string{
			"two actors":          strings.Replace(real, `{`, `{"actor":"`+w.victim.uri+`",`, 1),
			"two actors, swapped": strings.Replace(real, `}`, `},"actor":"`+w.victim.uri+`"`, 1),
			"Actor":               strings.Replace(real, `{`, `{"Actor":"`+w.victim.uri+`",`, 1),
			"ID":                  strings.Replace(real, `{`, `{"ID":"`+w.victim.url("/1")+`",`, 1),
			"TYPE":                strings.Replace(real, `{`, `{"TYPE":"Delete",`, 1),
			"long s":              strings.Replace(real, `{`, `{"ob\u017fect":1,"in\u017ftrument":"x","tag\u017f":1,"in\u0062ox":"x","\u017fummary":"x",`, 1),
			"escaped":             strings.Replace(real, `{`, `{"\u0061ctor":"`+w.victim.uri+`",`, 1),
			"deep":                strings.Replace(real, `"attributedTo"`, `"AttributedTo":"`+w.victim.uri+`","attributedTo"`, 1),
			"deep twice":          strings.Replace(real, `"attributedTo"`, `"attributedTo":"`+w.victim.uri+`","attributedTo"`, 1),
			"two documents":       real + real,
			"a list":              "[" + real + "]",
			"trailing":            real + "x",
			"byte order mark":     "\ufeff" + real,
			"invalid UTF-8":       strings.Replace(real, "hello", "\xff", 1),
			"nothing":             "",
			"null":                "null",
			"text":                `"` + w.victim.uri + `"`,
			"100000 brackets":     strings.Repeat("[", 100_000),
			"deep objects":        strings.Repeat(`{"object":`, 100_000),
		} {
			w.silent(w.unchanged(func() {
				if status := w.do(w.eve.signed([]byte(body), httpsig.Cavage)); status != http.StatusBadRequest {
					t.Errorf("%s: the inbox answers %d", name, status)
				}
			}))
		}
		w.take(w.eve, real)
		w.stored(w.eve.url("/notes/1"))
	})
	t.Run("FEP-ef61: ap:// ids", func(t *testing.T) {
		w := newCircle(t)
		did := "ap://did:key:z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2/"
		for _, fields := range []obj{{"id": did + "acts/1"}, {"actor": did + "actor"}, {"actor": did + "actor", "id": did + "acts/1"}} {
			w.silent(w.unchanged(func() {
				doc := w.eve.act("Create", w.eve.note("1", "x"), fields)
				if status := w.do(w.eve.signed(encode(t, doc), httpsig.Cavage)); status != http.StatusBadRequest {
					t.Errorf("%v: the inbox answers %d", fields, status)
				}
			}))
		}
		w.silent(w.unchanged(func() {
			w.post(w.friend, w.friend.act("Create", w.friend.note("1", "x", obj{"id": did + "notes/1"})))
			w.post(w.friend, w.friend.act("Create", did+"notes/1"))
			w.post(w.friend, w.friend.act("Announce", did+"notes/1"))
			w.post(w.friend, w.friend.act("Create", w.friend.note("2", "x", obj{"attributedTo": did + "actor"})))
		}))
	})
}

// TestFormOfAnActivity: one type, one actor, an id of the actor's origin; anything else is refused before anybody is asked.
func TestFormOfAnActivity(t *testing.T) {
	w := newCircle(t)
	for name, c := range map[string]struct {
		fields obj
		status int
	}{
		"two actors":         {obj{"actor": []any{w.eve.uri, w.victim.uri}}, http.StatusBadRequest},
		"no actor":           {obj{"actor": nil}, http.StatusBadRequest},
		"nameless actor":     {obj{"actor": obj{"type": "Person"}}, http.StatusBadRequest},
		"numeric actor":      {obj{"actor": 7}, http.StatusBadRequest},
		"id in a list":       {obj{"id": []any{w.eve.url("/1")}}, http.StatusBadRequest},
		"id as object":       {obj{"id": obj{"id": w.eve.url("/1")}}, http.StatusBadRequest},
		"numeric id":         {obj{"id": 7}, http.StatusBadRequest},
		"empty id":           {obj{"id": ""}, http.StatusBadRequest},
		"urn":                {obj{"id": "urn:uuid:1"}, http.StatusBadRequest},
		"no type":            {obj{"type": nil}, http.StatusBadRequest},
		"two types":          {obj{"type": []any{"Create", "Delete"}}, http.StatusBadRequest},
		"unknown type":       {obj{"type": "Arrive"}, http.StatusAccepted},
		"a post":             {obj{"type": "Note"}, http.StatusAccepted},
		"embedded actor":     {obj{"actor": w.eve.doc}, http.StatusAccepted},
		"one actor, one id":  {obj{"actor": []any{w.eve.uri}}, http.StatusAccepted},
		"one type in a list": {obj{"type": []any{"Create"}}, http.StatusAccepted},
	} {
		doc := merge(w.eve.act("Create", w.eve.note("1", "x")), c.fields)
		w.silent(w.unchanged(func() {
			if status := w.do(w.eve.signed(encode(t, doc), httpsig.Cavage)); status != c.status {
				t.Errorf("%s: the inbox answers %d", name, status)
			}
		}))
	}
}

// TestWithoutAnID: some servers give no id to what they do not keep. What is sent twice is one activity, what is done twice
// is two.
func TestWithoutAnID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newCircle(t)
		post := w.own(storage.Public)
		nameless := obj{"id": nil}
		like := encode(t, w.eve.act("Like", post.URI, nameless))
		undo := encode(t, w.eve.act("Undo", obj{"type": "Like", "actor": w.eve.uri, "object": post.URI}, nameless))
		for range 2 {
			first := w.eve.signed(like, httpsig.Cavage)
			replay := func() {
				first.Body = bodyOf(like)
				if status := w.do(first); status != http.StatusAccepted {
					t.Errorf("the inbox answers %d", status)
				}
				w.settle()
			}
			replay()
			equal(t, "notifications", w.notified(), "like "+w.eve.uri+" "+post.URI)
			time.Sleep(time.Second)
			w.take(w.eve, undo)
			equal(t, "notifications", w.notified())
			w.unchanged(replay)
			time.Sleep(time.Second)
		}
	})
}

// TestActivitiesNamedAfterTheirObject: WriteFreely gives Create, Update and Delete the id of the article.
func TestActivitiesNamedAfterTheirObject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newCircle(t)
		article := w.friend.note("1", "first", obj{"type": "Article", "name": "title"})
		id := article["id"].(string)
		w.take(w.friend, w.friend.act("Create", article, obj{"id": id}))
		equal(t, "timeline", w.timeline(), id)
		for _, text := range []string{"second", "third"} {
			time.Sleep(time.Minute)
			article["content"], article["updated"] = text, time.Now().UTC().Format(time.RFC3339)
			w.take(w.friend, w.friend.act("Update", article, obj{"id": id}))
			if p := w.stored(id); p.Content != text {
				t.Errorf("kept: %s, not %s", p.Content, text)
			}
		}
		w.take(w.friend, w.friend.act("Delete", article, obj{"id": id}))
		if w.stored(id).DeletedAt.IsZero() {
			t.Error("it is still here")
		}
		// But not with the id of somebody else's.
		doc := w.eve.act("Delete", w.victim.url("/notes/1"), obj{"id": w.victim.url("/notes/1")})
		if status := w.do(w.eve.signed(encode(t, doc), httpsig.Cavage)); status != http.StatusBadRequest {
			t.Errorf("the inbox answers %d", status)
		}
	})
}

func TestWhatIsNoActivityIsRefused(t *testing.T) {
	w := newTrio(t)
	body := encode(t, w.hello(w.eve, "1"))
	for name, c := range map[string]struct {
		change func(r *http.Request)
		status int
	}{
		"GET":          {func(r *http.Request) { r.Method = http.MethodGet }, http.StatusMethodNotAllowed},
		"json":         {func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }, http.StatusUnsupportedMediaType},
		"bare ld+json": {func(r *http.Request) { r.Header.Set("Content-Type", "application/ld+json") }, http.StatusUnsupportedMediaType},
		"no type":      {func(r *http.Request) { r.Header.Del("Content-Type") }, http.StatusUnsupportedMediaType},
		"too long":     {func(r *http.Request) { r.Body, r.ContentLength = bodyOf(make([]byte, MaxBody+1)), MaxBody+1 }, http.StatusRequestEntityTooLarge},
		"chunked":      {func(r *http.Request) { r.Body, r.ContentLength = bodyOf(make([]byte, 2*MaxBody)), -1 }, http.StatusRequestEntityTooLarge},
	} {
		r := w.eve.signed(body, httpsig.Cavage)
		c.change(r)
		w.silent(w.unchanged(func() {
			if status := w.do(r); status != c.status {
				t.Errorf("%s: the inbox answers %d", name, status)
			}
		}))
	}
	r := w.eve.signed(body, httpsig.Cavage)
	r.Header.Set("Content-Type", vocab.ContentTypeLD)
	if status := w.do(r); status != http.StatusAccepted {
		t.Errorf("ld+json with the profile: %d", status)
	}
}
