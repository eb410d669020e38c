package fleet

import (
	"fmt"
	"time"
)

const public = "https://www.w3.org/ns/activitystreams#Public"

// Owner is whom acts are about: the one account of the node under load.
type Owner struct{ URI, Handle string }

// Act is an activity of an actor.
type Act struct {
	Actor  *Actor
	ID     string
	Type   string
	Object string // the URI of what it is about; of a Create, of the post
	Text   string // of a post, plain
	Body   []byte
}

// Mention is a public post that names the owner, of the size and shape that large servers send. n makes it another one.
func (a *Actor) Mention(o Owner, n int) Act {
	id := fmt.Sprintf("%s/posts/%d", a.URI, n)
	act := Act{Actor: a, ID: id + "/activity", Type: "Create", Object: id, Text: fmt.Sprintf("%s number %d, and some words so that it has the length of most.", o.Handle, n)}
	published := time.Now().UTC().Format(time.RFC3339)
	to, cc := []string{public}, []string{a.URI + "/followers", o.URI}
	act.Body = encode(map[string]any{
		"@context": []any{"https://www.w3.org/ns/activitystreams", map[string]string{
			"ostatus": "http://ostatus.org#", "sensitive": "as:sensitive", "conversation": "ostatus:conversation"}},
		"id": act.ID, "type": act.Type, "actor": a.URI, "published": published, "to": to, "cc": cc,
		"object": map[string]any{
			"id": id, "type": "Note", "attributedTo": a.URI, "published": published, "to": to, "cc": cc,
			"url": fmt.Sprintf("http://%s/@%s/%d", a.Host, a.Name, n), "summary": nil, "inReplyTo": nil, "sensitive": false,
			"conversation": fmt.Sprintf("tag:%s,2026:conversation=%d", a.Host, n),
			"content":      "<p>" + act.Text + "</p>", "contentMap": map[string]string{"en": "<p>" + act.Text + "</p>"},
			"attachment": []any{}, "tag": []any{map[string]string{"type": "Mention", "href": o.URI, "name": o.Handle}},
		},
	})
	return act
}

// Follow asks to follow the owner.
func (a *Actor) Follow(o Owner, n int) Act {
	return a.simple("Follow", o.URI, n)
}

// Like likes a post of the owner's.
func (a *Actor) Like(post string, n int) Act {
	return a.simple("Like", post, n)
}

// Undo takes an act back.
func (a *Actor) Undo(act Act, n int) Act {
	undo := a.simple("Undo", act.ID, n)
	undo.Body = encode(map[string]any{
		"@context": "https://www.w3.org/ns/activitystreams", "id": undo.ID, "type": undo.Type, "actor": a.URI,
		"object": map[string]string{"id": act.ID, "type": act.Type, "actor": a.URI, "object": act.Object},
	})
	return undo
}

func (a *Actor) simple(kind, object string, n int) Act {
	act := Act{Actor: a, ID: fmt.Sprintf("%s/acts/%d", a.URI, n), Type: kind, Object: object}
	act.Body = encode(map[string]any{
		"@context": "https://www.w3.org/ns/activitystreams", "id": act.ID, "type": kind, "actor": a.URI, "object": object,
	})
	return act
}
