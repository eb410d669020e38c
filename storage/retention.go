package storage

import (
	"context"

	"github.com/uptrace/bun"
)

// What strangers can make grow leaves again by the functions in this file. They are for package federation/retention, which
// says when. All go by what is stored at that moment: nothing that another row still needs is removed, and what hangs on a
// row goes with it. Each is a small number of rows at a time, because the writer is held meanwhile.

// threadKept is how many posts of a thread that the owner is part of are kept for that, the first that came: strangers can
// answer without end.
const threadKept = "1000"

// touched is what makes a remote post the owner's own matter, however old it is (?0 is the owner, ?1 the age):
//
//   - the owner answered or quoted it, or has written something in its thread
//   - the owner liked or boosted it, reacted to it, or voted in it
//   - the owner has a notification about it: it mentions, answers or quotes the owner
//   - its author, whom the owner follows, keeps it on top
//   - it came into the timeline lately, by a boost
//
// What the owner reads is not part of it: reading leaves no trace. Whatever else will let the owner touch a post, such as
// a bookmark, has to be added here.
const touched = `(EXISTS (SELECT 1 FROM posts AS o WHERE o.local AND o.in_reply_to = post.uri)
OR EXISTS (SELECT 1 FROM posts AS o WHERE o.local AND o.quote = post.uri)
OR post.conversation <> '' AND EXISTS (SELECT 1 FROM posts AS o WHERE o.local AND o.conversation = post.conversation)
	AND (SELECT count(*) FROM (SELECT 1 FROM posts AS t WHERE t.conversation = post.conversation AND t.conversation <> ''
		AND t.conversation <> t.uri AND t.id < post.id LIMIT ` + threadKept + `) AS earlier) < ` + threadKept + `
OR EXISTS (SELECT 1 FROM reactions AS r WHERE r.object = post.uri AND r.actor = ?0)
OR EXISTS (SELECT 1 FROM votes AS v WHERE v.poll = post.uri AND v.voter = ?0)
OR EXISTS (SELECT 1 FROM notifications AS n WHERE n.object = post.uri)
OR EXISTS (SELECT 1 FROM pins AS i JOIN follows AS f ON f.followee = i.actor AND f.follower = ?0
	WHERE i.post = post.uri AND i.actor = post.author)
OR EXISTS (SELECT 1 FROM timeline AS e WHERE e.post = post.uri AND e.created_at >= ?1))`

// untouched is a remote post, or the tombstone of one, that came before ?1 and is not touched.
const untouched = "NOT post.local AND post.created_at < ?1 AND (post.deleted_at IS NULL OR post.deleted_at < ?1) AND NOT " + touched

// Place is how far a look through the posts has come. The zero Place is the beginning.
type Place struct {
	CreatedAt Time
	ID        int64
}

// UntouchedPosts looks at the remote posts after a place that came before t, the oldest first, limit at most, and returns
// those that the owner has not touched, and where the next look begins; the zero Place says that there is nothing left.
func (q Queries) UntouchedPosts(ctx context.Context, owner string, t Time, after Place, limit int) (ids []int64, next Place, err error) {
	var rows []struct {
		ID        int64
		CreatedAt Time
		Untouched bool
	}
	sel := q.db.NewSelect().Model((*Post)(nil)).Column("id", "created_at").ColumnExpr("("+untouched+") AS untouched", owner, t).
		Where("NOT local AND created_at < ?", t)
	if after != (Place{}) {
		sel = sel.Where("(created_at, id) > (?, ?)", after.CreatedAt, after.ID)
	}
	if err := sel.Order("created_at", "id").Limit(int64(limit)).Scan(ctx, &rows); err != nil {
		return nil, Place{}, err
	}
	for _, r := range rows {
		if r.Untouched {
			ids = append(ids, r.ID)
		}
	}
	if len(rows) == limit {
		next = Place{rows[limit-1].CreatedAt, rows[limit-1].ID}
	}
	return ids, next, nil
}

