package federation

import (
	"context"
	"slices"
	"time"

	"github.com/dunnock-server/dunnock/federation/wire"
	"github.com/dunnock-server/dunnock/hardening/timing"
	"github.com/dunnock-server/dunnock/storage"
)

// Edit is a change of an own post. What is nil stays as it is.
type Edit struct {
	Text      *string
	Warning   *string
	Sensitive *bool
	Language  *string
}

// Edit changes an own post, and tells it to those who were told of the post or are about to be. Its audience, pictures
// and poll stay. Mentions that are new are resolved as by [Service.Publish].
func (s *Service) Edit(ctx context.Context, id string, e Edit) (*Post, error) {
	p, err := s.ownPost(ctx, id)
	if err != nil {
		return nil, err
	}
	d := Draft{Text: p.Source, Visibility: p.Visibility, Warning: p.Summary, Sensitive: p.Sensitive, Language: p.Language}
	set(&d.Text, e.Text)
	set(&d.Warning, e.Warning)
	set(&d.Sensitive, e.Sensitive)
	set(&d.Language, e.Language)
	d.Media = make([]Upload, len(p.Attachments)) // so that a picture alone is still a post
	if p.Type == "Question" {
		d.Poll = &PollDraft{Options: []string{"yes", "no"}} // likewise
	}
	if err := d.check(); err != nil {
		return nil, err
	}
	mentions, err := s.mentioned(ctx, d.Text)
	if err != nil {
		return nil, err
	}
	err = s.write(ctx, func(ctx context.Context, tx storage.Tx) error { return s.edit(ctx, tx, p.URI, d, mentions) })
	if err != nil {
		return nil, err
	}
	return s.viewOf(ctx, p.URI)
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

func (s *Service) edit(ctx context.Context, tx storage.Tx, uri string, d Draft, mentions map[string]*storage.Actor) error {
	p, err := tx.Post(ctx, uri) // as it is now: the mentions took time
	if err != nil {
		return err
	}
	if !p.DeletedAt.IsZero() {
		return notFound("the post has been deleted")
	}
	now := time.Now()
	release, _ := s.Timing.Release(now)
	content, tags := s.IDs.Text(d.Text, mentions)
	named := make([]storage.Actor, 0, len(mentions))
	for _, a := range mentions {
		named = append(named, *a)
	}
	for _, t := range p.Tags { // whoever was named stays addressed
		if t.Type != "Mention" {
			continue
		}
		if a, err := tx.Actor(ctx, t.Href); err == nil && !contains(named, a.URI) {
			named = append(named, *a)
			tags = append(tags, t)
		}
	}
	p.Source, p.Content, p.Tags, p.Summary, p.Language = d.Text, content, tags, d.Warning, d.Language
	p.Sensitive = d.Sensitive || d.Warning != ""
	p.Recipients = s.IDs.Addresses(p.Visibility, uris(named))
	p.Updated = storage.At(timing.Updated(release, p.Published.Time, p.Updated.Time))
	if err := tx.UpdatePost(ctx, p); err != nil {
		return err
	}
	return s.retell(ctx, tx, p, now, release, inboxesOf(p.Visibility, named))
}

// retell tells a post as it is now: to those who know of it that it changed, and to others that it is there. What has yet to
// leave tells it no other way: an observer who was told late must not learn what the owner has changed since. So a Create
// that waits says what the post is now, and an Update that waits is replaced by this one.
func (s *Service) retell(ctx context.Context, tx storage.Tx, p *storage.Post, now, release time.Time, others []string) error {
	to, err := s.knowing(ctx, tx, p.URI)
	if err != nil {
		return err
	}
	poll, err := pollOf(ctx, tx.Queries, p)
	if err != nil {
		return err
	}
	before, err := tx.ActsAbout(ctx, p.URI)
	if err != nil {
		return err
	}
	for i, a := range before {
		switch a.Type {
		case "Create":
			document, err := s.telling(a.URI, a.Type, p, poll, a.ReleaseAt.Time).Document().Marshal()
			if err != nil {
				return err
			}
			if err := tx.SetActDocument(ctx, a.ID, string(document)); err != nil {
				return err
			}
		case "Update":
			if _, err := s.Queue.Withdraw(ctx, tx, &before[i]); err != nil {
				return err
			}
		}
	}
	to = unique(to)
	others = slices.DeleteFunc(others, func(inbox string) bool { return slices.Contains(to, inbox) })
	for kind, inboxes := range map[string][]string{"Update": to, "Create": unique(others)} {
		if len(inboxes) == 0 {
			continue
		}
		_, err := s.tell(ctx, tx, now, release, act{about: p.URI, inboxes: inboxes, Activity: s.telling("", kind, p, poll, release)})
		if err != nil {
			return err
		}
	}
	return nil
}

// telling is the Create or Update of a post as it is now.
func (s *Service) telling(id, kind string, p *storage.Post, poll *storage.Poll, release time.Time) wire.Activity {
	return wire.Activity{ID: id, Type: kind, Actor: s.IDs.Owner(), Object: s.IDs.Object(p, poll), Published: release,
		To: p.Recipients.To, CC: p.Recipients.CC}
}

// knowing are the inboxes that know of an own object, or soon will.
func (s *Service) knowing(ctx context.Context, tx storage.Tx, uri string) ([]string, error) {
	told, err := tx.ToldInboxes(ctx, uri)
	if err != nil {
		return nil, err
	}
	pending, err := tx.PendingInboxes(ctx, uri)
	return append(told, pending...), err
}

func contains(actors []storage.Actor, uri string) bool {
	for _, a := range actors {
		if a.URI == uri {
			return true
		}
	}
	return false
}

// Delete removes an own post. Who was told of it is told; who was not never hears of it. It returns the URI of what is
// gone.
func (s *Service) Delete(ctx context.Context, id string) (string, error) {
	p, err := s.ownPost(ctx, id)
	if err != nil {
		return "", err
	}
	files, err := s.DB.BlobsOf(ctx, p.URI)
	if err != nil {
		return "", err
	}
	err = s.write(ctx, func(ctx context.Context, tx storage.Tx) error { return s.remove(ctx, tx, p, files) })
	if err != nil {
		return "", err
	}
	s.discard(files)
	return p.URI, nil
}

func (s *Service) remove(ctx context.Context, tx storage.Tx, p *storage.Post, files []storage.Blob) error {
	now := time.Now()
	if err := tx.BuryPost(ctx, p.URI, storage.At(now)); err != nil {
		return err
	}
	for _, f := range files {
		if err := tx.DeleteBlob(ctx, f.Name); err != nil {
			return err
		}
	}
	acts, err := tx.ActsAbout(ctx, p.URI)
	if err != nil {
		return err
	}
	for i := range acts { // Create, Update, and what hangs on the post: pins, boosts
		if _, err := s.Queue.Withdraw(ctx, tx, &acts[i]); err != nil {
			return err
		}
	}
	// They hold the words that are to be gone.
	if err := tx.ForgetActsAbout(ctx, p.URI); err != nil {
		return err
	}
	told, err := tx.ToldInboxes(ctx, p.URI)
	if err != nil || len(told) == 0 {
		return err
	}
	_, err = s.tell(ctx, tx, now, time.Time{}, act{about: p.URI, inboxes: told, Activity: wire.Activity{
		Type: "Delete", Object: s.IDs.Tombstone(p.URI), To: p.Recipients.To, CC: p.Recipients.CC,
	}})
	return err
}

// Expire deletes own posts whose time is over, and returns how many.
func (s *Service) Expire(ctx context.Context) (int, error) {
	posts, err := s.DB.ExpiredPosts(ctx, storage.Now(), 100)
	if err != nil {
		return 0, err
	}
	for _, p := range posts {
		if _, err := s.Delete(ctx, p.URI); err != nil {
			return 0, err
		}
	}
	return len(posts), nil
}
