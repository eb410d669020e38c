package federation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dunnock-server/dunnock/federation/wire"
	"github.com/dunnock-server/dunnock/hardening/timing"
	"github.com/dunnock-server/dunnock/storage"
)

// Bounds of what the owner posts.
const (
	MaxText        = 50_000 // runes
	MaxWarning     = 500    // runes
	MaxAttachments = 16
	MaxOptions     = 20
	MinExpiry      = time.Hour // shorter ones would end before slow servers have the post
)

// Draft is a post in the making.
type Draft struct {
	Text       string
	Visibility storage.Visibility // empty: that of the post it answers, else public
	ReplyTo    string             // URL or token
	Quote      string             // URL or token
	Warning    string             // shown in place of the text
	Sensitive  bool               // pictures are covered; implied by a warning
	Language   string             // BCP 47; empty: not told
	Media      []Upload
	Poll       *PollDraft
	ExpiresIn  time.Duration // after its release the post is deleted; 0: it stays
	// Token, as [NewToken] makes it, names the post. A draft that was published under it already is not published again.
	// Empty: a new one.
	Token string
}

// NewToken names a post that is to be published once, however often that is tried.
func NewToken() string { return wire.NewToken() }

// PollDraft is the question part of a draft.
type PollDraft struct {
	Options  []string
	Multiple bool
	ClosesIn time.Duration // after the release; 0: a day
}

// Publish makes a post. Who is mentioned or answered and not known yet is asked for first, which tells their servers that
// this node looks at them; if one cannot be reached nothing is posted.
func (s *Service) Publish(ctx context.Context, d Draft) (*Post, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	if there, err := s.DB.Post(ctx, s.IDs.Post(d.Token)); err == nil {
		return s.view(ctx, there)
	} else if !errors.Is(err, storage.ErrNotFound) {
		return nil, err
	}
	c, err := s.compose(ctx, d)
	if err != nil {
		return nil, err
	}
	files, err := s.saveAll(d.Media, c.post.URI)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		c.post.Attachments = append(c.post.Attachments, attachment(f))
	}
	err = s.write(ctx, func(ctx context.Context, tx storage.Tx) error { return s.publish(ctx, tx, c, files) })
	if err != nil {
		s.discard(files)
		return nil, err
	}
	return s.viewOf(ctx, c.post.URI)
}

func (d *Draft) check() error {
	switch d.Visibility {
	case "", storage.Public, storage.Unlisted, storage.Followers, storage.Direct:
	default:
		return invalid("the visibility is one of public, unlisted, followers, direct")
	}
	d.Text = strings.TrimSpace(d.Text)
	switch {
	case d.Text == "" && len(d.Media) == 0 && d.Poll == nil:
		return invalid("there is nothing to post: no text, picture or poll")
	case utf8.RuneCountInString(d.Text) > MaxText:
		return invalid(fmt.Sprintf("the text is longer than %d characters", MaxText))
	case utf8.RuneCountInString(d.Warning) > MaxWarning:
		return invalid(fmt.Sprintf("the content warning is longer than %d characters", MaxWarning))
	case len(d.Media) > MaxAttachments:
		return invalid(fmt.Sprintf("a post carries at most %d pictures", MaxAttachments))
	case d.ExpiresIn < 0 || d.ExpiresIn > 0 && d.ExpiresIn < MinExpiry:
		return invalid("a post stays for an hour at least")
	}
	return d.Poll.check()
}

func (p *PollDraft) check() error {
	if p == nil {
		return nil
	}
	if len(p.Options) < 2 || len(p.Options) > MaxOptions {
		return invalid(fmt.Sprintf("a poll has 2 to %d options", MaxOptions))
	}
	seen := map[string]bool{}
	for i, o := range p.Options {
		o = strings.TrimSpace(o)
		if p.Options[i] = o; o == "" || seen[o] {
			return invalid("the options of a poll differ from each other and are not empty")
		}
		seen[o] = true
	}
	if p.ClosesIn == 0 {
		p.ClosesIn = 24 * time.Hour
	}
	if p.ClosesIn < 0 {
		return invalid("a poll closes after it opens")
	}
	return nil
}

// composed is a post with what is written beside it.
type composed struct {
	post    *storage.Post
	poll    *storage.Poll
	named   []storage.Actor // who is addressed by name
	now     time.Time
	release time.Time // zero: never
}

