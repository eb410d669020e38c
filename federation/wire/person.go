package wire

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/dunnock-server/dunnock/federation/httpsig"
	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/storage"
)

// ErrNoKey is returned for an actor without an RSA key: nobody could verify what it sends.
var ErrNoKey = errors.New("wire: the actor has no rsa key")

// Person is the owner's whole actor document. keys are those in use, oldest first; the first RSA key is told as
// publicKey, the Ed25519 keys as assertionMethod (FEP-521a). media finds the record of a picture by its name, and nil
// leaves the picture out. There is no `published`: when the node began is nobody's business.
//
// The error is [ErrNoKey], or that of a stored key that does not parse.
func (i IDs) Person(p *storage.Profile, keys []storage.Key, media func(name string) *storage.Blob) (vocab.Object, error) {
	doc, err := i.actor(i.Owner(), vocab.TypePerson, keys)
	if err != nil {
		return nil, err
	}
	summary, tags := i.Text(p.Summary, nil)
	for field, text := range map[string]string{
		"preferredUsername": i.Username, "name": p.Name, "summary": summary, "url": i.Owner(), "webfinger": i.Handle(),
		"inbox": i.Inbox(), "outbox": i.Outbox(), "followers": i.Followers(), "following": i.Following(),
		"featured": i.Featured(), "movedTo": p.MovedTo,
	} {
		putText(doc, field, text)
	}
	doc["manuallyApprovesFollowers"], doc["discoverable"] = p.Locked, p.Discoverable
	for field, name := range map[string]string{"icon": p.Avatar, "image": p.Header} {
		if name == "" || media == nil {
			continue
		}
		if blob := media(name); blob != nil {
			doc[field] = i.picture(storage.Attachment{Type: vocab.TypeImage, MIME: blob.MIME, Blob: blob.Name, Alt: blob.Alt})
		}
	}
	fields := make([]map[string]any, len(p.Fields))
	for n, f := range p.Fields {
		fields[n] = map[string]any{"type": vocab.TypePropertyValue, "name": f.Name, "value": i.line(f.Value)}
	}
	putList(doc, "attachment", fields)
	putList(doc, "tag", tagDocuments(tags))
	putList(doc, "alsoKnownAs", p.AlsoKnownAs)
	return doc, nil
}

// Application is the whole document of the server actor. Errors are those of [IDs.Person].
func (i IDs) Application(keys []storage.Key) (vocab.Object, error) {
	doc, err := i.actor(i.Server(), vocab.TypeApplication, keys)
	if err != nil {
		return nil, err
	}
	doc["preferredUsername"], doc["webfinger"] = i.ServerName(), i.ServerHandle()
	doc["inbox"], doc["outbox"], doc["url"] = i.ServerInbox(), i.ServerOutbox(), i.Server()
	doc["manuallyApprovesFollowers"], doc["discoverable"] = true, false
	return doc, nil
}

// actor is what both actors have: identity, keys and the shared inbox.
func (i IDs) actor(id, kind string, keys []storage.Key) (vocab.Object, error) {
	doc := vocab.Object{
		"@context": vocab.ActorContext(), "id": id, "type": kind,
		"endpoints": map[string]any{"sharedInbox": i.SharedInbox()},
	}
	var multikeys []map[string]any
	for _, key := range keys {
		public, err := publicKey(key)
		if err != nil {
			return nil, err
		}
		switch public.(type) {
		case *rsa.PublicKey:
			if doc["publicKey"] != nil {
				continue
			}
			text, err := httpsig.MarshalPublicKey(public)
			if err != nil {
				return nil, fmt.Errorf("wire: key of an own actor: %w", err)
			}
			doc["publicKey"] = map[string]any{"id": key.ID, "owner": id, "publicKeyPem": text}
		case ed25519.PublicKey:
			text, err := httpsig.Multikey(public)
			if err != nil {
				return nil, fmt.Errorf("wire: key of an own actor: %w", err)
			}
			multikeys = append(multikeys, map[string]any{
				"id": key.ID, "type": vocab.TypeMultikey, "controller": id, "publicKeyMultibase": text,
			})
		}
	}
	if doc["publicKey"] == nil {
		return nil, ErrNoKey
	}
	putList(doc, "assertionMethod", multikeys)
	return doc, nil
}

// publicKey is the public half of an own key.
func publicKey(key storage.Key) (crypto.PublicKey, error) {
	private, err := x509.ParsePKCS8PrivateKey(key.Private)
	if err != nil { // not wrapped: it is about a secret
		return nil, errors.New("wire: a stored key does not parse")
	}
	signer, ok := private.(crypto.Signer)
	if !ok {
		return nil, errors.New("wire: a stored key does not sign")
	}
	return signer.Public(), nil
}
