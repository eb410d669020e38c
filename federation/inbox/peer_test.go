package inbox

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/federation/httpsig"
	"github.com/dunnock-server/dunnock/federation/vocab"
)

// rsaKey is one RSA key for all tests, since making one takes a while.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// obj is a document in the making.
type obj = map[string]any

// peer is another server, with documents by path, and the bodies that its inboxes got.
type peer struct {
	t    testing.TB
	host string
	net  *network

	mu   sync.Mutex
	docs map[string]any // obj, or http.HandlerFunc
	got  []vocab.Object
}

func newPeer(t testing.TB, net *network, host string) *peer {
	p := &peer{t: t, host: host, net: net, docs: map[string]any{}}
	net.put(host, p)
	return p
}

// offline takes the server off the network.
func (p *peer) offline() { p.net.put(p.host, nil) }

func (p *peer) url(path string) string { return "http://" + p.host + path }

// serve puts a document where its URL says.
func (p *peer) serve(path string, doc any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.docs[path] = doc
}

// received are the activities that came, and clears them.
func (p *peer) received() []vocab.Object {
	p.mu.Lock()
	defer p.mu.Unlock()
	got := p.got
	p.got = nil
	return got
}

func (p *peer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		body, _ := io.ReadAll(r.Body)
		doc, err := vocab.Parse(body)
		if err != nil {
			p.t.Errorf("%s was sent no document: %v", p.host, err)
		}
		p.mu.Lock()
		p.got = append(p.got, doc)
		p.mu.Unlock()
		w.WriteHeader(http.StatusAccepted)
		return
	}
	p.mu.Lock()
	doc := p.docs[r.URL.Path]
	p.mu.Unlock()
	switch doc := doc.(type) {
	case http.HandlerFunc:
		doc(w, r)
	case obj:
		body, err := vocab.Object(doc).Marshal()
		if err != nil {
			p.t.Error(err)
		}
		w.Header().Set("Content-Type", vocab.ContentType)
		w.Write(body)
	default:
		http.NotFound(w, r)
	}
}

// actor is somebody on a peer.
type actor struct {
	*peer
	uri, keyID string
	private    crypto.Signer
	doc        obj
	count      int
}

// person makes an actor of type Person, and serves its document.
func (p *peer) person(name string) *actor { return p.actor(name, "Person") }

func (p *peer) actor(name, kind string) *actor {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	a := &actor{peer: p, uri: p.url("/users/" + name), private: private}
	a.keyID = a.uri + "#main-key"
	a.doc = obj{
		"@context": vocab.ContextActivityStreams, "id": a.uri, "type": kind, "preferredUsername": name, "name": name,
		"inbox": a.uri + "/inbox", "outbox": a.uri + "/outbox", "followers": a.uri + "/followers", "featured": a.uri + "/featured",
		"publicKey": obj{"id": a.keyID, "owner": a.uri, "publicKeyPem": pemOf(p.t, public)},
	}
	p.serve("/users/"+name, a.doc)
	p.serve("/.well-known/webfinger", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		subject := r.URL.Query().Get("resource")
		user, _, _ := strings.Cut(strings.TrimPrefix(subject, "acct:"), "@")
		fmt.Fprintf(w, `{"subject":%q,"links":[{"rel":"self","type":"application/activity+json","href":%q}]}`, subject, p.url("/users/"+user))
	}))
	return a
}

