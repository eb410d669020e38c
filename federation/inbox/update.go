package inbox

import (
	"context"
	"reflect"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/storage"
)

// update changes what is known of the actor, or a post of the actor's that is kept. It never makes a new one.
func (in *Inbox) update(ctx context.Context, a *activity) (effect, error) {
	uri := single(a.doc, "object")
	doc, whole := embedded(a.doc, "object")
	if uri == a.actor {
		return in.updateActor(ctx, a, doc, whole)
	}
	known, err := in.DB.Post(ctx, uri)
	if err != nil || known.Author != a.actor {
		return nil, unless(err)
	}
	if !whole {
		if doc, err = in.fetch(ctx, uri); err != nil {
			return nil, err
		}
	}
	return in.revision(doc, a.actor, a.at)
}

// updateActor takes the actor's own document for what it is: its origin signed it. If that names another user, whose
// handle has to be confirmed, or no key, it is fetched like that of a stranger.
func (in *Inbox) updateActor(ctx context.Context, a *activity, doc vocab.Object, whole bool) (effect, error) {
	known, err := in.DB.Actor(ctx, a.actor)
	if err != nil {
		return nil, err
	}
	if !whole {
		_, err := in.Resolver.Refresh(ctx, a.actor)
		return nil, err
	}
	changed, keys, err := in.Reader.Actor(doc, a.at.Time)
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 || changed.Username != known.Username {
		_, err := in.Resolver.Refresh(ctx, a.actor)
		return nil, err
	}
	changed.Handle = known.Handle
	return func(ctx context.Context, tx storage.Tx) error { return tx.PutActor(ctx, changed, keys) }, nil
}

// revision reads another version of a post that is kept, from its author or their server.
func (in *Inbox) revision(doc vocab.Object, author string, at storage.Time) (effect, error) {
	p, poll, err := in.read(doc, author, "", at) // for whom it is stays as it was
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, tx storage.Tx) error {
		version := *p
		return in.revise(ctx, tx, &version, poll)
	}, nil
}

// revise replaces what may change of a post: its words and pictures, and the counts of its poll. Who wrote it, when, for
// whom and in answer to what stays, so that an edit can neither widen an audience nor move a post into another thread. A
// version that says that it is older than the one that is kept has no effect.
func (in *Inbox) revise(ctx context.Context, tx storage.Tx, p *storage.Post, poll *storage.Poll) error {
	known, err := tx.Post(ctx, p.URI)
	if err != nil {
		return unless(err)
	}
	if known.Author != p.Author || known.Local || !known.DeletedAt.IsZero() || known.Type != p.Type {
		return nil
	}
	if !p.Updated.IsZero() && p.Updated.Before(known.Updated.Time) {
		return nil
	}
	if poll != nil {
		if err := recount(ctx, tx, poll); err != nil {
			return err
		}
	}
	if same(known, p) && !p.Updated.After(known.Updated.Time) {
		return nil
	}
	if p.Updated.IsZero() { // some do not say; it is an edit all the same
		p.Updated = p.CreatedAt
	}
	p.ID, p.Token, p.Published, p.CreatedAt = known.ID, known.Token, known.Published, known.CreatedAt
	p.Visibility, p.Recipients = known.Visibility, known.Recipients
	p.InReplyTo, p.Conversation, p.ReleaseAt, p.ExpiresAt = known.InReplyTo, known.Conversation, known.ReleaseAt, known.ExpiresAt
	if err := tx.UpdatePost(ctx, p); err != nil || !in.names(p) {
		return err
	}
	if author, err := tx.Standing(ctx, in.owner, p.Author); err != nil || author.Muted {
		return err
	}
	return in.tell(ctx, tx, p)
}

// same says whether two versions of a post read the same. An Update that carries new counts of a poll changes nothing else.
func same(a, b *storage.Post) bool {
	type words struct {
		name, summary, content, language, url, quote string
		sensitive                                    bool
		tags, attachments                            any
	}
	of := func(p *storage.Post) words {
		return words{p.Name, p.Summary, p.Content, p.Language, p.URL, p.Quote, p.Sensitive,
			append([]storage.Tag{}, p.Tags...), append([]storage.Attachment{}, p.Attachments...)}
	}
	return reflect.DeepEqual(of(a), of(b))
}

// recount takes over the counts of a poll whose options are still the same; it may also have been closed early. A poll that
// was replaced by another one keeps its votes.
func recount(ctx context.Context, tx storage.Tx, poll *storage.Poll) error {
	known, err := tx.Poll(ctx, poll.Post)
	if err != nil {
		return unless(err)
	}
	if len(known.Options) != len(poll.Options) || known.Multiple != poll.Multiple {
		return nil
	}
	for i, o := range poll.Options {
		if known.Options[i].Name != o.Name {
			return nil
		}
	}
	known.Options, known.Voters = poll.Options, poll.Voters
	if early := poll.ClosesAt; !early.IsZero() && (known.ClosesAt.IsZero() || early.Before(known.ClosesAt.Time)) {
		known.ClosesAt = early
	}
	return tx.PutPoll(ctx, known)
}