// ForgetPosts removes those of the posts that came before t and that the owner still has not touched, with their polls,
// reactions, pins and entries of the timeline.
func (tx Tx) ForgetPosts(ctx context.Context, owner string, t Time, ids []int64) error {
	var gone []string
	_, err := tx.db.NewDelete().Model((*Post)(nil)).Where("id IN (?)", bun.List(ids)).Where(untouched, owner, t).
		Returning("uri").Exec(ctx, &gone)
	if err != nil || len(gone) == 0 {
		return found(err)
	}
	list := bun.List(gone)
	for _, q := range []*bun.DeleteQuery{
		tx.db.NewDelete().Model((*Poll)(nil)).Where("post IN (?)", list),
		tx.db.NewDelete().Model((*Vote)(nil)).Where("poll IN (?)", list),
		tx.db.NewDelete().Model((*Reaction)(nil)).Where("object IN (?)", list),
		tx.db.NewDelete().Model((*Pin)(nil)).Where("post IN (?)", list),
		tx.db.NewDelete().Model((*TimelineEntry)(nil)).Where("post IN (?)", list),
	} {
		if _, err := q.Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

// unneeded is an actor who was fetched before ?0, so that they would be fetched again anyway, and to whom nothing here
// refers: no follow, block, mute, post, reaction or notification, and no act.
const unneeded = `actor.fetched_at < ?0 AND (actor.gone_at IS NULL OR actor.gone_at < ?0)
AND NOT EXISTS (SELECT 1 FROM follows AS f WHERE f.follower = actor.uri)
AND NOT EXISTS (SELECT 1 FROM follows AS f WHERE f.followee = actor.uri)
AND NOT EXISTS (SELECT 1 FROM relations AS r WHERE r.actor = actor.uri AND r.kind <> 'blocked_by')
AND NOT EXISTS (SELECT 1 FROM posts AS p WHERE p.author = actor.uri)
AND NOT EXISTS (SELECT 1 FROM reactions AS r WHERE r.actor = actor.uri)
AND NOT EXISTS (SELECT 1 FROM notifications AS n WHERE n.actor = actor.uri)
AND NOT EXISTS (SELECT 1 FROM acts AS a WHERE a.object = actor.uri)`

// UnneededActors looks at the actors after a row number, limit at most, and returns those who were fetched before t and to
// whom nothing refers, and where the next look begins; 0 says that there are no more.
func (q Queries) UnneededActors(ctx context.Context, t Time, after int64, limit int) (ids []int64, next int64, err error) {
	var rows []struct {
		ID       int64
		Unneeded bool
	}
	err = q.db.NewSelect().Model((*Actor)(nil)).Column("id").ColumnExpr("("+unneeded+") AS unneeded", t).
		Where("id > ?", after).Order("id").Limit(int64(limit)).Scan(ctx, &rows)
	for _, r := range rows {
		if r.Unneeded {
			ids = append(ids, r.ID)
		}
	}
	if len(rows) == limit {
		next = rows[limit-1].ID
	}
	return ids, next, err
}

// ForgetActors removes those of the actors whom still nobody needs, with their keys, and that they block the owner.
func (tx Tx) ForgetActors(ctx context.Context, t Time, ids []int64) error {
	tx.made.people = true
	var gone []string
	_, err := tx.db.NewDelete().Model((*Actor)(nil)).Where("id IN (?)", bun.List(ids)).Where(unneeded, t).Returning("uri").Exec(ctx, &gone)
	if err != nil || len(gone) == 0 {
		return found(err)
	}
	if _, err := tx.db.NewDelete().Model((*ActorKey)(nil)).Where("actor IN (?)", bun.List(gone)).Exec(ctx); err != nil {
		return err
	}
	_, err = tx.db.NewDelete().Model((*Relation)(nil)).Where("actor IN (?) AND kind = ?", bun.List(gone), BlockedBy).Exec(ctx)
	return err
}

// UnneededAnswers looks at the acts after a row number, limit at most, and returns the answers to a Follow that were made
// before t, have nothing on its way, and were followed by another one or outlived the follow.
func (q Queries) UnneededAnswers(ctx context.Context, owner string, t Time, after int64, limit int) (ids []int64, next int64, err error) {
	var rows []struct {
		ID       int64
		Unneeded bool
	}
	err = q.db.NewSelect().Model((*Act)(nil)).Column("id").ColumnExpr("("+unneededAnswer+") AS unneeded", owner, t).
		Where("id > ?", after).Order("id").Limit(int64(limit)).Scan(ctx, &rows)
	for _, r := range rows {
		if r.Unneeded {
			ids = append(ids, r.ID)
		}
	}
	if len(rows) == limit {
		next = rows[limit-1].ID
	}
	return ids, next, err
}

// unneededAnswer is an Accept or Reject from before ?1 that says nothing about the follower of ?0 who got it any more.
const unneededAnswer = `act.type IN ('Accept', 'Reject') AND act.created_at < ?1
AND NOT EXISTS (SELECT 1 FROM deliveries AS d WHERE d.act_id = act.id)
AND (EXISTS (SELECT 1 FROM acts AS a WHERE a.object = act.object AND a.id > act.id AND a.type IN ('Accept', 'Reject'))
	OR NOT EXISTS (SELECT 1 FROM follows AS f WHERE f.follower = act.object AND f.followee = ?0))`

// ForgetAnswers removes those of the acts that are still unneeded answers, and who was told them.
func (tx Tx) ForgetAnswers(ctx context.Context, owner string, t Time, ids []int64) error {
	var gone []string
	_, err := tx.db.NewDelete().Model((*Act)(nil)).Where("id IN (?)", bun.List(ids)).Where(unneededAnswer, owner, t).
		Returning("uri").Exec(ctx, &gone)
	if err != nil || len(gone) == 0 {
		return found(err)
	}
	_, err = tx.db.NewDelete().Model((*Told)(nil)).Where("act IN (?)", bun.List(gone)).Exec(ctx)
	return err
}

// ForgetNotifications removes notifications from before t, the oldest first, limit at most, and returns how many.
func (tx Tx) ForgetNotifications(ctx context.Context, t Time, limit int) (int, error) {
	return forget[Notification](ctx, tx, tx.db.NewSelect().Column("id").Where("created_at < ?", t).Order("created_at"), limit)
}

// ForgetSeen removes what came before t and does not wait: by then a replay is refused for its date. As
// [Tx.ForgetNotifications] else.
func (tx Tx) ForgetSeen(ctx context.Context, t Time, limit int) (int, error) {
	return forget[Inbound](ctx, tx, tx.db.NewSelect().Column("id").Where("received_at < ? AND due_at IS NULL", t).Order("received_at"), limit)
}

// ForgetDisclosures removes rows of the ledger from before t. As [Tx.ForgetNotifications] else.
func (tx Tx) ForgetDisclosures(ctx context.Context, t Time, limit int) (int, error) {
	return forget[Disclosure](ctx, tx, tx.db.NewSelect().Column("id").Where("at < ?", t).Order("at"), limit)
}

// ForgetGivenUp removes deliveries that were given up and should have left before t. As [Tx.ForgetNotifications] else.
func (tx Tx) ForgetGivenUp(ctx context.Context, t Time, limit int) (int, error) {
	return forget[Delivery](ctx, tx, tx.db.NewSelect().Column("id").Where("given_up AND due_at < ?", t).Order("due_at"), limit)
}

func forget[T any](ctx context.Context, tx Tx, old *bun.SelectQuery, limit int) (int, error) {
	res, err := tx.db.NewDelete().Model((*T)(nil)).Where("id IN (?)", old.Model((*T)(nil)).Limit(int64(limit))).Exec(ctx)
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	return int(n), err
}

// ForgetHosts removes servers for which nothing waits and of whom nobody is known, after a name in their order, limit at
// most; next is where to go on, empty at the end.
func (tx Tx) ForgetHosts(ctx context.Context, after string, limit int) (next string, err error) {
	hosts, err := all[Host](ctx, tx.db.NewSelect().Column("host").Where("host > ?", after).Order("host").Limit(int64(limit)))
	if err != nil || len(hosts) == 0 {
		return "", err
	}
	last := hosts[len(hosts)-1].Host
	if len(hosts) == limit {
		next = last
	}
	_, err = tx.db.NewDelete().Model((*Host)(nil)).Where("host > ? AND host <= ? AND due_at IS NULL", after, last).
		Where("NOT EXISTS (SELECT 1 FROM actors AS a WHERE a.host = host.host)").
		Where("NOT EXISTS (SELECT 1 FROM deliveries AS d WHERE d.host = host.host AND NOT d.given_up)").Exec(ctx)
	return next, err
}