func pemOf(t testing.TB, public crypto.PublicKey) string {
	t.Helper()
	text, err := httpsig.MarshalPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// act is an activity of the actor with a fresh id; fields may replace any of it.
func (a *actor) act(kind string, object any, fields ...obj) obj {
	a.count++
	doc := obj{"@context": vocab.ContextActivityStreams, "id": fmt.Sprintf("%s/acts/%d", a.uri, a.count), "type": kind,
		"actor": a.uri, "object": object}
	return merge(doc, fields...)
}

// note is a public post of the actor.
func (a *actor) note(name, text string, fields ...obj) obj {
	doc := obj{"id": a.url("/notes/" + name), "type": "Note", "attributedTo": a.uri, "content": "<p>" + text + "</p>",
		"to": []any{vocab.PublicIRI}, "cc": []any{a.uri + "/followers"}, "published": time.Now().UTC().Format(time.RFC3339)}
	return merge(doc, fields...)
}

// merge sets fields of a document; nil removes one.
func merge(doc obj, fields ...obj) obj {
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
func (a *actor) publish(doc obj) obj {
	a.serve(strings.TrimPrefix(doc["id"].(string), "http://"+a.host), doc)
	return doc
}

// encode is a document as bytes; strings and bytes are themselves.
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

// request is a POST to the owner's inbox, not signed yet.
func request(t testing.TB, body []byte) *http.Request {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, "http://"+home+"/users/alice/inbox", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = home
	r.Header.Set("Content-Type", vocab.ContentType)
	return r
}

// signed is a POST as the actor's server sends it.
func (a *actor) signed(body []byte, scheme httpsig.Scheme) *http.Request {
	a.t.Helper()
	return a.signedBy(a.keyID, body, scheme)
}

// signedBy is signed under another key id.
func (a *actor) signedBy(keyID string, body []byte, scheme httpsig.Scheme) *http.Request {
	a.t.Helper()
	r := request(a.t, body)
	if err := httpsig.Sign(r, body, httpsig.Key{ID: keyID, Private: a.private}, scheme, time.Now()); err != nil {
		a.t.Fatal(err)
	}
	return r
}

// cavage signs a request by draft-cavage-12 in whatever way a test wants: covered are the headers, in order.
func (a *actor) cavage(r *http.Request, covered ...string) *http.Request {
	a.t.Helper()
	lines := make([]string, len(covered))
	for i, name := range covered {
		switch name {
		case "(request-target)":
			lines[i] = name + ": " + strings.ToLower(r.Method) + " " + r.URL.RequestURI()
		case "host":
			lines[i] = "host: " + r.Host
		default:
			lines[i] = name + ": " + r.Header.Get(name)
		}
	}
	r.Header.Set("Signature", fmt.Sprintf(`keyId="%s",algorithm="hs2019",headers="%s",signature="%s"`,
		a.keyID, strings.Join(covered, " "), a.sign(strings.Join(lines, "\n"))))
	return r
}

// rfc9421 signs a request by RFC 9421 likewise; covered are components as they stand in the base, without quotes.
func (a *actor) rfc9421(r *http.Request, covered ...string) *http.Request {
	a.t.Helper()
	var base strings.Builder
	quoted := make([]string, len(covered))
	for i, name := range covered {
		value := r.Header.Get(name)
		switch name {
		case "@method":
			value = r.Method
		case "@target-uri":
			value = "http://" + r.Host + r.URL.RequestURI()
		}
		quoted[i] = `"` + name + `"`
		fmt.Fprintf(&base, "%s: %s\n", quoted[i], value)
	}
	params := fmt.Sprintf(`(%s);created=%d;keyid="%s";alg="ed25519"`, strings.Join(quoted, " "), time.Now().Unix(), a.keyID)
	fmt.Fprintf(&base, `"@signature-params": %s`, params)
	r.Header.Set("Signature-Input", "sig1="+params)
	r.Header.Set("Signature", "sig1=:"+a.sign(base.String())+":")
	return r
}

func (a *actor) sign(text string) string {
	message, hash := []byte(text), crypto.Hash(0)
	if _, ok := a.private.(*rsa.PrivateKey); ok {
		sum := sha256.Sum256(message)
		message, hash = sum[:], crypto.SHA256
	}
	signature, err := a.private.Sign(rand.Reader, message, hash)
	if err != nil {
		a.t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(signature)
}

// dated sets the headers that a signature covers.
func dated(r *http.Request, body []byte, at time.Time) *http.Request {
	sum := sha256.Sum256(body)
	r.Header.Set("Date", at.UTC().Format(http.TimeFormat))
	r.Header.Set("Digest", "SHA-256="+base64.StdEncoding.EncodeToString(sum[:]))
	return r
}

// bodyOf is a request's body.
func bodyOf(data []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(data)) }

// redirectTo sends whoever comes elsewhere.
func redirectTo(target string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target, http.StatusFound) }
}

// all is what a cavage signature has to cover.
var all = []string{"(request-target)", "host", "date", "digest"}
