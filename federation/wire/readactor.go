package wire

import (
	"crypto"
	"crypto/x509"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/dunnock-server/dunnock/federation/httpsig"
	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/hardening/hostname"
	"github.com/dunnock-server/dunnock/hardening/sanitize"
	"github.com/dunnock-server/dunnock/storage"
)

// Actor reads the document of somebody on another server. It must have an id, a type that can act, and an inbox of the
// id's origin; other endpoints and keys that are not of that origin are left out, as if they were not there. The handle
// stays empty until WebFinger confirms it. The keys are those that name the actor as their owner or controller; an actor
// may have none.
//
// The caller has made sure that the document came from where its id says. Every error wraps [ErrInvalid].
func (r Reader) Actor(doc vocab.Object, now time.Time) (*storage.Actor, []storage.ActorKey, error) {
	id, err := r.foreign(doc)
	if err != nil {
		return nil, nil, err
	}
	at := slices.IndexFunc(doc.Types(), vocab.IsActor)
	if at < 0 {
		return nil, nil, refuse("not an actor")
	}
	origin, _ := hostname.OriginOf(id)
	if !strings.HasPrefix(id+"/", origin.String()+"/") {
		return nil, nil, refuse("its id is spelled in another form than it has") // as another actor, whom no block knows
	}
	host, _ := hostname.HostOf(id)
	a := &storage.Actor{
		URI: id, Host: host, Type: doc.Types()[at],
		Username: username(doc), Name: text(doc.Text("name"), maxName), Summary: r.html(doc.Text("summary")),
		URL: page(doc, id), Avatar: image(doc, "icon"), Header: image(doc, "image"),
		Inbox: r.endpoint(doc, "inbox", id), Followers: r.endpoint(doc, "followers", id), Featured: r.endpoint(doc, "featured", id),
		Fields: r.fields(doc), Emoji: emoji(doc), FetchedAt: storage.At(now),
	}
	if a.Inbox == "" {
		return nil, nil, refuse("no inbox of its own origin")
	}
	if endpoints, ok := doc.Object("endpoints"); ok {
		a.SharedInbox = r.endpoint(endpoints, "sharedInbox", id)
	}
	a.Locked, _ = doc.Bool("manuallyApprovesFollowers")
	for _, alias := range doc.IRIs("alsoKnownAs") {
		if alias = r.reference(alias); alias != "" && alias != id && len(a.AlsoKnownAs) < maxAliases {
			a.AlsoKnownAs = append(a.AlsoKnownAs, alias)
		}
	}
	if moved := r.reference(doc.IRI("movedTo")); moved != id {
		a.MovedTo = moved
	}
	return a, r.keys(doc, id, now), nil
}

// username is preferredUsername if it can be part of a handle. Anything else, look-alikes of a whole handle included
// ("bob@bank.example"), is none.
func username(doc vocab.Object) string {
	name, _ := doc["preferredUsername"].(string)
	unfit := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsNumber(r) && !strings.ContainsRune("_.-~+", r)
	}
	if len(name) > maxName || strings.ContainsFunc(name, unfit) {
		return ""
	}
	return name
}

// image is the address of a picture that goes with an actor; the last of several, which is the largest where there are
// several.
func image(doc vocab.Object, field string) string {
	for _, l := range slices.Backward(links(doc[field])) {
		if address, ok := sanitize.URL(l.href); ok {
			return address
		}
	}
	return ""
}

// fields reads the names and values of a profile.
func (r Reader) fields(doc vocab.Object) (fields []storage.Field) {
	for _, o := range doc.Objects("attachment") {
		if !o.Is(vocab.TypePropertyValue) || len(fields) == maxFields {
			continue
		}
		value, _ := o["value"].(string)
		f := storage.Field{Name: text(o.Text("name"), maxName), Value: r.html(cut(value, 4*maxName))}
		if f.Name != "" || f.Value != "" {
			fields = append(fields, f)
		}
	}
	return fields
}

// keys reads the keys that an actor lists: publicKey as everyone has it, and assertionMethod of FEP-521a. One that
// belongs to somebody else, or whose id is of another origin, proves nothing and is ignored (CVE-2026-96625); so is one
// that is named but not embedded. Of two keys with one id the first counts.
func (r Reader) keys(doc vocab.Object, id string, now time.Time) (keys []storage.ActorKey) {
	add := func(key vocab.Object, public crypto.PublicKey, err error) {
		same := func(k storage.ActorKey) bool { return k.ID == key.ID() }
		if err != nil || r.endpoint(key, "id", id) == "" || slices.ContainsFunc(keys, same) || len(keys) == maxKeys {
			return
		}
		if der, err := x509.MarshalPKIXPublicKey(public); err == nil {
			keys = append(keys, storage.ActorKey{ID: key.ID(), Actor: id, Public: der, FetchedAt: storage.At(now)})
		}
	}
	for _, key := range first(doc.Objects("publicKey"), maxKeys) {
		if pem, ok := key["publicKeyPem"].(string); ok && key["owner"] == any(id) {
			public, err := httpsig.ParsePublicKey(pem)
			add(key, public, err)
		}
	}
	for _, key := range first(doc.Objects("assertionMethod"), maxKeys) {
		if multibase, ok := key["publicKeyMultibase"].(string); ok && key.Is(vocab.TypeMultikey) && key["controller"] == any(id) {
			public, err := httpsig.ParseMultikey(multibase)
			add(key, public, err)
		}
	}
	return keys
}

func first[T any](list []T, n int) []T { return list[:min(len(list), n)] }
