package node_test

import (
	"bytes"
	"image"
	"image/color"
	_ "image/jpeg"
	"image/png"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dunnock-server/dunnock/federation/vocab"
)

func warningLanguageHashtag(t *testing.T, alice *process, bob *peer) {
	post := alice.write("Amsel, Drossel #Vögel", "--cw", "birds", "--language", "de")
	note, _ := bob.got("Create", about(post.URI)).Document.Object("object")
	for _, doc := range []vocab.Object{note, served(t, bob, post.URI)} {
		if sensitive, _ := doc.Bool("sensitive"); doc.Text("summary") != "birds" || !sensitive {
			t.Errorf("the warning goes out as %v", doc)
		}
		if text := doc.TextMap("content")["de"]; (text != "") != alice.shows("Note", "contentMap") || text != "" && text != doc.Text("content") {
			t.Errorf("the language goes out as %v", doc)
		}
		tags := doc.Objects("tag")
		if len(tags) != 1 || tags[0].Type() != vocab.TypeHashtag || strings.ToLower(tags[0].Text("name")) != "#vögel" {
			t.Errorf("the hashtag goes out as %v", tags)
		}
	}

	uri := bob.Actor + "/said/1"
	bob.tell("raw", args{"to": []string{bob.Actor + "/followers"}, "activity": args{
		"type": "Create", "to": vocab.PublicIRI,
		"@context": []any{"https://www.w3.org/ns/activitystreams", args{"toot": "http://joinmastodon.org/ns#",
			"Emoji": "toot:Emoji", "Hashtag": "as:Hashtag", "sensitive": "as:sensitive"}},
		"object": args{
			"id": uri, "type": "Note", "attributedTo": bob.Actor, "to": vocab.PublicIRI, "sensitive": true, "summary": "oiseaux",
			"contentMap": args{"fr": "<p>un merle :merle: #Oiseaux<script>alert(1)</script></p>"},
			"tag": []any{
				args{"type": "Emoji", "id": bob.Origin + "/merle", "name": ":merle:", "icon": args{"type": "Image", "mediaType": "image/png", "url": bob.Origin + "/merle.png"}},
				args{"type": "Hashtag", "name": "#Oiseaux", "href": bob.Origin + "/tags/oiseaux"},
			},
			"attachment": args{"type": "Document", "mediaType": "image/jpeg", "url": bob.Origin + "/merle.jpg", "name": "A blackbird"},
		},
	}})
	found := alice.reads(uri, "")
	if found.Warning != "oiseaux" || !found.Sensitive || found.Language != "fr" || found.Text != "un merle :merle: #Oiseaux" {
		t.Errorf("it came in as %+v", found)
	}
	if len(found.Attachments) != 1 || found.Attachments[0].Alt != "A blackbird" || found.Attachments[0].URL != bob.Origin+"/merle.jpg" {
		t.Errorf("the picture came in as %+v", found.Attachments)
	}
	if slices.ContainsFunc(bob.requests(0), func(r request) bool { return strings.HasPrefix(r.Path, "/merle") }) {
		t.Error("a picture was fetched because it came in")
	}
}

func pictures(t *testing.T, alice *process, bob *peer) {
	drawn := image.NewRGBA(image.Rect(0, 0, 40, 30))
	drawn.Set(3, 4, color.RGBA{R: 200, A: 255})
	var file bytes.Buffer
	if err := png.Encode(&file, drawn); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "IMG_20260701_081500.png")
	if err := os.WriteFile(name, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	post := alice.write("look", "--media", name, "--alt", "a dot")
	note, _ := bob.got("Create", about(post.URI)).Document.Object("object")
	attached := note.Objects("attachment")
	if len(attached) != 1 || attached[0].Text("name") != "a dot" || attached[0].Text("mediaType") != "image/png" {
		t.Fatalf("the picture goes out as %v", attached)
	}
	res, err := http.Get(attached[0].Text("url"))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	got, _, err := image.Decode(res.Body)
	if err != nil || got.Bounds() != drawn.Bounds() || res.Header.Get("Content-Type") != "image/png" {
		t.Errorf("the picture is served with status %d as %s: %v", res.StatusCode, res.Header.Get("Content-Type"), err)
	}
	if strings.Contains(attached[0].Text("url"), "IMG") {
		t.Error("the picture's name is told")
	}

	alice.run(nil, "profile", "set", "--avatar", name)
	bob.got("Update", func(e entry) bool {
		person, _ := e.Document.Object("object")
		icon, ok := person.Object("icon")
		return ok && icon.Text("mediaType") == "image/png"
	})
	alice.run(nil, "delete", post.URI)
	if status := unsigned(t, attached[0].Text("url")); status != http.StatusNotFound {
		t.Errorf("the picture of a deleted post is answered with %d", status)
	}
}

func quotes(t *testing.T, alice *process, bob *peer) {
	theirs := bob.tell("post", args{"content": "quotable"})["id"].(string)
	alice.reads(theirs, "")
	post := alice.write("as they say", "--quote", theirs)
	note, _ := bob.got("Create", about(post.URI)).Document.Object("object")
	if note.IRI("quote") != theirs || note.IRI("quoteUrl") != theirs {
		t.Errorf("the quote goes out as %v", note)
	}
	back := bob.tell("post", args{"content": "as you say", "quote": post.URI})["id"].(string)
	if found := alice.sees(back, whatever); found.Quote != post.URI {
		t.Errorf("the quote came in as %+v", found)
	}
	alice.told("quote", back)
}
