package federation

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/dunnock-server/dunnock/storage"
)

// maxPage bounds what one call lists; defaultPage is what it lists unless told.
const (
	defaultPage = 20
	maxPage     = 200
	maxThread   = 500
)

func page(limit int) int {
	if limit <= 0 {
		return defaultPage
	}
	return min(limit, maxPage)
}

// cursor reads where a page begins; empty is the newest.
func cursor(before string) (int64, error) {
	if before == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(before, 10, 64)
	if err != nil || n <= 0 {
		return 0, invalid("the page does not exist: take `next` of the page before")
	}
	return n, nil
}

// Timeline is a page of the owner's home timeline, newest first. next begins the following page; empty: there is none.
func (s *Service) Timeline(ctx context.Context, limit int, before string) (posts []Post, next string, err error) {
	from, err := cursor(before)
	if err != nil {
		return nil, "", err
	}
	entries, err := s.DB.Timeline(ctx, from, page(limit))
	if err != nil {
		return nil, "", err
	}
	posts = make([]Post, 0, len(entries))
	for _, e := range entries {
		p, err := s.DB.Post(ctx, e.Post)
		if errors.Is(err, storage.ErrNotFound) || err == nil && !p.DeletedAt.IsZero() {
			continue
		}
		if err != nil {
			return nil, "", err
		}
		v, err := s.view(ctx, p)
		if err != nil {
			return nil, "", err
		}
		if e.Booster != "" {
			if v.BoostedBy, err = s.who(ctx, e.Booster); err != nil {
				return nil, "", err
			}
		}
		posts = append(posts, *v)
	}
	if len(entries) == page(limit) {
		next = strconv.FormatInt(entries[len(entries)-1].ID, 10)
	}
	return posts, next, nil
}

// Thread is the conversation that a post belongs to, as far as it is known here: every answer below what it answers.
func (s *Service) Thread(ctx context.Context, id string) ([]Post, error) {
	p, err := s.post(ctx, id)
	if err != nil {
		return nil, err
	}
	root := p.Conversation
	if root == "" {
		root = p.URI
	}
	posts, err := s.DB.Thread(ctx, root, maxThread)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(posts, func(o storage.Post) bool { return o.URI == p.URI }) {
		posts = append(posts, *p)
	}
	var views []Post
	for _, n := range order(posts) {
		v, err := s.view(ctx, &posts[n.index])
		if err != nil {
			return nil, err
		}
		v.Depth = n.depth
		views = append(views, *v)
	}
	return views, nil
}

type node struct{ index, depth int }

// order puts answers below what they answer, in the order they came. What answers nothing that is here begins a branch of
// its own.
func order(posts []storage.Post) []node {
	at := map[string]bool{}
	for _, p := range posts {
		at[p.URI] = true
	}
	answers := map[string][]int{}
	for i, p := range posts {
		parent := p.InReplyTo
		if !at[parent] || parent == p.URI {
			parent = ""
		}
		answers[parent] = append(answers[parent], i)
	}
	var nodes []node
	seen := map[int]bool{} // remote posts may answer each other in a circle
	var walk func(parent string, depth int)
	walk = func(parent string, depth int) {
		for _, i := range answers[parent] {
			if !seen[i] {
				seen[i] = true
				nodes = append(nodes, node{i, depth})
				walk(posts[i].URI, depth+1)
			}
		}
	}
	walk("", 0)
	for i := range posts {
		if !seen[i] {
			nodes = append(nodes, node{i, 0})
		}
	}
	return nodes
}

// Notification is something that the owner is told of.
type Notification struct {
	ID     string    `json:"id"`
	Kind   string    `json:"kind"`
	Actor  string    `json:"actor,omitempty"`
	Handle string    `json:"handle,omitempty"`
	Object string    `json:"object,omitempty"`
	Text   string    `json:"text,omitempty"` // of the post, or what came with it
	At     time.Time `json:"at"`
}

// Notifications is a page of what the owner is told of, newest first; next as in [Service.Timeline].
func (s *Service) Notifications(ctx context.Context, limit int, before string) (list []Notification, next string, err error) {
	from, err := cursor(before)
	if err != nil {
		return nil, "", err
	}
	rows, err := s.DB.Notifications(ctx, from, page(limit))
	if err != nil {
		return nil, "", err
	}
	list = make([]Notification, 0, len(rows))
	for _, r := range rows {
		n := Notification{ID: strconv.FormatInt(r.ID, 10), Kind: r.Kind, Actor: r.Actor, Object: r.Object, Text: r.Detail, At: r.CreatedAt.Time}
		if r.Actor != "" {
			who, err := s.who(ctx, r.Actor)
			if err != nil {
				return nil, "", err
			}
			n.Handle = who.Handle
		}
		if p, err := s.DB.Post(ctx, r.Object); err == nil && n.Text == "" {
			n.Text = plain(p)
		}
		list = append(list, n)
	}
	if len(rows) == page(limit) {
		next = list[len(list)-1].ID
	}
	return list, next, nil
}

// Account is somebody, as looked up.
type Account struct {
	URI       string          `json:"uri"`
	Handle    string          `json:"handle"`
	URL       string          `json:"url,omitempty"`
	Type      string          `json:"type"`
	Name      string          `json:"name,omitempty"`
	Summary   string          `json:"summary,omitempty"` // plain text
	Fields    []storage.Field `json:"fields,omitempty"`
	Locked    bool            `json:"locked"`
	Following string          `json:"following,omitempty"` // state of the owner's follow
	Follower  string          `json:"follower,omitempty"`  // state of theirs
}

// Lookup finds an account by handle or URL, or a post by URL; one of the two is nil. What is not known is asked for: its
// server learns that this node looked.
func (s *Service) Lookup(ctx context.Context, what string) (*Account, *Post, error) {
	a, p, err := s.Resolver.Any(ctx, what)
	if err != nil {
		return nil, nil, Explain(err, what)
	}
	if p != nil {
		v, err := s.view(ctx, p)
		return nil, v, err
	}
	v := &Account{URI: a.URI, Handle: shownHandle(a), URL: a.URL, Type: a.Type, Name: a.Name, Summary: textOf(a.Summary), Locked: a.Locked}
	for _, f := range a.Fields {
		v.Fields = append(v.Fields, storage.Field{Name: f.Name, Value: textOf(f.Value)})
	}
	if f, err := s.DB.Follow(ctx, s.IDs.Owner(), a.URI); err == nil {
		v.Following = string(f.State)
	}
	if f, err := s.DB.Follow(ctx, a.URI, s.IDs.Owner()); err == nil {
		v.Follower = string(f.State)
	}
	return v, nil, nil
}
