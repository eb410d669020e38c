package inbox

import (
	"context"
	"errors"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/hardening/hostname"
	"github.com/dunnock-server/dunnock/storage"
)

// undo takes back what its actor did: a follow, a reaction, a block. It is found by the id of the activity, or by what
// the embedded one says, since some servers make up a new id. What is not found did not come yet, and then counts as seen.
func (in *Inbox) undo(_ context.Context, a *activity) (effect, error) {
	id := single(a.doc, "object")
	inner, whole := embedded(a.doc, "object")
	if whole && inner["actor"] != nil && single(inner, "actor") != a.actor {
		return nil, nil
	}
	if id != "" && !hostname.SameOrigin(id, a.actor) {
		return nil, nil
	}
	return func(ctx context.Context, tx storage.Tx) error {
		done, err := in.undoByID(ctx, tx, a, id)
		if err != nil || done {
			return err
		}
		if whole {
			if done, err = in.undoByForm(ctx, tx, a, inner); err != nil || done {
				return err
			}
		}
		if id == "" {
			return nil
		}
		fresh, err := tx.MarkSeen(ctx, a.actor, id, a.at)
		if err == nil && !fresh && inner.Is(vocab.TypeFollow) { // the owner ended it
			err = tx.MarkUndone(ctx, a.actor, id, a.signed)
		}
		return err
	}, nil
}

func (in *Inbox) undoByID(ctx context.Context, tx storage.Tx, a *activity, id string) (bool, error) {
	if id == "" {
		return false, nil
	}
	r, err := tx.ReactionByActivity(ctx, id)
	if err == nil && r.Actor == a.actor {
		return true, in.withdraw(ctx, tx, r, a.signed)
	}
	if unless(err) != nil {
		return false, err
	}
	f, err := tx.Follow(ctx, a.actor, in.owner)
	if err == nil && f.Activity == id {
		return true, in.unfollow(ctx, tx, f, a.signed)
	}
	if unless(err) != nil {
		return false, err
	}
	b, err := tx.Relation(ctx, a.actor, storage.BlockedBy)
	if err == nil && b.Activity == id {
		return tx.DeleteRelation(ctx, a.actor, storage.BlockedBy)
	}
	return false, unless(err)
}

func (in *Inbox) undoByForm(ctx context.Context, tx storage.Tx, a *activity, inner vocab.Object) (bool, error) {
	object := single(inner, "object")
	switch kind := inner.Type(); kind {
	case vocab.TypeFollow:
		if object != in.owner {
			return false, nil
		}
		f, err := tx.Follow(ctx, a.actor, in.owner)
		if err != nil {
			return false, unless(err)
		}
		return true, in.unfollow(ctx, tx, f, a.signed)
	case vocab.TypeBlock:
		if object != in.owner {
			return false, nil
		}
		return tx.DeleteRelation(ctx, a.actor, storage.BlockedBy)
	case vocab.TypeLike, vocab.TypeEmojiReact:
		kind, content := reactionOf(inner)
		return in.withdrawLike(ctx, tx, a, kind, object, content)
	case vocab.TypeAnnounce:
		return in.withdrawLike(ctx, tx, a, storage.Announce, object, "")
	}
	return false, nil
}

// unfollow ends that somebody follows the owner, or asks to. They may ask again, under the same id if their server has but
// one for each two people.
func (in *Inbox) unfollow(ctx context.Context, tx storage.Tx, f *storage.Follow, signed storage.Time) error {
	if _, err := tx.DeleteFollow(ctx, f.Follower, f.Followee); err != nil {
		return err
	}
	for _, kind := range []string{"follow", "follow_request"} {
		if err := tx.DeleteNotification(ctx, kind, f.Follower, in.owner); err != nil {
			return err
		}
	}
	return tx.MarkUndone(ctx, f.Follower, f.Activity, signed)
}

func (in *Inbox) withdrawLike(ctx context.Context, tx storage.Tx, a *activity, kind, object, content string) (bool, error) {
	r, err := tx.ReactionOf(ctx, kind, a.actor, object, content)
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, in.withdraw(ctx, tx, r, a.signed)
}

// withdraw removes a reaction, and what the owner was told and shown of it. The actor may react again, under the same id
// if their server has but one for each post.
func (in *Inbox) withdraw(ctx context.Context, tx storage.Tx, r *storage.Reaction, signed storage.Time) error {
	if _, err := tx.DeleteReaction(ctx, r.Actor, r.Activity); err != nil {
		return err
	}
	if err := tx.MarkUndone(ctx, r.Actor, r.Activity, signed); err != nil {
		return err
	}
	if err := tx.DeleteNotification(ctx, told[r.Kind], r.Actor, r.Object); err != nil {
		return err
	}
	if r.Kind != storage.Announce {
		return nil
	}
	return tx.RemoveFromTimeline(ctx, r.Object, r.Actor)
}
