package storage

import (
	"context"
	"errors"

	"github.com/uptrace/bun"
)

// Visibility says whom a post was addressed to.
type Visibility string

// The four audiences. Direct is the zero value's meaning everywhere: the fewest see it.
const (
	Public    Visibility = "public"
	Unlisted  Visibility = "unlisted"
	Followers Visibility = "followers"
	Direct    Visibility = "direct"
)

// Recipients are the addresses of a post or an act, as its author wrote them.
type Recipients struct {
	To []string `json:"to,omitempty"`
	CC []string `json:"cc,omitempty"`
}

// Tag is a mention, hashtag or custom emoji of a post.
type Tag struct {
	Type string `json:"type"` // Mention, Hashtag, Emoji
	Name string `json:"name"`
	Href string `json:"href"` // of an emoji: its image
}

// Attachment is a file that a post carries: of an own post by the name of its [Blob], of others by URL.
type Attachment struct {
	Type     string `json:"type"`
	MIME     string `json:"mime"`
	URL      string `json:"url,omitempty"`
	Blob     string `json:"blob,omitempty"`
	Alt      string `json:"alt,omitempty"`
	Blurhash string `json:"blurhash,omitempty"`
	Width    int    `json:"width,omitempty"`
	Height   int    `json:"height,omitempty"`
}

// Post is an object that people wrote: a note, a question, an article, a video; the owner's or somebody else's.
type Post struct {
	bun.BaseModel `bun:"table:posts"`

	ID           int64 `bun:",pk,autoincrement"`
	URI          string
	Token        string // random; names the post to the owner, and of an own one ends its URI
	Local        bool
	Type         string
	Author       string
	Visibility   Visibility
	Recipients   Recipients
	InReplyTo    string
	Conversation string // URI of the thread's first known post
	Quote        string
	Name         string // title
	Summary      string // content warning, plain text
	Content      string // sanitised HTML
	Source       string // of an own post: what the owner typed
	Language     string
	Sensitive    bool
	URL          string
	Tags         []Tag
	Attachments  []Attachment
	Published    Time // as the world sees it
	Updated      Time // zero: never edited
	CreatedAt    Time // real: when it was written, or arrived
	ReleaseAt    Time // of an own post: from when on it exists for others; zero: not drawn
	ExpiresAt    Time
	DeletedAt    Time // a tombstone: of what it said and where it stood nothing is left, only URI, author, addresses and times
}

// Released says whether an own post exists for others at t.
func (p *Post) Released(t Time) bool {
	return !p.ReleaseAt.IsZero() && !p.ReleaseAt.After(t.Time)
}

// Post returns the post with that URI, tombstones included, or [ErrNotFound].
func (q Queries) Post(ctx context.Context, uri string) (*Post, error) {
	return one(ctx, q.db.NewSelect().Where("uri = ?", uri), new(Post))
}

// PostByToken returns the post that the owner calls token, or [ErrNotFound].
func (q Queries) PostByToken(ctx context.Context, token string) (*Post, error) {
	return one(ctx, q.db.NewSelect().Where("token = ?", token), new(Post))
}

// PostByURL returns the post whose page for people is url, or [ErrNotFound].
func (q Queries) PostByURL(ctx context.Context, url string) (*Post, error) {
	return one(ctx, q.db.NewSelect().Where("url = ? AND url <> ''", url), new(Post))
}

// Thread returns the posts of a conversation, oldest first, limit at most.
func (q Queries) Thread(ctx context.Context, conversation string, limit int) ([]Post, error) {
	return all[Post](ctx, q.db.NewSelect().
		Where("(conversation = ? AND conversation <> '' AND conversation <> uri OR uri = ?) AND deleted_at IS NULL", conversation, conversation).
		Order("published", "id").Limit(int64(limit)))
}

// Replies returns the posts that answer uri, oldest first, limit at most.
func (q Queries) Replies(ctx context.Context, uri string, limit int) ([]Post, error) {
	return all[Post](ctx, q.db.NewSelect().
		Where("in_reply_to = ? AND in_reply_to <> '' AND deleted_at IS NULL", uri).Order("id").Limit(int64(limit)))
}

