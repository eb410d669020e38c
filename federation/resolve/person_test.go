package resolve

import (
	"crypto/ed25519"
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/dunnock-server/dunnock/federation/httpsig"
	"github.com/dunnock-server/dunnock/federation/vocab"
)

// person is somebody on a site, with a key.
type person struct {
	*site
	uri, keyID string
	private    ed25519.PrivateKey
}

// person makes an actor whose document and handle the site answers for.
func (s *site) person(name string, fields ...obj) *person {
	p := &person{site: s, uri: s.url("/users/" + name)}
	p.keyID = p.uri + "#main-key"
	p.rotate()
	s.handles[name] = p.uri
	s.serve("/users/"+name, doc(p.document(name, fields...)))
	return p
}

// rotate gives a person another key, which its document does not know of yet.
func (p *person) rotate() {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	p.private = private
}

// document is a person's, with the present key.
func (p *person) document(name string, fields ...obj) obj {
	return merge(obj{
		"@context": vocab.ContextActivityStreams, "id": p.uri, "type": "Person", "preferredUsername": name, "name": strings.ToUpper(name),
		"inbox": p.uri + "/inbox", "followers": p.uri + "/followers",
		"publicKey": obj{"id": p.keyID, "owner": p.uri, "publicKeyPem": p.pem()},
	}, fields...)
}

func (p *person) pem() string {
	text, err := httpsig.MarshalPublicKey(p.private.Public())
	if err != nil {
		panic(err)
	}
	return text
}

// note is a post of a person, at a path of its site.
func (p *person) note(path string, fields ...obj) obj {
	return merge(obj{"id": p.url(path), "type": "Note", "attributedTo": p.uri, "content": "<p>hello</p>",
		"to": []any{vocab.PublicIRI}}, fields...)
}

// get is a signed GET of one of the node's documents; keyID is the person's own unless given.
func (p *person) get(keyID ...string) *http.Request {
	r, err := http.NewRequest(http.MethodGet, "http://"+own+"/users/owner/posts/x", nil)
	if err != nil {
		panic(err)
	}
	return p.sign(r, nil, keyID...)
}

// post is a signed POST to the node.
func (p *person) post(text string, keyID ...string) (*http.Request, []byte) {
	r, err := http.NewRequest(http.MethodPost, "http://"+own+"/inbox", strings.NewReader(text))
	if err != nil {
		panic(err)
	}
	return p.sign(r, []byte(text), keyID...), []byte(text)
}

func (p *person) sign(r *http.Request, text []byte, keyID ...string) *http.Request {
	key := httpsig.Key{ID: append(keyID, p.keyID)[0], Private: p.private}
	if err := httpsig.Sign(r, text, key, httpsig.Cavage, time.Now()); err != nil {
		panic(err)
	}
	return r
}

// finger is the request by which a handle of a site is looked up.
func finger(host, user string) string {
	return host + " /.well-known/webfinger?resource=acct%3A" + user + "%40" + url.QueryEscape(host)
}
