package federation

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/dunnock-server/dunnock/storage"
)

// Person names somebody.
type Person struct {
	URI    string `json:"uri"`
	Handle string `json:"handle"`
	Name   string `json:"name,omitempty"`
}

// Post is a post as the owner sees it. Times are real ones, but for Published and Updated, which are as told.
type Post struct {
	ID          string             `json:"id"` // names it in commands
	URI         string             `json:"uri"`
	URL         string             `json:"url,omitempty"`
	Author      Person             `json:"author"`
	BoostedBy   *Person            `json:"boosted_by,omitempty"`
	Type        string             `json:"type"`
	Visibility  storage.Visibility `json:"visibility"`
	Title       string             `json:"title,omitempty"`
	Content     string             `json:"content"` // sanitised HTML
	Text        string             `json:"text"`    // the same as plain text
	Warning     string             `json:"cw,omitempty"`
	Sensitive   bool               `json:"sensitive"`
	Language    string             `json:"language,omitempty"`
	InReplyTo   string             `json:"in_reply_to,omitempty"`
	Quote       string             `json:"quote,omitempty"`
	Published   time.Time          `json:"published"`
	Updated     *time.Time         `json:"updated,omitempty"`
	Created     time.Time          `json:"created"`
	State       string             `json:"state,omitempty"` // of an own post: told, or waiting for its release
	ReleaseAt   *time.Time         `json:"release_at,omitempty"`
	ExpiresAt   *time.Time         `json:"expires_at,omitempty"`
	Attachments []Attachment       `json:"media,omitempty"`
	Poll        *Poll              `json:"poll,omitempty"`
	Likes       int                `json:"likes"`
	Boosts      int                `json:"boosts"`
	Reacts      map[string]int     `json:"reacts,omitempty"` // emoji and how often
	Liked       bool               `json:"liked"`
	Boosted     bool               `json:"boosted"`
	Pinned      bool               `json:"pinned"`          // by its author
	Depth       int                `json:"depth,omitempty"` // in a thread
}

// Attachment is a file of a post.
type Attachment struct {
	URL  string `json:"url"`
	MIME string `json:"mime,omitempty"`
	Alt  string `json:"alt,omitempty"`
}

// Poll is the question part of a post.
type Poll struct {
	Options  []PollOption `json:"options"`
	Multiple bool         `json:"multiple"`
	Closes   *time.Time   `json:"closes,omitempty"`
	Voters   int          `json:"voters"`
	Voted    []int        `json:"voted,omitempty"` // the owner's choices, from 0
}

// PollOption is a choice.
type PollOption struct {
	Name  string `json:"name"`
	Votes int    `json:"votes"`
}

// Reaction is a like or boost of the owner's.
type Reaction struct {
	Activity string `json:"activity"`
	Object   string `json:"object"`
	Kind     string `json:"kind"`
}

// Relationship is how the owner stands to somebody.
type Relationship struct {
	Actor  string    `json:"actor"`
	Handle string    `json:"handle"`
	Name   string    `json:"name,omitempty"`
	State  string    `json:"state,omitempty"` // pending, accepted, rejected; empty: none
	Since  time.Time `json:"since,omitzero"`
}

// Blocks are the accounts that the owner keeps away.
type Blocks struct {
	Blocked []Relationship `json:"blocked"`
	Muted   []Relationship `json:"muted"`
}

// Profile is the owner's profile.
type Profile struct {
	Handle       string          `json:"handle"`
	URI          string          `json:"uri"`
	Name         string          `json:"name"`
	Summary      string          `json:"summary"`
	Fields       []storage.Field `json:"fields"`
	Locked       bool            `json:"locked"`
	Discoverable bool            `json:"discoverable"`
	Avatar       string          `json:"avatar,omitempty"`
	Header       string          `json:"header,omitempty"`
}

func (s *Service) profileView(p *storage.Profile) *Profile {
	v := &Profile{Handle: "@" + s.IDs.Handle(), URI: s.IDs.Owner(), Name: p.Name, Summary: p.Summary, Fields: p.Fields,
		Locked: p.Locked, Discoverable: p.Discoverable}
	if v.Fields == nil {
		v.Fields = []storage.Field{}
	}
	if p.Avatar != "" {
		v.Avatar = s.IDs.Media(p.Avatar)
	}
	if p.Header != "" {
		v.Header = s.IDs.Media(p.Header)
	}
	return v
}

