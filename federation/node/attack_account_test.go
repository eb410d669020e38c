package node_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/federation/control"
	"github.com/dunnock-server/dunnock/federation/httpsig"
	"github.com/dunnock-server/dunnock/federation/vocab"
)

// account is somebody on a site.
type account struct {
	*site
	uri, keyID string
	private    ed25519.PrivateKey
	doc        obj
	count      int
	ahead      time.Duration // its clock
}

// person makes an account, and serves its document.
func (p *site) person(name string) *account {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		p.s.Fatal(err)
	}
	pem, err := httpsig.MarshalPublicKey(public)
	if err != nil {
		p.s.Fatal(err)
	}
	a := &account{site: p, uri: p.url("/users/" + name), private: private}
	a.keyID = a.uri + "#main-key"
	a.doc = obj{
		"@context": vocab.ContextActivityStreams, "id": a.uri, "type": "Person", "preferredUsername": name, "name": name,
		"inbox": a.uri + "/inbox", "outbox": a.uri + "/outbox", "followers": a.uri + "/followers", "featured": a.uri + "/featured",
		"publicKey": obj{"id": a.keyID, "owner": a.uri, "publicKeyPem": pem},
	}
	p.serve("/users/"+name, a.doc)
	return a
}

// at is the account under another URI, which it claims, with its own key.
func (a *account) at(uri string) *account {
	return &account{site: a.site, uri: uri, keyID: uri + "#main-key", private: a.private, doc: a.doc}
}

// act is an activity of the account with a fresh id; fields may replace any of it, nil removes one.
func (a *account) act(kind string, object any, fields ...obj) obj {
	a.count++
	return merge(obj{"@context": vocab.ContextActivityStreams, "id": fmt.Sprintf("%s/acts/%d", a.uri, a.count), "type": kind,
		"actor": a.uri, "object": object}, fields...)
}

// note is a public post of the account.
func (a *account) note(name, text string, fields ...obj) obj {
	return merge(obj{"id": a.url("/notes/" + name), "type": "Note", "attributedTo": a.uri, "content": "<p>" + text + "</p>",
		"to": []any{vocab.PublicIRI}, "cc": []any{a.uri + "/followers"}, "published": time.Now().UTC().Format(time.RFC3339)}, fields...)
}

// hello is an activity that would show: a message to the owner.
func (a *account) hello(name string, fields ...obj) obj {
	return a.act("Create", a.note(name, "hello", obj{"to": []any{a.s.owner}, "cc": nil}), fields...)
}

func merge(doc obj, fields ...obj) obj {
	doc = maps.Clone(doc)
	for _, f := range fields {
		for key, value := range f {
			if doc[key] = value; value == nil {
				delete(doc, key)
			}
		}
	}
	return doc
}

// publish serves a post at its id.
func (a *account) publish(doc obj) obj {
	a.serve(strings.TrimPrefix(doc["id"].(string), "http://"+a.host), doc)
	return doc
}

func encode(t testing.TB, doc any) []byte {
	t.Helper()
	switch doc := doc.(type) {
	case []byte:
		return doc
	case string:
		return []byte(doc)
	}
	body, err := vocab.Object(doc.(obj)).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// request is a POST of an activity to an inbox of the node, signed.
func (a *account) request(doc any) *http.Request {
	a.s.Helper()
	body := encode(a.s, doc)
	r, err := http.NewRequestWithContext(a.s.Context(), http.MethodPost, a.s.inbox, bytes.NewReader(body))
	if err != nil {
		a.s.Fatal(err)
	}
	r.Header.Set("Content-Type", vocab.ContentType)
	return a.sign(r, body)
}

// get is a signed GET of an address of the node, spelled as it is.
func (a *account) get(path string) *http.Request {
	a.s.Helper()
	return a.sign(a.s.get(path), nil)
}

// sign signs a request under the account's key id, whatever that is.
func (a *account) sign(r *http.Request, body []byte) *http.Request {
	a.s.Helper()
	const placeholder = "http://key.example/"
	if err := httpsig.Sign(r, body, httpsig.Key{ID: placeholder, Private: a.private}, httpsig.Cavage, time.Now().Add(a.ahead)); err != nil {
		a.s.Fatal(err)
	}
	id := strings.NewReplacer("\n", "", "\r", "", "\t", "", `\`, `\\`, `"`, `\"`).Replace(a.keyID)
	r.Header.Set("Signature", strings.Replace(r.Header.Get("Signature"), placeholder, id, 1))
	return r
}

// get is a GET of an address of the node without a signature.
func (s *siege) get(path string) *http.Request {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), http.MethodGet, "http://"+home+strings.TrimPrefix(path, "http://"+home), nil)
	if err != nil {
		s.Fatal(err)
	}
	r.Header.Set("Accept", vocab.ContentType)
	return r
}

// send posts an activity and returns the status.
func (a *account) send(doc any) int {
	a.s.Helper()
	return a.s.do(a.request(doc)).status
}

// post is send for what has to be taken.
func (a *account) post(doc any) {
	a.s.Helper()
	if status := a.send(doc); status != http.StatusAccepted {
		a.s.Fatalf("the inbox answers %d to %.300s", status, encode(a.s, doc))
	}
}

// take is post, with its effects.
func (a *account) take(doc any) {
	a.s.Helper()
	a.post(doc)
	a.s.settle()
}

// known has the owner look accounts up, so that their being known is no change later on.
func (s *siege) known(accounts ...*account) {
	s.Helper()
	for _, a := range accounts {
		s.must("lookup", control.What{What: a.uri}, nil)
	}
}

// friend is somebody whom the owner follows, on a server of their own.
func (s *siege) friend() *account {
	s.Helper()
	return s.followed(s.site("friend.example").person("fay"))
}

// followed has the owner follow an account, which accepts.
func (s *siege) followed(a *account) *account {
	s.Helper()
	s.must("follow", control.Who{Who: a.uri}, nil)
	s.settle()
	got := a.received()
	at := slices.IndexFunc(got, func(o vocab.Object) bool { return o.Type() == vocab.TypeFollow })
	if at < 0 {
		s.Fatalf("%s was not asked: %v", a.uri, got)
	}
	a.take(a.act("Accept", map[string]any(got[at])))
	return a
}

// follows has an account follow the owner, and takes the answer.
func (a *account) follows() *account {
	a.s.Helper()
	a.take(a.act("Follow", a.s.owner))
	return a
}