// OwnReplies returns the posts by which an author of this node answers uri, as far as they exist for others at t, oldest
// first, limit at most.
func (q Queries) OwnReplies(ctx context.Context, uri, author string, t Time, limit int) ([]Post, error) {
	return all[Post](ctx, q.db.NewSelect().
		Where("in_reply_to = ? AND in_reply_to <> '' AND author = ? AND local", uri, author).
		Where("deleted_at IS NULL AND release_at <= ?", t).Order("release_at", "id").Limit(int64(limit)))
}

// ExpiredPosts returns own posts whose time is over at t.
func (q Queries) ExpiredPosts(ctx context.Context, t Time, limit int) ([]Post, error) {
	return all[Post](ctx, q.db.NewSelect().
		Where("expires_at IS NOT NULL AND expires_at <= ? AND deleted_at IS NULL AND local", t).Order("id").Limit(int64(limit)))
}

// InsertPost adds a post; false says that one with its URI is there already, which is left as it is.
func (tx Tx) InsertPost(ctx context.Context, p *Post) (bool, error) {
	return tx.insert(ctx, p, true)
}

// UpdatePost writes all of a post that is there, by its URI.
func (tx Tx) UpdatePost(ctx context.Context, p *Post) error {
	_, err := tx.db.NewUpdate().Model(p).ExcludeColumn("id", "uri").Where("uri = ?", p.URI).Exec(ctx)
	return err
}

// BuryPost makes a post a tombstone and forgets what hangs on it: poll, reactions, pins, timeline, notifications.
func (tx Tx) BuryPost(ctx context.Context, uri string, at Time) error {
	_, err := tx.db.NewUpdate().Model((*Post)(nil)).
		Set("deleted_at = ?, content = '', source = '', summary = '', name = '', url = '', quote = '', in_reply_to = '', conversation = ''", at).
		Set("tags = '[]', attachments = '[]', language = '', expires_at = NULL").
		Where("uri = ? AND deleted_at IS NULL", uri).Exec(ctx)
	if err != nil {
		return err
	}
	for _, q := range []*bun.DeleteQuery{
		tx.db.NewDelete().Model((*Poll)(nil)).Where("post = ?", uri),
		tx.db.NewDelete().Model((*Vote)(nil)).Where("poll = ?", uri),
		tx.db.NewDelete().Model((*Reaction)(nil)).Where("object = ?", uri),
		tx.db.NewDelete().Model((*Pin)(nil)).Where("post = ?", uri),
		tx.db.NewDelete().Model((*TimelineEntry)(nil)).Where("post = ?", uri),
		tx.db.NewDelete().Model((*Notification)(nil)).Where("object = ?", uri),
	} {
		if _, err := q.Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

// BuryPostsOf buries posts of an author, limit at most, and returns how many.
func (tx Tx) BuryPostsOf(ctx context.Context, author string, at Time, limit int) (int, error) {
	posts, err := all[Post](ctx, tx.db.NewSelect().Column("uri").
		Where("author = ? AND deleted_at IS NULL", author).Limit(int64(limit)))
	if err != nil {
		return 0, err
	}
	for _, p := range posts {
		if err := tx.BuryPost(ctx, p.URI, at); err != nil {
			return 0, err
		}
	}
	return len(posts), nil
}

// ConversationOf returns the conversation of a post by what it answers: that of its parent where that is known, else one
// that starts with the parent, or with the post itself.
func (q Queries) ConversationOf(ctx context.Context, p *Post) (string, error) {
	if p.InReplyTo == "" {
		return p.URI, nil
	}
	parent, err := q.Post(ctx, p.InReplyTo)
	switch {
	case err == nil && parent.Conversation != "":
		return parent.Conversation, nil
	case err == nil || errors.Is(err, ErrNotFound):
		return p.InReplyTo, nil
	}
	return "", err
}
