package wire

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/federation/httpsig"
	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/hardening/redact"
	"github.com/dunnock-server/dunnock/storage"
)

var update = flag.Bool("update", false, "write the golden files anew")

var bob = storage.Actor{URI: "https://bob.example/users/bob", URL: "https://bob.example/@bob", Handle: "bob@bob.example"}

// ownPost is a post with everything that one can have.
func ownPost() *storage.Post {
	content, tags := ours.Text("Hello @bob@bob.example & <all>,\nsee https://bird.example/?a=b&c.\n\n#Bird #Vögel",
		map[string]*storage.Actor{"@bob@bob.example": &bob})
	uri := ours.Post("q3v7k2m9x4c8")
	return &storage.Post{
		URI: uri, URL: uri, Local: true, Type: vocab.TypeNote, Author: ours.Owner(),
		Visibility: storage.Public, Recipients: ours.Addresses(storage.Public, []string{bob.URI}),
		InReplyTo: "https://bob.example/notes/1", Quote: "https://bob.example/notes/2",
		Conversation: "https://bob.example/notes/0", Summary: "birds", Content: content, Source: "secret source",
		Language: "en", Tags: tags,
		Attachments: []storage.Attachment{
			{Type: vocab.TypeImage, MIME: "image/jpeg", Blob: "aaaa.jpg", Alt: "a dunnock", Blurhash: "LEHV6nWB2yk8pyo0adR*", Width: 640, Height: 480},
			{Type: vocab.TypeVideo, MIME: "video/webm", Blob: "bbbb.webm"},
		},
		// More than may be told: documents hold ten minutes and whole seconds.
		Published: storage.At(time.Date(2026, 10, 30, 13, 17, 15, 678e6, time.UTC)),
		Updated:   storage.At(time.Date(2026, 10, 30, 14, 20, 1, 999e6, time.UTC)),
		CreatedAt: storage.At(time.Date(2026, 10, 29, 1, 2, 3, 4e6, time.UTC)),
	}
}

func ownPoll() (*storage.Post, *storage.Poll) {
	uri := ours.Post("p0llp0llp0ll")
	post := &storage.Post{
		URI: uri, URL: uri, Local: true, Type: vocab.TypeQuestion, Author: ours.Owner(), Content: "<p>Tea?</p>",
		Visibility: storage.Followers, Recipients: ours.Addresses(storage.Followers, nil),
		Published: storage.At(time.Date(2026, 10, 30, 13, 10, 0, 0, time.UTC)),
	}
	return post, &storage.Poll{Post: uri, Multiple: true, Voters: 3, ClosesAt: storage.At(time.Date(2026, 10, 31, 13, 10, 0, 0, time.UTC)),
		Options: []storage.PollOption{{Name: "Tea", Votes: 2}, {Name: "Coffee", Votes: 0}, {Name: "Both & more", Votes: 3}}}
}

// ownDocuments are all kinds that the node sends or serves from records, by the name of their golden file.
func ownDocuments(t testing.TB) map[string]vocab.Object {
	t.Helper()
	profile := &storage.Profile{
		Name: "Alice", Summary: "Birds & #hedges.\n\nhttps://alice.example", Avatar: "cccc.png", Header: "dddd.jpg", Locked: true,
		Fields:      []storage.Field{{Name: "Site", Value: "https://alice.example <b>"}, {Name: "Pronouns", Value: "she/her"}},
		AlsoKnownAs: []string{"https://old.example/users/alice"}, MovedTo: "https://new.example/users/alice",
	}
	person, err := ours.Person(profile, ownKeys(t, ours.Owner()), func(name string) *storage.Blob {
		return &storage.Blob{Name: name, MIME: "image/png", Alt: "me"}
	})
	if err != nil {
		t.Fatal(err)
	}
	application, err := ours.Application(ownKeys(t, ours.Server()))
	if err != nil {
		t.Fatal(err)
	}
	post := ownPost()
	note := ours.Object(post, nil)
	polled, poll := ownPoll()
	vote := ours.Object(&storage.Post{URI: ours.Post("v0tev0te"), Author: ours.Owner(), Name: "Tea", InReplyTo: "https://bob.example/polls/1",
		Recipients: ours.Addresses(storage.Direct, []string{bob.URI}), Published: post.Published}, nil)
	act := func(kind string, object any, to ...string) Activity {
		return Activity{ID: ours.Activity("w8r3z6"), Type: kind, Actor: ours.Owner(), Object: object, To: to, Published: post.Published.Time}
	}
	follow := vocab.Object{"id": "https://bob.example/follows/1", "type": "Follow", "actor": bob.URI, "object": ours.Owner()}
	create := act("Create", note)
	create.To, create.CC = post.Recipients.To, post.Recipients.CC
	add := act("Add", post.URI, vocab.PublicIRI)
	add.Target = ours.Featured()
	flag := Activity{ID: ours.Activity("f1ag"), Type: "Flag", Actor: ours.Server(), Object: []string{bob.URI, "https://bob.example/notes/1"}, Content: "spam"}
	return map[string]vocab.Object{
		"person": person, "application": application, "note": Standalone(note), "question": Standalone(ours.Object(polled, poll)),
		"vote": Standalone(vote), "tombstone": Standalone(ours.Tombstone(post.URI)),
		"create": create.Document(), "update-person": act("Update", person, vocab.PublicIRI).Document(),
		"delete":   act("Delete", ours.Tombstone(post.URI), vocab.PublicIRI).Document(),
		"announce": act("Announce", "https://bob.example/notes/1", vocab.PublicIRI).Document(),
		"accept":   act("Accept", follow, bob.URI).Document(),
		"undo":     act("Undo", act("Like", "https://bob.example/notes/1").Document(), bob.URI).Document(),
		"add":      add.Document(), "flag": flag.Document(),
	}
}

