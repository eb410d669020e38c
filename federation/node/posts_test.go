package node_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/storage"
)

// served is a document as the peer gets it when it asks for it with its key.
func served(t *testing.T, bob *peer, uri string) vocab.Object {
	t.Helper()
	document, ok := bob.tell("lookup", args{"url": uri})["document"].(args)
	if !ok {
		t.Fatalf("the peer gets no document at %s", uri)
	}
	return document
}

// unsigned is how the node answers who asks without a key.
func unsigned(t *testing.T, uri string) (status int) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, uri, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", vocab.Accept)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

func postsGoOut(t *testing.T, alice *process, bob *peer) {
	public, followers := vocab.PublicIRI, alice.actor+"/followers"
	for _, c := range []struct {
		visibility string
		to, cc     []string
		inbox      string
	}{
		{"public", []string{public}, []string{followers}, "shared"},
		{"unlisted", []string{followers}, []string{public}, "shared"},
		{"followers", []string{followers}, nil, "shared"},
		{"direct", []string{bob.Actor}, nil, "personal"},
	} {
		text := "a " + c.visibility + " post"
		if c.visibility == "direct" {
			text += " for " + bob.Handle
		}
		post := alice.write(text, "--visibility", c.visibility)
		create := bob.got("Create", about(post.URI))
		note, _ := create.Document.Object("object")
		for name, doc := range map[string]vocab.Object{"Create": create.Document, "Note": note, "fetched Note": served(t, bob, post.URI)} {
			if !slices.Equal(doc.IRIs("to"), c.to) || !slices.Equal(doc.IRIs("cc"), c.cc) {
				t.Errorf("%s: the %s is to %v, cc %v", c.visibility, name, doc.IRIs("to"), doc.IRIs("cc"))
			}
			if name != "Create" && !strings.Contains(doc.Text("content"), "a "+c.visibility+" post") {
				t.Errorf("%s: the %s says %q", c.visibility, name, doc.Text("content"))
			}
		}
		if status := unsigned(t, post.URI); status != http.StatusUnauthorized {
			t.Errorf("%s: without a signature it is answered with %d", c.visibility, status)
		}
		if create.Inbox != c.inbox || create.Actor != alice.actor || create.ObjectType != "Note" {
			t.Errorf("%s: arrived as %+v", c.visibility, create)
		}
		if post.State != "told" {
			t.Errorf("%s: it is %s", c.visibility, post.State)
		}
		if tags := note.Objects("tag"); c.visibility == "direct" && (len(tags) != 1 || tags[0].IRI("href") != bob.Actor) {
			t.Errorf("the mention is %v", tags)
		}
	}
	listed := bob.tell("traverse", args{"url": alice.actor + "/outbox"})["items"].([]any)
	if len(listed) != 2 {
		t.Errorf("the outbox lists %v: not what is for everybody", listed)
	}
}

func postsComeIn(t *testing.T, alice *process, bob *peer) {
	public, followers := vocab.PublicIRI, bob.Actor+"/followers"
	for _, c := range []struct {
		visibility storage.Visibility
		to, cc     []string
	}{
		{storage.Public, []string{public}, []string{followers}},
		{storage.Unlisted, []string{followers}, []string{public}},
		{storage.Followers, []string{followers}, []string{}},
		{storage.Direct, []string{alice.actor}, []string{}},
	} {
		post := args{"content": "<p>a post, " + string(c.visibility) + "</p>", "to": c.to, "cc": c.cc}
		if c.visibility == storage.Direct {
			post["mentions"] = []string{alice.actor}
		}
		uri := bob.tell("post", post)["id"].(string)
		found := alice.sees(uri, whatever)
		if found.Visibility != c.visibility || found.Text != "a post, "+string(c.visibility) || found.Author.Handle != bob.Handle {
			t.Errorf("came in as %+v, not %s", found, c.visibility)
		}
		if c.visibility == storage.Direct {
			alice.told("mention", uri)
			continue
		}
		alice.reads(uri, "")
	}
}

func answersBothWays(t *testing.T, alice *process, bob *peer) {
	post := alice.write("a question")
	bob.got("Create", about(post.URI))
	answer := bob.tell("post", args{"content": "an answer", "inReplyTo": post.URI})["id"].(string)
	alice.told("reply", answer)

	again := alice.write("an answer to the answer", "--reply-to", answer)
	note, _ := bob.got("Create", about(again.URI)).Document.Object("object")
	if note.IRI("inReplyTo") != answer || !slices.Contains(note.IRIs("cc"), bob.Actor) {
		t.Errorf("the answer goes out as %v", note)
	}
	if !strings.Contains(note.Text("content"), "an answer to the answer") {
		t.Errorf("it says %s", note.Text("content"))
	}
	var notes struct {
		Items []struct {
			ID      string
			Replies []string
		}
	}
	bob.ask("notes", nil, &notes)
	at := slices.IndexFunc(notes.Items, func(n struct {
		ID      string
		Replies []string
	}) bool {
		return n.ID == answer
	})
	if at < 0 || !slices.Equal(notes.Items[at].Replies, []string{again.URI}) {
		t.Errorf("the peer counts as answers %v", notes.Items)
	}
	for depth, uri := range []string{post.URI, answer, again.URI} {
		if found, _ := alice.find(uri); found.Depth != depth {
			t.Errorf("%s is at depth %d, not %d", uri, found.Depth, depth)
		}
	}
}

func editsGoOut(t *testing.T, alice *process, bob *peer) {
	post := alice.write("befor")
	bob.got("Create", about(post.URI))
	var edited federation.Post
	alice.run(&edited, "edit", post.URI, "before")
	update := bob.got("Update", about(post.URI))
	note, _ := update.Document.Object("object")
	for _, doc := range []vocab.Object{note, served(t, bob, post.URI)} {
		if doc.Text("content") != "<p>before</p>" || doc.Text("published") == "" || doc.Text("updated") <= doc.Text("published") {
			t.Errorf("edited, it is %v", doc)
		}
	}
	alice.run(nil, "delete", post.URI)
	if d := bob.got("Delete", about(post.URI)); d.Actor != alice.actor {
		t.Errorf("deleted by %s", d.Actor)
	}
	bob.cannotRead(post.URI)
	if _, ok := alice.find(post.URI); ok {
		t.Error("what was deleted is still here")
	}
}

func editsComeIn(t *testing.T, alice *process, bob *peer) {
	uri := bob.tell("post", args{"content": "befor"})["id"].(string)
	alice.reads(uri, "")
	bob.tell("edit", args{"id": uri, "content": "before"})
	found := alice.sees(uri, func(x federation.Post) bool { return x.Text == "before" })
	if found.Updated == nil {
		t.Error("an edit is not said to be one")
	}
	bob.tell("delete", args{"id": uri})
	alice.misses(uri)
	for _, x := range alice.timeline() {
		if x.URI == uri {
			t.Error("what was deleted is still in the timeline")
		}
	}
}
