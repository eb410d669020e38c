package inbox

import (
	"context"
	"fmt"
	"slices"

	"github.com/dunnock-server/dunnock/federation/resolve"
	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/federation/wire"
	"github.com/dunnock-server/dunnock/hardening/hostname"
	"github.com/dunnock-server/dunnock/storage"
)

// create takes in a post, or a vote. The embedded post is taken as it is when its id is of the origin that signed it and
// names the actor as its author (CVE-2024-37903); one that is only referred to is fetched, if the owner has to do with the
// actor.
func (in *Inbox) create(ctx context.Context, a *activity) (effect, error) {
	uri := single(a.doc, "object")
	if !hostname.SameOrigin(uri, a.actor) {
		return nil, nil
	}
	doc, whole := embedded(a.doc, "object")
	if !whole {
		if !a.from.Follows && !in.addressed(a) {
			return nil, nil
		}
		var err error
		if doc, err = in.fetch(ctx, uri); err != nil {
			return nil, err
		}
	}
	if doc["to"] == nil && doc["cc"] == nil { // some address the activity alone
		doc = doc.Clone()
		doc["to"], doc["cc"] = a.doc["to"], a.doc["cc"]
	}
	if question, choice, ok := wire.Vote(doc); ok && in.IDs.Own(question) && by(doc, a.actor) {
		return in.vote(a, question, choice), nil
	}
	p, poll, err := in.read(doc, a.actor, a.from.Audience, a.at)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, tx storage.Tx) error { return in.arrive(ctx, tx, a, p, poll) }, nil
}

// addressed says whether an activity is addressed to the owner.
func (in *Inbox) addressed(a *activity) bool {
	return slices.Contains(a.doc.IRIs("to"), in.owner) || slices.Contains(a.doc.IRIs("cc"), in.owner)
}

// fetch asks the origin of an object for it.
func (in *Inbox) fetch(ctx context.Context, uri string) (vocab.Object, error) {
	doc, err := in.Resolver.Fetch(ctx, uri)
	if err == nil && doc.ID() != uri {
		err = fmt.Errorf("%w: the object has another id", resolve.ErrRefused)
	}
	return doc, err
}

// by says whether a document names an actor as its author, or as one of them.
func by(doc vocab.Object, author string) bool {
	return slices.Contains(doc.IRIs("attributedTo"), author)
}

// read makes a record of a post. followers is the collection of its author's.
func (in *Inbox) read(doc vocab.Object, author, followers string, at storage.Time) (*storage.Post, *storage.Poll, error) {
	if !by(doc, author) {
		return nil, nil, fmt.Errorf("%w: not by its author", resolve.ErrRefused)
	}
	p, poll, err := in.Reader.Post(doc, at.Time)
	if err != nil {
		return nil, nil, err
	}
	p.Author = author
	p.Visibility = wire.Visibility(p.Recipients.To, p.Recipients.CC, followers)
	return p, poll, nil
}

// arrive keeps a post that its author sent, if the owner has to do with it, and shows it. One that is kept already stays
// as it is.
func (in *Inbox) arrive(ctx context.Context, tx storage.Tx, a *activity, p *storage.Post, poll *storage.Poll) error {
	if gone, err := tx.Seen(ctx, a.actor, p.URI); err != nil || gone {
		return err
	}
	if wanted, err := in.wants(ctx, tx.Queries, p, a.from.Follows); err != nil || !wanted {
		return err
	}
	p, err := in.keep(ctx, tx, p, poll)
	if err != nil || p == nil || p.Author != a.actor || a.from.Muted || !wire.MaySee(p, in.owner, a.from.Follows) {
		return err
	}
	if a.from.Follows {
		if err := in.show(ctx, tx, p); err != nil {
			return err
		}
	}
	return in.tell(ctx, tx, p)
}

// wants says whether the owner has to do with a post.
func (in *Inbox) wants(ctx context.Context, q storage.Queries, p *storage.Post, follows bool) (bool, error) {
	switch {
	case !wire.MaySee(p, in.owner, follows):
		return false, nil
	case follows || in.names(p):
		return true, nil
	}
	for _, uri := range []string{p.InReplyTo, p.Quote} {
		if uri == "" {
			continue
		}
		near, err := q.Post(ctx, uri)
		if err == nil && near.DeletedAt.IsZero() {
			return true, nil
		}
		if unless(err) != nil {
			return false, err
		}
	}
	return false, nil
}

// names says whether a post is addressed to the owner or mentions them.
func (in *Inbox) names(p *storage.Post) bool {
	return slices.Contains(p.Recipients.To, in.owner) || slices.Contains(p.Recipients.CC, in.owner) ||
		slices.ContainsFunc(p.Tags, func(t storage.Tag) bool { return t.Type == vocab.TypeMention && t.Href == in.owner })
}

// keep stores a post unless it is there, and returns the one that is there then; nil when it was deleted.
func (in *Inbox) keep(ctx context.Context, tx storage.Tx, p *storage.Post, poll *storage.Poll) (_ *storage.Post, err error) {
	if p.Conversation, err = tx.ConversationOf(ctx, p); err != nil {
		return nil, err
	}
	fresh, err := tx.InsertPost(ctx, p)
	switch {
	case err != nil:
		return nil, err
	case !fresh:
		known, err := tx.Post(ctx, p.URI)
		if err != nil || !known.DeletedAt.IsZero() {
			return nil, err
		}
		return known, nil
	case poll != nil:
		err = tx.PutPoll(ctx, poll)
	}
	return p, err
}

// show puts a post by somebody whom the owner follows into the timeline, unless it is a direct message, or an answer to
// somebody else whom the owner does not follow.
func (in *Inbox) show(ctx context.Context, tx storage.Tx, p *storage.Post) error {
	if p.Visibility == storage.Direct {
		return nil
	}
	if p.InReplyTo != "" {
		parent, err := tx.Post(ctx, p.InReplyTo)
		if err != nil {
			return unless(err)
		}
		if parent.Author != in.owner {
			if to, err := tx.Standing(ctx, in.owner, parent.Author); err != nil || !to.Follows {
				return err
			}
		}
	}
	return tx.AddToTimeline(ctx, &storage.TimelineEntry{Post: p.URI, CreatedAt: p.CreatedAt})
}

// tell notifies the owner of a post that answers, names or quotes them. That its author is muted is for the caller to ask.
func (in *Inbox) tell(ctx context.Context, tx storage.Tx, p *storage.Post) error {
	n := storage.Notification{Actor: p.Author, Object: p.URI, CreatedAt: p.CreatedAt}
	switch {
	case in.IDs.Own(p.InReplyTo):
		n.Kind = "reply"
	case in.names(p):
		n.Kind = "mention"
	}
	if n.Kind != "" {
		if err := tx.Notify(ctx, &n); err != nil {
			return err
		}
	}
	if !in.IDs.Own(p.Quote) {
		return nil
	}
	return tx.Notify(ctx, &storage.Notification{Kind: "quote", Actor: p.Author, Object: p.URI, CreatedAt: p.CreatedAt})
}