func TestGoldenDocuments(t *testing.T) {
	for name, doc := range ownDocuments(t) {
		t.Run(name, func(t *testing.T) {
			data, err := masked(t, doc).Marshal()
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			if err := json.Indent(&got, data, "", "  "); err != nil {
				t.Fatal(err)
			}
			got.WriteByte('\n')
			path := filepath.Join("../../testdata/wire", name+".json")
			if *update {
				if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got.String(), want)
			}
		})
	}
}

// masked checks the keys of a document and writes over them, as they are other ones in every run.
func masked(t *testing.T, doc vocab.Object) vocab.Object {
	doc = sent(t, doc)
	actor := doc
	if inner, ok := doc.Object("object"); ok && inner["publicKey"] != nil {
		actor = inner
	}
	if key, ok := actor.Object("publicKey"); ok {
		if public, err := httpsig.ParsePublicKey(key.Text("publicKeyPem")); err != nil || !reflect.DeepEqual(keyPair().rsa.Public(), public) {
			t.Errorf("publicKeyPem: %v", err)
		}
		key["publicKeyPem"] = "PEM"
	}
	for _, key := range actor.Objects("assertionMethod") {
		if _, err := httpsig.ParseMultikey(key.Text("publicKeyMultibase")); err != nil {
			t.Error(err)
		}
		key["publicKeyMultibase"] = "z6Mk"
	}
	return doc
}

// quotes are the fields that no view shows as long as redact does not know them.
var quotes = []string{"quote", "quoteUrl", "_misskey_quote"}

// Whatever a document holds, a domain that is shown everything sees: a field that redact does not know would be written
// for nobody. And there is nothing in it but plain JSON, before it was ever encoded.
func TestViewShowsAll(t *testing.T) {
	for name, doc := range ownDocuments(t) {
		view, _, err := redact.View(doc, redact.All())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := doc.Clone()
		for _, o := range []vocab.Object{want, inner(want)} {
			for _, field := range quotes {
				if !known(o.Type(), field) {
					delete(o, field)
				}
			}
		}
		if got, want := asText(t, view), asText(t, want); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
}

func inner(doc vocab.Object) vocab.Object {
	o, _ := doc.Object("object")
	return o
}

func known(kind, field string) bool {
	for _, f := range redact.Known(kind) {
		if f.Name == field {
			return true
		}
	}
	return false
}

func asText(t *testing.T, doc map[string]any) string {
	t.Helper()
	data, err := vocab.Object(doc).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// keyText is random text, which holds any few letters now and then.
var keyText = regexp.MustCompile(`"publicKey(Pem|Multibase)": *"[^"]*"`)

// Nothing that is only for the owner is in any document: what was typed, when, and in which conversation.
func TestNothingPrivate(t *testing.T) {
	for name, doc := range ownDocuments(t) {
		all := keyText.ReplaceAllString(asText(t, doc), "")
		if strings.Contains(all, "PUBLIC KEY") {
			t.Errorf("%s: its key is still there: %s", name, all)
		}
		for _, secret := range []string{"secret source", "2026-10-29", "13:17", "678", "999", "notes/0", "source", "bto", "bcc"} {
			if strings.Contains(all, secret) {
				t.Errorf("%s holds %q", name, secret)
			}
		}
	}
}

// After a rotation, before the old key is retired, the one that signs is the one that is told.
func TestFirstRSAKeyIsTold(t *testing.T) {
	keys := ownKeys(t, ours.Owner())
	later := keys[0]
	later.ID = ours.Key(ours.Owner(), "key-later")
	doc, err := ours.Person(&storage.Profile{}, append(keys, later), nil)
	if err != nil {
		t.Fatal(err)
	}
	if key, _ := doc.Object("publicKey"); key.ID() != keys[0].ID {
		t.Errorf("told: %s", key.ID())
	}
}

// Documents that callers put together from parts of ours become plain JSON.
func TestEmbeddedIsPlain(t *testing.T) {
	follow := vocab.Object{"@context": "x", "id": "f", "type": "Follow", "actor": bob.URI, "object": ours.Owner(), "to": []string{ours.Owner()}}
	undo := Activity{ID: "u", Type: "Undo", Actor: bob.URI, Object: vocab.Object{"id": "a", "type": "Accept", "object": follow, "tag": []vocab.Object{{"id": "t"}}}}
	want := map[string]any{"id": "a", "type": "Accept", "tag": []any{map[string]any{"id": "t"}}, "object": map[string]any{
		"@context": "x", "id": "f", "type": "Follow", "actor": bob.URI, "object": ours.Owner(), "to": []any{ours.Owner()}}}
	if got := undo.Document()["object"]; !reflect.DeepEqual(got, want) {
		t.Errorf("%#v", got)
	}
	if odd := (Activity{ID: "u", Type: "Undo", Object: 5}).Document(); odd["object"] != nil {
		t.Errorf("%v", odd)
	}
}

func TestActorsNeedAKey(t *testing.T) {
	if _, err := ours.Application(ownKeys(t, ours.Server())[1:]); err != ErrNoKey {
		t.Errorf("without an RSA key: %v", err)
	}
	broken := []storage.Key{{ID: "k", Private: storage.Secret("not a key")}}
	if _, err := ours.Person(&storage.Profile{}, broken, nil); err == nil || strings.Contains(err.Error(), "not a key") {
		t.Errorf("a broken key: %v", err)
	}
}
