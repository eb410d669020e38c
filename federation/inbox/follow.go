package inbox

import (
	"context"
	"errors"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/federation/wire"
	"github.com/dunnock-server/dunnock/storage"
)

// follow lets somebody follow the owner, or ask to. Who follows already and asks again is answered again: the answer may
// have been lost there.
//
// The Accept is released at once: nobody decided it, so it says nothing of when the owner acts. That of a locked profile is
// the owner's act, and goes the way of one.
func (in *Inbox) follow(ctx context.Context, a *activity) (effect, error) {
	if single(a.doc, "object") != in.owner {
		return nil, nil
	}
	sender, err := in.DB.Actor(ctx, a.actor)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, tx storage.Tx) error {
		f := &storage.Follow{Follower: a.actor, Followee: in.owner, Activity: a.id, State: storage.Accepted, CreatedAt: a.at}
		kind := "follow"
		switch known, err := tx.Follow(ctx, f.Follower, f.Followee); {
		case err == nil && known.State == storage.Accepted:
			f.CreatedAt, kind = known.CreatedAt, ""
		case err == nil || errors.Is(err, storage.ErrNotFound):
			profile, err := tx.Profile(ctx)
			if err != nil {
				return err
			}
			if profile.Locked {
				f.State, kind = storage.Pending, "follow_request"
			}
		default:
			return err
		}
		if err := tx.PutFollow(ctx, f); err != nil {
			return err
		}
		if kind != "" {
			if err := a.notify(ctx, tx, kind, in.owner, ""); err != nil {
				return err
			}
		}
		if f.State != storage.Accepted {
			return nil
		}
		return in.welcome(ctx, tx, f, sender)
	}, nil
}

// welcome queues an Accept with the whole Follow in it, which Threads wants.
func (in *Inbox) welcome(ctx context.Context, tx storage.Tx, f *storage.Follow, to *storage.Actor) error {
	asked := wire.Activity{ID: f.Activity, Type: vocab.TypeFollow, Actor: f.Follower, Object: f.Followee}
	answer := wire.Activity{ID: in.IDs.Activity(wire.NewToken()), Type: vocab.TypeAccept, Actor: in.owner,
		Object: asked.Document(), To: []string{to.URI}}
	document, err := answer.Document().Marshal()
	if err != nil {
		return err
	}
	now := storage.Now()
	return in.Queue.Enqueue(ctx, tx, &storage.Act{URI: answer.ID, Type: answer.Type, Actor: in.owner, Object: to.URI,
		Document: string(document), CreatedAt: now, ReleaseAt: now}, []string{to.Inbox})
}

// accept is the answer to a Follow of the owner's. It counts only from whom the owner asked, and only while the question
// stands: what was rejected, or taken back, is not revived (CVE-2025-30741).
func (in *Inbox) accept(_ context.Context, a *activity) (effect, error) {
	return func(ctx context.Context, tx storage.Tx) error {
		f, err := in.asked(ctx, tx.Queries, a)
		if err != nil || f.State != storage.Pending {
			return unless(err)
		}
		f.State = storage.Accepted
		return tx.PutFollow(ctx, f)
	}, nil
}

// reject is the other answer, at once or later.
func (in *Inbox) reject(_ context.Context, a *activity) (effect, error) {
	return func(ctx context.Context, tx storage.Tx) error {
		f, err := in.asked(ctx, tx.Queries, a)
		if err != nil {
			return unless(err)
		}
		f.State = storage.Rejected
		return tx.PutFollow(ctx, f)
	}, nil
}

// asked finds the Follow of the owner's that an answer is about: by its id, or as the one that it embeds, since some
// servers do not keep ids. It is [storage.ErrNotFound] unless the owner asked the one who answers.
func (in *Inbox) asked(ctx context.Context, q storage.Queries, a *activity) (*storage.Follow, error) {
	f, err := q.Follow(ctx, in.owner, a.actor)
	if err != nil {
		return nil, err
	}
	if id := single(a.doc, "object"); id != "" && id == f.Activity {
		return f, nil
	}
	inner, ok := embedded(a.doc, "object")
	if ok && inner.Is(vocab.TypeFollow) && single(inner, "actor") == in.owner && single(inner, "object") == a.actor {
		return f, nil
	}
	return nil, storage.ErrNotFound
}
