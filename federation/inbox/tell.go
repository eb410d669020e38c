package inbox

import (
	"context"
	"slices"
	"strings"

	"github.com/dunnock-server/dunnock/hardening/sanitize"
	"github.com/dunnock-server/dunnock/storage"
)

// maxFlagged bounds how many objects of a report are looked at.
const maxFlagged = 50

// block notes that the actor blocks the owner, which ends their follows both ways. One with a target is Lemmy's way to ban
// somebody from a group or server, which is no matter between two people.
func (in *Inbox) block(_ context.Context, a *activity) (effect, error) {
	if single(a.doc, "object") != in.owner || a.doc["target"] != nil {
		return nil, nil
	}
	return func(ctx context.Context, tx storage.Tx) error {
		r := &storage.Relation{Actor: a.actor, Kind: storage.BlockedBy, Activity: a.id, CreatedAt: a.at}
		if _, err := tx.PutRelation(ctx, r); err != nil {
			return err
		}
		if f, err := tx.Follow(ctx, a.actor, in.owner); err == nil {
			if err := in.unfollow(ctx, tx, f, a.signed); err != nil {
				return err
			}
		} else if unless(err) != nil {
			return err
		}
		_, err := tx.DeleteFollow(ctx, in.owner, a.actor)
		return err
	}, nil
}

// flag shows the owner a report about them. It says which of their posts it is about, if any, and in which words; who
// reports is the server's own actor, with most servers.
func (in *Inbox) flag(_ context.Context, a *activity) (effect, error) {
	about := a.doc.IRIs("object")
	about = about[:min(len(about), maxFlagged)]
	return func(ctx context.Context, tx storage.Tx) error {
		object := ""
		if slices.Contains(about, in.owner) {
			object = in.owner
		}
		for _, uri := range about {
			if !in.IDs.Own(uri) || uri == in.owner {
				continue
			}
			p, err := tx.Post(ctx, uri)
			if err == nil && p.Local && p.DeletedAt.IsZero() {
				object = uri
				break
			}
			if unless(err) != nil {
				return err
			}
		}
		if object == "" {
			return nil
		}
		words := strings.TrimSpace(sanitize.Text(a.doc.Text("content")))
		return a.notify(ctx, tx, "flag", object, words)
	}, nil
}

// move asks the owner whether to follow somebody to a new account. It counts only if the owner follows the old one and the
// new one says that it was the old one. Nothing else follows from it.
func (in *Inbox) move(ctx context.Context, a *activity) (effect, error) {
	target := single(a.doc, "target")
	if single(a.doc, "object") != a.actor || !a.from.Follows {
		return nil, nil
	}
	// Fetched now: a copy may be from before the new account said so.
	to, err := in.Resolver.Refresh(ctx, target)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(to.AlsoKnownAs, a.actor) {
		return nil, nil
	}
	return func(ctx context.Context, tx storage.Tx) error {
		return a.notify(ctx, tx, "move", a.actor, target)
	}, nil
}
