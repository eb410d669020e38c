package inbox

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/dunnock-server/dunnock/federation/vocab"
	"github.com/dunnock-server/dunnock/federation/wire"
	"github.com/dunnock-server/dunnock/hardening/sanitize"
	"github.com/dunnock-server/dunnock/storage"
)

const (
	maxEmoji     = 100 // runes of an emoji, or of the name of a custom one
	maxReactions = 20  // of one actor to one post
)

// told are the kinds of notification for kinds of reaction.
var told = map[string]string{storage.Like: "like", storage.Announce: "boost", storage.EmojiReact: "react"}

// like is a reaction to a post of the owner's. Those to posts of others are their authors' business.
func (in *Inbox) like(_ context.Context, a *activity) (effect, error) {
	object := single(a.doc, "object")
	if !in.IDs.Own(object) {
		return nil, nil
	}
	kind, content := reactionOf(a.doc)
	return in.reaction(a, kind, object, content), nil
}

// reactionOf tells a like from an emoji: Pleroma and Fedify have a type for those, Misskey puts them into a Like.
func reactionOf(doc vocab.Object) (kind, content string) {
	content = doc.Text("content")
	if content == "" {
		content, _ = doc["_misskey_reaction"].(string)
	}
	content = strings.TrimSpace(sanitize.Text(content))
	if content == "" || utf8.RuneCountInString(content) > maxEmoji {
		return storage.Like, ""
	}
	return storage.EmojiReact, content
}

// reaction adds a reaction to a post of the owner's, if the actor may see the post at all.
func (in *Inbox) reaction(a *activity, kind, object, content string) effect {
	return func(ctx context.Context, tx storage.Tx) error {
		p, err := tx.Post(ctx, object)
		if err != nil {
			return unless(err)
		}
		if !a.sees(p) {
			return nil
		}
		if n, err := tx.CountReactionsBy(ctx, a.actor, object); err != nil || n >= maxReactions {
			return err
		}
		fresh, err := tx.InsertReaction(ctx, &storage.Reaction{Kind: kind, Actor: a.actor, Object: object, Content: content,
			Activity: a.id, CreatedAt: a.at})
		if err != nil || !fresh {
			return err
		}
		return a.notify(ctx, tx, told[kind], object, content)
	}
}

// sees says whether a post is one of the owner's that existed for the actor when it sent the activity.
func (a *activity) sees(p *storage.Post) bool {
	return p.Local && p.DeletedAt.IsZero() && p.Released(a.at) && wire.MaySee(p, a.actor, a.from.Follower)
}
