package inbox

import (
	"context"
	"errors"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/federation/wire"
	"github.com/dunnock-server/dunnock/storage"
)

// announce is a boost: of a post of the owner's, or by somebody whom the owner follows. Of what is boosted only the id
// counts; the post is the one that is kept, or that its own server has. Boosts of strangers by strangers cause no request.
func (in *Inbox) announce(ctx context.Context, a *activity) (effect, error) {
	uri := single(a.doc, "object")
	if in.IDs.Own(uri) {
		return in.reaction(a, storage.Announce, uri, ""), nil
	}
	if !a.from.Follows {
		return nil, nil
	}
	sender, err := in.DB.Actor(ctx, a.actor)
	if err != nil {
		return nil, err
	}
	if sender.Type == vocab.TypeGroup {
		return in.announceByGroup(ctx, a, uri)
	}
	return in.boostOf(ctx, a, uri, false)
}

// boostOf finds a post and boosts it.
func (in *Inbox) boostOf(ctx context.Context, a *activity, uri string, group bool) (effect, error) {
	p, err := in.DB.Post(ctx, uri)
	if err == nil {
		return in.boost(a, p, nil, group), nil
	}
	if !errors.Is(err, storage.ErrNotFound) {
		return nil, err
	}
	doc, err := in.fetch(ctx, uri)
	if err != nil {
		return nil, err
	}
	return in.boostFetched(ctx, a, doc, group)
}

// boostFetched boosts a post that its own server sent.
func (in *Inbox) boostFetched(ctx context.Context, a *activity, doc vocab.Object, group bool) (effect, error) {
	p, poll, err := in.Reader.Post(doc, a.at.Time)
	if err != nil {
		return nil, err
	}
	author, err := in.Resolver.Actor(ctx, p.Author)
	if err != nil {
		return nil, err
	}
	p.Visibility = wire.Visibility(p.Recipients.To, p.Recipients.CC, author.Followers)
	return in.boost(a, p, poll, group), nil
}

// boost keeps a post and puts it into the timeline as boosted by the actor. The actor's own posts can be boosted whoever
// they are for, those of others only if they are for all; those of somebody whom the owner blocks do not come back this
// way (CVE-2026-23961). Of what a group passes on, answers are kept and not shown.
func (in *Inbox) boost(a *activity, p *storage.Post, poll *storage.Poll, group bool) effect {
	return func(ctx context.Context, tx storage.Tx) error {
		author, err := tx.Standing(ctx, in.owner, p.Author)
		if err != nil || author.Blocked || !a.from.Follows {
			return err
		}
		open := p.Visibility == storage.Public || p.Visibility == storage.Unlisted
		if !open && (p.Author != a.actor || !wire.MaySee(p, in.owner, true)) {
			return nil
		}
		p, err := in.keep(ctx, tx, p, poll)
		if err != nil || p == nil {
			return err
		}
		if group && !author.Muted { // members may send their answers to the group alone
			if err := in.tell(ctx, tx, p); err != nil {
				return err
			}
		}
		_, err = tx.InsertReaction(ctx, &storage.Reaction{Kind: storage.Announce, Actor: a.actor, Object: p.URI, Activity: a.id, CreatedAt: a.at})
		if err != nil || group && p.InReplyTo != "" || a.from.Muted || author.Muted {
			return err
		}
		return tx.AddToTimeline(ctx, &storage.TimelineEntry{Post: p.URI, Booster: a.actor, CreatedAt: a.at})
	}
}
