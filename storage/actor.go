package storage

import (
	"context"
	"time"

	"github.com/uptrace/bun"
)

// Actor is somebody on another server, as last fetched.
type Actor struct {
	bun.BaseModel `bun:"table:actors"`

	ID          int64 `bun:",pk,autoincrement"`
	URI         string
	Host        string // canonical, of the URI
	Type        string
	Username    string
	Handle      string // "user@domain", confirmed both ways; empty while it is not
	Name        string
	Summary     string // sanitised HTML
	URL         string
	Inbox       string
	SharedInbox string // empty: none
	Followers   string // URI of the collection; empty: none
	Featured    string // likewise
	Avatar      string
	Header      string
	Locked      bool
	Fields      []Field
	Emoji       []Emoji
	AlsoKnownAs []string
	MovedTo     string
	FetchedAt   Time
	GoneAt      Time // zero unless its server said Gone, or it deleted itself
}

// Emoji is a custom emoji.
type Emoji struct {
	Name string `json:"name"` // with the colons
	URL  string `json:"url"`
}

// DeliveryInbox is where to send what an actor gets with others of its server: the shared inbox if there is one.
func (a *Actor) DeliveryInbox() string {
	if a.SharedInbox != "" {
		return a.SharedInbox
	}
	return a.Inbox
}

// ActorKey is a public key that an actor's document lists.
type ActorKey struct {
	bun.BaseModel `bun:"table:actor_keys"`

	ID        string `bun:",pk"` // the key's URI
	Actor     string
	Public    []byte // PKIX, DER
	FetchedAt Time
}

// Actor returns the actor with that URI, or [ErrNotFound].
func (q Queries) Actor(ctx context.Context, uri string) (*Actor, error) {
	return one(ctx, q.db.NewSelect().Where("uri = ?", uri), new(Actor))
}

// Actors returns those of the actors that are known, in no order.
func (q Queries) Actors(ctx context.Context, uris []string) ([]Actor, error) {
	if len(uris) == 0 {
		return nil, nil
	}
	return all[Actor](ctx, q.db.NewSelect().Where("uri IN (?)", bun.List(uris)))
}

// ActorByHandle returns the actor with that confirmed handle ("user@domain"), or [ErrNotFound].
func (q Queries) ActorByHandle(ctx context.Context, handle string) (*Actor, error) {
	return one(ctx, q.db.NewSelect().Where("handle = ?", handle).Order("fetched_at DESC"), new(Actor))
}

// Signer is a public key, and what there is to know of the actor that lists it when something comes that it signed.
type Signer struct {
	KeyID     string
	Public    []byte // PKIX, DER
	FetchedAt Time   // of the key
	Actor     string
	Host      string // canonical, of the actor
	Inbox     string // where to send what the actor gets with others of its server
	Gone      bool   // the actor deleted itself
}

// Signer returns the key with that URI and its owner, or [ErrNotFound].
func (q Queries) Signer(ctx context.Context, keyID string) (*Signer, error) {
	var s Signer
	err := q.direct().QueryRowContext(ctx, `SELECT k.id, k.public, k.fetched_at, a.uri, a.host,
		CASE WHEN a.shared_inbox <> '' THEN a.shared_inbox ELSE a.inbox END, a.gone_at IS NOT NULL
		FROM actor_keys AS k JOIN actors AS a ON a.uri = k.actor WHERE k.id = $1`, keyID).
		Scan(&s.KeyID, &s.Public, &s.FetchedAt, &s.Actor, &s.Host, &s.Inbox, &s.Gone)
	if err != nil {
		return nil, found(err)
	}
	return &s, nil
}

