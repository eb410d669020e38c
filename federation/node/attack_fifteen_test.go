package node_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/control"
)

// TestAttackWhatMattersMost: whose word counts for what, at both inboxes of the whole node. Each attack has its variants
// next to the code that withstands it (packages inbox, resolve and httpsig); what is dialled, exhausts or is shown has
// sections of its own here.
func TestAttackWhatMattersMost(t *testing.T) {
	section(t, []row{
		{"CVE-2026-96625, CVE-2026-90679, CVE-2025-54888", "a key is bound to an owner by one side alone", oneSidedKeys},
		{"CVE-2026-28432, CVE-2023-49079", "a signature that covers too little, or of something else", looseSignatures},
		{"CVE-2024-23832, CVE-2025-25306", "a document that is not where its id says", misplacedDocuments},
		{"CVE-2024-25623", "an upload is taken for a document", uploadsAsDocuments},
		{"CVE-2026-73090", "Update, Delete, Undo, Accept by somebody else", actsOfOthers},
		{"CVE-2024-37903", "what is embedded is believed", embeddedForgeries},
		{"CVE-2022-24307 and kin", "signatures inside documents; contexts of others", linkedData},
		{"GHSA-4qhx-hhwf-8685", "ids of another origin, and replays", replays},
		{"generic", "what was captured is sent again, for weeks", lateReplays},
		{"generic", "a foreign document claims to be of the node", claimsOfHome},
	})
}

// trio is a node to whom a victim and an attacker are known, and a friend whom the owner follows.
type trio struct {
	*siege
	vic, eve, fay *account
}

func newTrio(t *testing.T) trio {
	t.Helper()
	s := newSiege(t)
	w := trio{s, s.site("victim.example").person("vic"), s.site("eve.example").person("eve"), s.friend()}
	s.known(w.vic, w.eve)
	return w
}

// bothInboxes does something at the owner's inbox and at the shared one, and expects that it changes nothing and nobody is
// asked.
func (w trio) bothInboxes(f func()) {
	w.Helper()
	for _, inbox := range []string{w.owner + "/inbox", "http://" + home + "/inbox"} {
		w.inbox = inbox
		w.silent(f)
	}
}

// refused expects 401.
func (w trio) refused(what string, r *http.Request) {
	w.Helper()
	if got := w.do(r); got.status != http.StatusUnauthorized {
		w.Errorf("%s: the inbox answers %d", what, got.status)
	}
}

func oneSidedKeys(t *testing.T) {
	w := newTrio(t)
	pem := w.eve.doc["publicKey"].(obj)["publicKeyPem"]
	w.eve.serve("/k", obj{"id": w.eve.url("/k"), "type": "Key", "owner": w.vic.uri, "publicKeyPem": pem})
	w.eve.serve("/users/eve", merge(w.eve.doc, obj{"publicKey": []any{w.eve.doc["publicKey"], obj{"id": w.vic.keyID, "owner": w.vic.uri, "publicKeyPem": pem},
		obj{"id": w.vic.keyID, "owner": w.eve.uri, "publicKeyPem": pem}}}))
	w.eve.take(w.eve.act("Update", w.eve.uri)) // has it fetched again
	for _, keyID := range []string{w.eve.keyID, w.eve.url("/k"), w.vic.keyID, "acct:vic@victim.example", w.vic.uri, w.eve.url("/users/eve#" + w.vic.uri)} {
		eve := &account{site: w.eve.site, uri: w.eve.uri, keyID: keyID, private: w.eve.private}
		w.bothInboxes(func() { w.refused("signed by "+keyID, eve.request(w.vic.hello("1"))) })
	}
	mallory := w.vic.person("mallory") // of the victim's own server
	w.vic.serve("/users/mallory", merge(mallory.doc, obj{"publicKey": []any{mallory.doc["publicKey"], obj{"id": mallory.uri + "#vic", "owner": w.vic.uri, "publicKeyPem": mallory.doc["publicKey"].(obj)["publicKeyPem"]}}}))
	w.known(mallory)
	for _, keyID := range []string{mallory.keyID, mallory.uri + "#vic"} {
		mallory.keyID = keyID
		w.bothInboxes(func() { w.refused("signed by "+keyID, mallory.request(w.vic.hello("1"))) })
	}
	w.vic.take(w.vic.hello("1")) // whose own key is still the victim's
}

