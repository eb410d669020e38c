package wire

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/dunnock-server/dunnock/federation/vocab"
)

// FuzzReader takes any document for an actor, a post and a vote: nothing panics, and what is read is sound.
func FuzzReader(f *testing.F) {
	for _, doc := range corpus(f) {
		for ok := true; ok; doc, ok = doc.Object("object") {
			data, err := doc.Marshal()
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := vocab.Parse(data)
		if err != nil {
			return
		}
		if err := readsSound(doc); err != nil {
			t.Error(err)
		}
	})
}

func readsSound(doc vocab.Object) error {
	Vote(doc)
	if a, keys, err := reader.Actor(doc, now); err == nil {
		if err := soundActor(a, keys); err != nil {
			return err
		}
	}
	if p, q, err := reader.Post(doc, now); err == nil {
		return soundPost(p, q)
	}
	return nil
}

// fieldNames are all fields that the reader looks at.
var fieldNames = strings.Fields(`id type preferredUsername name nameMap summary summaryMap inbox outbox followers featured endpoints
	sharedInbox url icon image attachment tag publicKey publicKeyPem assertionMethod publicKeyMultibase owner controller alsoKnownAs
	movedTo manuallyApprovesFollowers attributedTo to cc inReplyTo quote quoteUrl quoteUri _misskey_quote href rel mediaType content
	contentMap language identifier published updated sensitive oneOf anyOf endTime closed votersCount replies totalItems blurhash
	width height value`)

// drawValue is any value a field may have, with what it should have among them, so that the reader goes on.
func drawValue(t *rapid.T, depth int) any {
	scalars := rapid.OneOf(
		rapid.SampledFrom([]any{nil, true, false, 5, -1, 1e300, "", "Note", "Person", "Question", "Video", "Mention", "Hashtag", "Emoji", "Link",
			"PropertyValue", "Multikey", eve, eve + "/inbox", "https://e.example/1", "https://v.example/x", "http://127.0.0.3/", "mailto:x", "as:Public",
			vocab.PublicIRI, "2026-10-30T13:14:15Z", "2099-01-01T00:00:00Z", "text/html", "video/mp4", "<p>x", "#tag", ":e:", "en", ours.Owner()}),
		rapid.Map(rapid.String(), func(s string) any { return s }),
	)
	if depth == 0 {
		return scalars.Draw(t, "scalar")
	}
	switch rapid.IntRange(0, 3).Draw(t, "shape") {
	case 0:
		return map[string]any(drawObject(t, depth-1))
	case 1:
		list := make([]any, rapid.IntRange(0, 4).Draw(t, "length"))
		for n := range list {
			list[n] = drawValue(t, depth-1)
		}
		return list
	}
	return scalars.Draw(t, "scalar")
}

func drawObject(t *rapid.T, depth int) vocab.Object {
	o := vocab.Object{}
	for range rapid.IntRange(0, 8).Draw(t, "fields") {
		o[rapid.SampledFrom(fieldNames).Draw(t, "field")] = drawValue(t, depth)
	}
	return o
}

// Whatever shape the fields of a document have, nothing panics, and what is read is sound.
func TestReaderTakesAnything(t *testing.T) {
	actor, note := plainActor(t), plainNote()
	rapid.Check(t, func(t *rapid.T) {
		base := rapid.SampledFrom([]vocab.Object{{}, actor, note, with(note, map[string]any{"type": "Question"}), with(note, map[string]any{"type": "Video"})}).Draw(t, "base")
		if err := readsSound(with(base, drawObject(t, 3))); err != nil {
			t.Fatal(err)
		}
	})
}
