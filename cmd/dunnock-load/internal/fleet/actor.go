package fleet

import (
	"crypto/rsa"
	"encoding/json"
	"sync/atomic"

	"github.com/dunnock-server/dunnock/federation/httpsig"
)

// Actor is the one account of a server.
type Actor struct {
	Host string // "address:port"
	URI  string
	Name string
	Key  httpsig.Key

	document, descriptor []byte
	asked                atomic.Int64 // requests to its server
}

// newActor makes an actor and what its server serves of it.
func newActor(host, name string, key *rsa.PrivateKey) *Actor {
	a := &Actor{Host: host, Name: name, URI: "http://" + host + "/users/" + name}
	a.Key = httpsig.Key{ID: a.URI + "#main-key", Private: key}
	pem, err := httpsig.MarshalPublicKey(key.Public())
	if err != nil {
		panic(err) // the key is one of ours
	}
	a.document = encode(map[string]any{
		"@context": []string{"https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1"},
		"id":       a.URI, "type": "Person", "preferredUsername": name, "name": "Load " + name,
		"summary": "<p>One of many.</p>", "url": "http://" + host + "/@" + name,
		"inbox": a.URI + "/inbox", "outbox": a.URI + "/outbox",
		"followers": a.URI + "/followers", "following": a.URI + "/following",
		"publicKey": map[string]string{"id": a.Key.ID, "owner": a.URI, "publicKeyPem": pem},
	})
	a.descriptor = encode(map[string]any{
		"subject": "acct:" + name + "@" + host,
		"links":   []any{map[string]string{"rel": "self", "type": "application/activity+json", "href": a.URI}},
	})
	return a
}

func encode(value any) []byte {
	b, err := json.Marshal(value)
	if err != nil {
		panic(err) // maps and strings only
	}
	return b
}
