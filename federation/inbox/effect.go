package inbox

import (
	"context"
	"errors"
	"time"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/hardening"
	"github.com/dunnock-server/dunnock/storage"
)

// effect is what an activity does. It runs in the one transaction that takes the activity out of the queue, and decides
// by what is stored then; an error rolls all of it back. It may run again, after what it did was undone because of another
// one ([storage.DB.WriteAgain]), and then does the same. Nil is no effect.
type effect func(ctx context.Context, tx storage.Tx) error

// handler prepares the effect of a kind of activity. It may read, and ask other servers through the resolver for what the
// effect needs; it changes nothing but what the resolver caches.
type handler func(in *Inbox, ctx context.Context, a *activity) (effect, error)

// handlers has the kinds of activity that mean something here. Everything else is dropped as it comes: Dislike, and
// QuoteRequest (FEP-044f), which is neither approved nor refused.
var handlers = map[string]handler{
	vocab.TypeAccept:     (*Inbox).accept,
	vocab.TypeAdd:        (*Inbox).pin,
	vocab.TypeAnnounce:   (*Inbox).announce,
	vocab.TypeBlock:      (*Inbox).block,
	vocab.TypeCreate:     (*Inbox).create,
	vocab.TypeDelete:     (*Inbox).remove,
	vocab.TypeEmojiReact: (*Inbox).like,
	vocab.TypeFlag:       (*Inbox).flag,
	vocab.TypeFollow:     (*Inbox).follow,
	vocab.TypeLike:       (*Inbox).like,
	vocab.TypeMove:       (*Inbox).move,
	vocab.TypeReject:     (*Inbox).reject,
	vocab.TypeRemove:     (*Inbox).unpin,
	vocab.TypeUndo:       (*Inbox).undo,
	vocab.TypeUpdate:     (*Inbox).update,
}

// errPanic says that code of ours failed on an activity.
var errPanic = errors.New("panic")

// prepare finds the effect of an activity, with a bounded number of requests in a bounded time.
func (in *Inbox) prepare(ctx context.Context, a *activity) (do effect, err error) {
	defer func() {
		if recover() != nil {
			do, err = nil, errPanic
		}
	}()
	handle := handlers[a.kind]
	if handle == nil {
		return nil, nil
	}
	if a.from, err = in.DB.Standing(ctx, in.owner, a.actor); err != nil || a.barred() {
		return nil, err
	}
	wait := impatience
	if a.from.Follows {
		wait = patience
	}
	ctx, cancel := context.WithTimeout(hardening.WithBudget(ctx, fetches), wait)
	defer cancel()
	return handle(in, ctx, a)
}

// apply lets an activity take effect, unless its actor was blocked since it was prepared.
func (in *Inbox) apply(ctx context.Context, tx storage.Tx, a *activity, do effect) (err error) {
	defer func() {
		if recover() != nil {
			err = errPanic
		}
	}()
	if a.from, err = tx.Standing(ctx, in.owner, a.actor); err != nil || a.barred() {
		return err
	}
	return do(ctx, tx)
}

// barred says whether an activity has no effect because of its actor: one whom the owner blocks, or who is gone by now. What
// somebody blocked takes back is let through: it can only make less of them be here.
func (a *activity) barred() bool {
	return a.from.Gone || a.from.Blocked && a.kind != vocab.TypeUndo && a.kind != vocab.TypeDelete
}

// answers says whether the effect of an activity may put something into the outgoing queue.
func (a *activity) answers() bool { return a.kind == vocab.TypeFollow }

// patience is for how long to try again what needs a server that does not answer.
func (a *activity) patience() time.Duration {
	if a.kind == vocab.TypeAnnounce || a.kind == vocab.TypeMove {
		return giveUpBoost
	}
	return giveUp
}

// notify tells the owner of what the actor did, unless the owner muted the actor.
func (a *activity) notify(ctx context.Context, tx storage.Tx, kind, object, detail string) error {
	if a.from.Muted {
		return nil
	}
	return tx.Notify(ctx, &storage.Notification{Kind: kind, Actor: a.actor, Object: object, Detail: detail, CreatedAt: a.at})
}

// unless returns err, but nil for a record that is not there: who has nothing to change is done.
func unless(err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	return err
}