// PutActor writes an actor and the keys its document lists, in place of what was known. A key that the document no
// longer lists is forgotten; one that belongs to another actor is not taken over. A handle is: its domain says whose it is
// now.
func (tx Tx) PutActor(ctx context.Context, a *Actor, keys []ActorKey) error {
	tx.made.people = true
	if err := tx.freeHandle(ctx, a.Handle, a.URI); err != nil {
		return err
	}
	_, err := tx.db.NewInsert().Model(a).ExcludeColumn("id").On("CONFLICT (uri) DO UPDATE").
		Set("host = EXCLUDED.host, type = EXCLUDED.type, username = EXCLUDED.username, handle = EXCLUDED.handle").
		Set("name = EXCLUDED.name, summary = EXCLUDED.summary, url = EXCLUDED.url, inbox = EXCLUDED.inbox").
		Set("shared_inbox = EXCLUDED.shared_inbox, followers = EXCLUDED.followers, featured = EXCLUDED.featured").
		Set("avatar = EXCLUDED.avatar, header = EXCLUDED.header, locked = EXCLUDED.locked, fields = EXCLUDED.fields").
		Set("emoji = EXCLUDED.emoji, also_known_as = EXCLUDED.also_known_as, moved_to = EXCLUDED.moved_to").
		Set("fetched_at = EXCLUDED.fetched_at, gone_at = EXCLUDED.gone_at").Exec(ctx)
	if err != nil {
		return err
	}
	if _, err := tx.db.NewDelete().Model((*ActorKey)(nil)).Where("actor = ?", a.URI).Exec(ctx); err != nil {
		return err
	}
	for i := range keys {
		if _, err := tx.insert(ctx, &keys[i], true); err != nil {
			return err
		}
	}
	return nil
}

// SetHandle writes the confirmed handle of an actor, and takes it from whoever had it.
func (tx Tx) SetHandle(ctx context.Context, actor, handle string) error {
	tx.made.people = true
	if err := tx.freeHandle(ctx, handle, actor); err != nil {
		return err
	}
	_, err := tx.db.NewUpdate().Model((*Actor)(nil)).Set("handle = ?", handle).Where("uri = ?", actor).Exec(ctx)
	return err
}

// freeHandle takes a handle from all actors but one.
func (tx Tx) freeHandle(ctx context.Context, handle, actor string) error {
	if handle == "" {
		return nil
	}
	_, err := tx.db.NewUpdate().Model((*Actor)(nil)).Set("handle = ''").Where("handle = ? AND uri <> ?", handle, actor).Exec(ctx)
	return err
}

// MarkActorGone notes that an actor deleted itself, and forgets its keys.
func (tx Tx) MarkActorGone(ctx context.Context, uri string, at time.Time) error {
	tx.made.people = true
	if _, err := tx.db.NewUpdate().Model((*Actor)(nil)).Set("gone_at = ?", At(at)).Where("uri = ?", uri).Exec(ctx); err != nil {
		return err
	}
	_, err := tx.db.NewDelete().Model((*ActorKey)(nil)).Where("actor = ?", uri).Exec(ctx)
	return err
}

// ForgetActor marks an actor as gone and removes what it was and did here: its profile, keys, follows, reactions, pins,
// boosts and what the owner was told of it. Its posts are left to [Tx.BuryPostsOf]. Blocks and mutes stay.
func (tx Tx) ForgetActor(ctx context.Context, uri string, at time.Time) error {
	tx.made.people = true
	if err := tx.MarkActorGone(ctx, uri, at); err != nil {
		return err
	}
	_, err := tx.db.NewUpdate().Model((*Actor)(nil)).
		Set("name = '', summary = '', url = '', avatar = '', header = '', fields = '[]', emoji = '[]'").
		Where("uri = ?", uri).Exec(ctx)
	if err != nil {
		return err
	}
	if err := tx.DeleteFollowsOf(ctx, uri); err != nil {
		return err
	}
	for _, q := range []*bun.DeleteQuery{
		tx.db.NewDelete().Model((*Reaction)(nil)).Where("actor = ?", uri),
		tx.db.NewDelete().Model((*Pin)(nil)).Where("actor = ?", uri),
		tx.db.NewDelete().Model((*TimelineEntry)(nil)).Where("booster = ? AND booster <> ''", uri),
		tx.db.NewDelete().Model((*Notification)(nil)).Where("actor = ?", uri),
	} {
		if _, err := q.Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}