// viewOf reads a post as the owner sees it.
func (s *Service) viewOf(ctx context.Context, uri string) (*Post, error) {
	p, err := s.DB.Post(ctx, uri)
	if err != nil {
		return nil, Explain(err, "the post")
	}
	return s.view(ctx, p)
}

func (s *Service) view(ctx context.Context, p *storage.Post) (*Post, error) {
	author, err := s.who(ctx, p.Author)
	if err != nil {
		return nil, err
	}
	v := &Post{ID: p.Token, URI: p.URI, URL: p.URL, Author: *author, Type: p.Type, Visibility: p.Visibility, Title: p.Name,
		Content: p.Content, Text: plain(p), Warning: p.Summary, Sensitive: p.Sensitive, Language: p.Language,
		InReplyTo: p.InReplyTo, Quote: p.Quote, Published: p.Published.Time, Updated: moment(p.Updated),
		Created: p.CreatedAt.Time, ExpiresAt: moment(p.ExpiresAt)}
	for _, a := range p.Attachments {
		url := a.URL
		if a.Blob != "" {
			url = s.IDs.Media(a.Blob)
		}
		v.Attachments = append(v.Attachments, Attachment{URL: url, MIME: a.MIME, Alt: a.Alt})
	}
	if p.Local {
		v.State, v.ReleaseAt = "waiting", moment(p.ReleaseAt)
		if p.Released(storage.Now()) {
			v.State = "told"
		}
	}
	if v.Pinned, err = s.DB.Pinned(ctx, p.Author, p.URI); err != nil {
		return nil, err
	}
	if err := s.viewReactions(ctx, v); err != nil {
		return nil, err
	}
	return v, s.viewPoll(ctx, v)
}

func (s *Service) viewReactions(ctx context.Context, v *Post) error {
	reactions, err := s.DB.Reactions(ctx, v.URI)
	for _, r := range reactions {
		own := r.Actor == s.IDs.Owner()
		switch r.Kind {
		case storage.Like:
			v.Likes++
			v.Liked = v.Liked || own
		case storage.Announce:
			v.Boosts++
			v.Boosted = v.Boosted || own
		default:
			if v.Reacts == nil {
				v.Reacts = map[string]int{}
			}
			v.Reacts[r.Content]++
		}
	}
	return err
}

func (s *Service) viewPoll(ctx context.Context, v *Post) error {
	poll, err := s.DB.Poll(ctx, v.URI)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	v.Poll = &Poll{Multiple: poll.Multiple, Closes: moment(poll.ClosesAt), Voters: poll.Voters}
	for _, o := range poll.Options {
		v.Poll.Options = append(v.Poll.Options, PollOption(o))
	}
	votes, err := s.DB.Votes(ctx, v.URI, s.IDs.Owner())
	for _, vote := range votes {
		v.Poll.Voted = append(v.Poll.Voted, vote.Choice)
	}
	return err
}

// pollOf returns the poll of a post, nil if it has none.
func pollOf(ctx context.Context, q storage.Queries, p *storage.Post) (*storage.Poll, error) {
	poll, err := q.Poll(ctx, p.URI)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil
	}
	return poll, err
}

// who names an actor, as far as it is known.
func (s *Service) who(ctx context.Context, uri string) (*Person, error) {
	if uri == s.IDs.Owner() {
		p, err := s.DB.Profile(ctx)
		if err != nil {
			return nil, err
		}
		return &Person{URI: uri, Handle: "@" + s.IDs.Handle(), Name: p.Name}, nil
	}
	a, err := s.DB.Actor(ctx, uri)
	if errors.Is(err, storage.ErrNotFound) {
		return &Person{URI: uri, Handle: uri}, nil
	}
	if err != nil {
		return nil, err
	}
	return &Person{URI: uri, Handle: shownHandle(a), Name: a.Name}, nil
}

// shownHandle is what an actor is called, or its URI when nothing is known.
func shownHandle(a *storage.Actor) string {
	if a.Username == "" {
		return a.URI
	}
	return "@" + handle(a)
}

// plain is a post's text without markup.
func plain(p *storage.Post) string {
	if p.Local {
		return p.Source
	}
	return strings.TrimSpace(textOf(p.Content))
}

func moment(t storage.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t.Time
}