// compose works a draft out: who is named, where it belongs, when it is released.
func (s *Service) compose(ctx context.Context, d Draft) (*composed, error) {
	mentions, err := s.mentioned(ctx, d.Text)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	release, _ := s.Timing.Release(now)
	content, tags := s.IDs.Text(d.Text, mentions)
	token := cmp.Or(d.Token, wire.NewToken())
	c := &composed{now: now, release: release, post: &storage.Post{
		URI: s.IDs.Post(token), Token: token, Local: true, Type: "Note", Author: s.IDs.Owner(), Visibility: d.Visibility,
		Summary: d.Warning, Content: content, Source: d.Text, Language: d.Language, Sensitive: d.Sensitive || d.Warning != "",
		Tags: tags, Published: storage.At(timing.Published(release)), CreatedAt: storage.At(now), ReleaseAt: storage.At(release),
	}}
	c.post.Conversation = c.post.URI
	for _, a := range mentions {
		c.name(*a)
	}
	if d.ReplyTo != "" {
		if err := s.answer(ctx, c, d.ReplyTo); err != nil {
			return nil, err
		}
	}
	c.post.Visibility = cmp.Or(c.post.Visibility, storage.Public)
	if d.Quote != "" {
		quoted, err := s.anyPost(ctx, d.Quote)
		if err != nil {
			return nil, err
		}
		if !open(quoted) {
			return nil, invalid("only public and unlisted posts can be quoted")
		}
		c.post.Quote = quoted.URI
	}
	if d.Poll != nil {
		c.post.Type = "Question"
		c.poll = &storage.Poll{Post: c.post.URI, Multiple: d.Poll.Multiple,
			ClosesAt: storage.At(timing.PollEnd(c.post.Published.Time, d.Poll.ClosesIn))}
		for _, o := range d.Poll.Options {
			c.poll.Options = append(c.poll.Options, storage.PollOption{Name: o})
		}
	}
	if d.ExpiresIn > 0 {
		c.post.ExpiresAt = storage.At(timing.Expiry(c.post.Published.Time, d.ExpiresIn))
	}
	if c.post.Visibility == storage.Direct && len(c.named) == 0 {
		return nil, invalid("a direct post mentions somebody: write @user@host in it")
	}
	c.post.Recipients = s.IDs.Addresses(c.post.Visibility, uris(c.named))
	return c, nil
}

// mentioned resolves the handles in a text. One that does not exist stays plain text; one whose server cannot be reached
// stops the act, so that nobody is left out unnoticed.
func (s *Service) mentioned(ctx context.Context, text string) (map[string]*storage.Actor, error) {
	found := map[string]*storage.Actor{}
	for _, handle := range s.IDs.Mentions(text) {
		a, err := s.actor(ctx, handle)
		var e *Error
		switch {
		case err == nil:
			found[handle] = a
		case errors.As(err, &e) && (e.Kind == NotFound || e.Kind == Invalid):
		default:
			return nil, err
		}
	}
	return found, nil
}

// answer makes the post an answer to another one, whose author is told.
func (s *Service) answer(ctx context.Context, c *composed, to string) error {
	parent, err := s.anyPost(ctx, to)
	if err != nil {
		return err
	}
	c.post.InReplyTo = parent.URI
	// What was said in confidence is not answered in public because nobody thought of saying so.
	c.post.Visibility = cmp.Or(c.post.Visibility, parent.Visibility)
	if c.post.Conversation = parent.Conversation; parent.Conversation == "" {
		c.post.Conversation = parent.URI
	}
	if parent.Author == s.IDs.Owner() {
		return nil
	}
	author, err := s.Resolver.Actor(ctx, parent.Author)
	if err != nil {
		return Explain(err, "the author of that post")
	}
	// Threads and Mastodon notify of an answer only who is mentioned in it.
	if c.name(*author) {
		c.post.Tags = append(c.post.Tags, storage.Tag{Type: "Mention", Name: "@" + handle(author), Href: author.URI})
	}
	return nil
}

// name addresses an actor; false says that it was already.
func (c *composed) name(a storage.Actor) bool {
	for _, there := range c.named {
		if there.URI == a.URI {
			return false
		}
	}
	c.named = append(c.named, a)
	return true
}

func (s *Service) publish(ctx context.Context, tx storage.Tx, c *composed, files []storage.Blob) error {
	if _, err := tx.InsertPost(ctx, c.post); err != nil {
		return err
	}
	if c.poll != nil {
		if err := tx.PutPoll(ctx, c.poll); err != nil {
			return err
		}
	}
	for i := range files {
		if err := tx.InsertBlob(ctx, &files[i]); err != nil {
			return err
		}
	}
	if err := tx.AddToTimeline(ctx, &storage.TimelineEntry{Post: c.post.URI, CreatedAt: c.post.CreatedAt}); err != nil {
		return err
	}
	to, err := inboxes(ctx, tx.Queries, s.IDs.Owner(), c.post.Visibility, c.named)
	if err != nil {
		return err
	}
	_, err = s.tell(ctx, tx, c.now, c.release, act{about: c.post.URI, inboxes: to,
		Activity: s.telling("", "Create", c.post, c.poll, c.release)})
	return err
}

// open says whether a post is for everybody.
func open(p *storage.Post) bool {
	return p.Visibility == storage.Public || p.Visibility == storage.Unlisted
}

func attachment(b storage.Blob) storage.Attachment {
	return storage.Attachment{Type: "Image", MIME: b.MIME, Blob: b.Name, Alt: b.Alt, Blurhash: b.Blurhash, Width: b.Width, Height: b.Height}
}

func uris(actors []storage.Actor) []string {
	list := make([]string, len(actors))
	for i, a := range actors {
		list[i] = a.URI
	}
	return list
}

// handle is what an actor is called: confirmed, or else as its own server's host and its name suggest.
func handle(a *storage.Actor) string {
	if a.Handle != "" {
		return a.Handle
	}
	return a.Username + "@" + a.Host
}