func looseSignatures(t *testing.T) {
	w := newTrio(t)
	w.bothInboxes(func() {
		change := func(what string, change func(r *http.Request)) {
			r := w.eve.request(w.eve.hello("1"))
			change(r)
			w.refused(what, r)
		}
		change("no signature", func(r *http.Request) { r.Header.Del("Signature") })
		change("another body", func(r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(bytes.Replace(body, []byte("hello"), []byte("hellp"), 1)))
		})
		change("no digest", func(r *http.Request) { r.Header.Del("Digest") })
		change("another date", func(r *http.Request) { r.Header.Set("Date", "Mon, 02 Jan 2006 15:04:05 GMT") })
		change("for the other inbox", func(r *http.Request) {
			r.URL.Path = map[bool]string{true: "/users/alice/inbox", false: "/inbox"}[r.URL.Path == "/inbox"]
		})
		change("for somebody else's inbox", func(r *http.Request) { r.URL.Path = "/users/bob/inbox" })
		change("with a query", func(r *http.Request) { r.URL.RawQuery = "x" })
		change("in Authorization", func(r *http.Request) {
			r.Header.Set("Authorization", "Signature "+r.Header.Get("Signature"))
			r.Header.Del("Signature")
		})
		all := []string{"(request-target)", "host", "date", "digest"}
		for i, left := range all {
			w.refused("without "+left, w.eve.covering(w.eve.hello("1"), slices.Delete(slices.Clone(all), i, i+1)...))
		}
		w.refused("of the date alone", w.eve.covering(w.eve.hello("1"), "date"))
	})
	if got := w.do(w.eve.covering(w.eve.hello("1"), "(request-target)", "host", "date", "digest")); got.status != http.StatusAccepted {
		t.Errorf("a right signature is answered with %d: the others prove nothing", got.status)
	}
}

// covering is a POST signed over some headers.
func (a *account) covering(doc any, headers ...string) *http.Request {
	r := a.request(doc)
	lines := make([]string, len(headers))
	for i, name := range headers {
		value := r.Header.Get(name)
		switch name {
		case "(request-target)":
			value = "post " + r.URL.Path
		case "host":
			value = r.Host
		}
		lines[i] = name + ": " + value
	}
	signature := ed25519.Sign(a.private, []byte(strings.Join(lines, "\n")))
	r.Header.Set("Signature", fmt.Sprintf(`keyId="%s",algorithm="hs2019",headers="%s",signature="%s"`, a.keyID, strings.Join(headers, " "),
		base64.StdEncoding.EncodeToString(signature)))
	return r
}

func misplacedDocuments(t *testing.T) {
	w := newTrio(t)
	forged := w.vic.note("1", "forged")
	w.eve.serve("/copy", forged)
	w.eve.serve("/person", merge(w.vic.doc, obj{"name": "forged"}))
	w.eve.serve("/list", merge(forged, obj{"id": []any{w.eve.url("/list")}}))
	w.eve.serve("/none", merge(forged, obj{"id": nil}))
	w.vic.serve("/bounce", redirect(302, w.eve.url("/bounced")))
	w.eve.serve("/bounced", merge(forged, obj{"id": w.vic.url("/bounce")}))
	w.eve.serve("/to", redirect(302, w.vic.url("/bounce")))
	for _, path := range []string{w.eve.url("/copy"), w.eve.url("/person"), w.eve.url("/list"), w.eve.url("/none"), w.eve.url("/to"), w.vic.url("/bounce"), w.eve.url("/bounced")} {
		requests, _ := w.unchanged(func() {
			w.fay.post(w.fay.act("Announce", path))
			w.settle()
			var found control.Found
			if w.call("lookup", control.What{What: path}, &found) == nil && (found.Actor == nil || found.Actor.URI != w.vic.uri || found.Actor.Name == "forged") {
				t.Errorf("%s is found as %+v", path, found)
			}
		})
		if len(requests) == 0 || len(requests) > 2*maxHops {
			t.Errorf("%s: the node asked %q", path, requests)
		}
	}
}

// claimsOfHome: what is ours does not come from outside.
func claimsOfHome(t *testing.T) {
	w := newTrio(t)
	var mine federation.Post
	w.must("post", control.NewPost{Text: "mine"}, &mine)
	w.settle()
	w.fay.received()
	w.bothInboxes(func() {
		for _, actor := range []string{w.owner, "http://" + home + "/actor", "http://DUNNOCK.example/users/alice", "https://" + home + "/users/alice", "http://" + home + ":80/users/alice"} {
			us := w.eve.at(actor)
			for _, doc := range []obj{us.act("Create", us.note("1", "forged", obj{"to": []any{w.owner}})), us.act("Delete", mine.URI), us.act("Follow", w.eve.uri)} {
				if status := us.send(doc); status != http.StatusUnauthorized {
					t.Errorf("in the name of %s: %d", actor, status)
				}
			}
		}
		w.eve.post(w.eve.act("Create", w.eve.note("1", "x", obj{"id": w.owner + "/posts/forged", "to": []any{w.owner}})))
		w.eve.post(w.eve.act("Create", merge(w.eve.note("1", "x", obj{"to": []any{w.owner}}), obj{"attributedTo": w.owner})))
	})
	w.eve.serve("/ours", obj{"id": mine.URI, "type": "Note", "attributedTo": w.owner, "content": "forged"})
	w.eve.serve("/us", obj{"id": w.owner, "type": "Person", "inbox": w.eve.uri + "/inbox"})
	w.eve.serve("/leads/home", redirect(302, mine.URI))
	for _, path := range []string{"/ours", "/us", "/leads/home"} {
		requests, _ := w.unchanged(func() { w.fay.post(w.fay.act("Announce", w.eve.url(path))) })
		if len(requests) != 1 {
			t.Errorf("%s: the node asked %q", path, requests)
		}
	}
}
