package wire

import (
	"html"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/hardening/hostname"
	"github.com/dunnock-server/dunnock/storage"
)

// Post reads what somebody on another server wrote, and its poll if it has one. It must have an id, a type that is kept
// as a post, and an author of the id's origin; everything else is optional, and what does not fit is left out.
//
// Token and CreatedAt are new; who updates a post keeps the old ones. Conversation is left empty: a stranger could claim
// any; it follows from what the post answers. The author's followers are guessed to be at the usual address: who knows
// the author takes [Visibility] once more. A vote ([Vote]) is not recognised here.
//
// The caller has made sure that the document came from where its id says, or from its author. Every error wraps
// [ErrInvalid].
func (r Reader) Post(doc vocab.Object, now time.Time) (*storage.Post, *storage.Poll, error) {
	id, err := r.foreign(doc)
	if err != nil {
		return nil, nil, err
	}
	at := slices.IndexFunc(doc.Types(), vocab.IsPostable)
	if at < 0 {
		return nil, nil, refuse("not a post")
	}
	author := r.author(doc, id)
	if author == "" {
		return nil, nil, refuse("no author of its own origin")
	}
	p := &storage.Post{
		URI: id, Token: arrivalToken(now), Type: doc.Types()[at], Author: author,
		Recipients: storage.Recipients{To: r.audience(doc, "to"), CC: r.audience(doc, "cc")},
		InReplyTo:  r.reference(doc.IRI("inReplyTo")), Quote: r.quoted(doc), URL: page(doc, id),
		Tags: r.tags(doc), CreatedAt: storage.At(now), Published: storage.At(now),
	}
	p.Attachments = attachments(doc, p.Type)
	p.Visibility = Visibility(p.Recipients.To, p.Recipients.CC, usualFollowers(p.Recipients, author))
	if published, ok := moment(doc, "published", now); ok {
		p.Published = storage.At(published)
	}
	if updated, ok := moment(doc, "updated", now); ok && updated.After(p.Published.Time) {
		p.Updated = storage.At(updated)
	}
	r.words(p, doc)
	return p, poll(doc, p, now), nil
}

// author picks the actor of the id's origin that a post is by. PeerTube names a channel (a Group) and a Person; there
// the person wrote it.
func (r Reader) author(doc vocab.Object, id string) (author string) {
	for _, o := range doc.Objects("attributedTo") {
		actor := r.endpoint(o, "id", id)
		switch {
		case actor == "":
		case o.Is(vocab.TypePerson):
			return actor
		case author == "":
			author = actor
		}
	}
	return author
}

// audience reads a list of addresses; the three names of the public become one.
func (r Reader) audience(doc vocab.Object, field string) (audience []string) {
	for _, uri := range doc.IRIs(field) {
		if vocab.IsPublic(uri) {
			uri = vocab.PublicIRI
		} else if uri = r.reference(uri); uri == "" {
			continue
		}
		if !slices.Contains(audience, uri) {
			audience = append(audience, uri)
		}
	}
	return audience
}

// usualFollowers is where most servers have an actor's followers, if that is among the recipients.
func usualFollowers(to storage.Recipients, author string) string {
	usual := strings.TrimSuffix(author, "/") + "/followers"
	for _, uri := range slices.Concat(to.To, to.CC) {
		if strings.TrimSuffix(uri, "/") == usual {
			return uri
		}
	}
	return ""
}

// words reads title, warning, text and language. Only notes and polls, and what says that it is sensitive, have a
// warning in `summary`: elsewhere that is an abstract, which stands in for a text that is missing.
func (r Reader) words(p *storage.Post, doc vocab.Object) {
	content, language := inLanguage(doc)
	summary := doc.Text("summary")
	p.Language = language
	p.Sensitive, _ = doc.Bool("sensitive")
	note := p.Type == vocab.TypeNote || p.Type == vocab.TypeQuestion
	switch {
	case note || p.Sensitive:
		p.Summary = text(summary, maxNote)
		p.Sensitive = p.Sensitive || p.Summary != ""
	case content == "":
		content = summary
	}
	if !note {
		p.Name = text(doc.Text("name"), maxName)
	}
	if kind := mime(doc); kind != "" && kind != "text/html" {
		content = paragraphsOf(content) // PeerTube sends Markdown and says so
	}
	p.Content = r.html(content)
}

// paragraphsOf is plain text as HTML.
func paragraphsOf(source string) string {
	var b strings.Builder
	for _, p := range paragraphs(cut(source, maxContent)) {
		b.WriteString("<p>" + strings.ReplaceAll(html.EscapeString(p), "\n", "<br>") + "</p>")
	}
	return b.String()
}

// languageTag is a BCP 47 tag, loosely.
var languageTag = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}$`)

// inLanguage picks a text and says which language it is in, if that is known: by the entry of `contentMap` that is the
// text, or is there alone, or by the `language` of PeerTube and Lemmy.
func inLanguage(doc vocab.Object) (content, language string) {
	texts := doc.TextMap("content")
	content = doc.Text("content")
	tags := slices.Sorted(maps.Keys(texts))
	for _, tag := range tags {
		if texts[tag] == content || len(tags) == 1 {
			language = tag
			break
		}
	}
	if named, ok := doc.Object("language"); ok && language == "" {
		language = named.Text("identifier")
	}
	if !languageTag.MatchString(language) || strings.EqualFold(language, "und") {
		language = ""
	}
	return content, language
}

// poll reads the options of a question; nil when there are none. Counts are what the author's server says, never
// negative.
func poll(doc vocab.Object, p *storage.Post, now time.Time) *storage.Poll {
	field, multiple := "oneOf", false
	if doc["anyOf"] != nil {
		field, multiple = "anyOf", true
	}
	if p.Type != vocab.TypeQuestion {
		return nil
	}
	q := &storage.Poll{Post: p.URI, Multiple: multiple, Voters: count(doc, "votersCount")}
	total := 0
	for _, o := range first(doc.Objects(field), maxOptions) {
		option := storage.PollOption{Name: text(o.Text("name"), maxName)}
		if replies, ok := o.Object("replies"); ok {
			option.Votes = count(replies, "totalItems")
		}
		total += option.Votes
		q.Options = append(q.Options, option)
	}
	if q.Options == nil {
		return nil
	}
	if _, said := doc.Int("votersCount"); !said && !multiple {
		q.Voters = total
	}
	q.ClosesAt = storage.At(closing(doc, now))
	return q
}

// closing is when a poll ends or ended; zero when that is open.
func closing(doc vocab.Object, now time.Time) time.Time {
	if closed, ok := moment(doc, "closed", now); ok {
		return closed
	}
	if closed, _ := doc.Bool("closed"); closed {
		return now
	}
	end, ok := doc.Time("endTime")
	switch epoch := time.Unix(0, 0).UTC(); {
	case !ok:
		return time.Time{}
	case end.Before(epoch):
		return epoch
	}
	return end
}

// Vote recognises a vote: a Note with a name, which is the option that it is for, in reply to the question and without
// words: snac has a line break for content. Both are as the peer wrote them; a choice is valid if it equals an option.
func Vote(doc vocab.Object) (question, choice string, ok bool) {
	choice, _ = doc["name"].(string)
	question = doc.IRI("inReplyTo")
	if !doc.Is(vocab.TypeNote) || choice == "" || question == "" || text(doc.Text("content"), 1) != "" {
		return "", "", false
	}
	_, err := hostname.OriginOf(question)
	return question, choice, err == nil
}
