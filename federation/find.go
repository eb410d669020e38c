package federation

import (
	"context"
	"errors"
	"strings"

	"github.com/dunnock-server/dunnock/storage"
)

// post finds a post by URL or token among those that are known.
func (s *Service) post(ctx context.Context, id string) (*storage.Post, error) {
	finders := []func(context.Context, string) (*storage.Post, error){s.DB.PostByToken}
	if strings.Contains(id, "://") {
		finders = []func(context.Context, string) (*storage.Post, error){s.DB.Post, s.DB.PostByURL}
	}
	for _, find := range finders {
		p, err := find(ctx, id)
		switch {
		case err == nil && p.DeletedAt.IsZero():
			return p, nil
		case err != nil && !errors.Is(err, storage.ErrNotFound):
			return nil, err
		}
	}
	return nil, notFound("the post is not known here")
}

// ownPost finds a post of the owner's.
func (s *Service) ownPost(ctx context.Context, id string) (*storage.Post, error) {
	p, err := s.post(ctx, id)
	if err == nil && !p.Local {
		return nil, invalid("the post is not your own")
	}
	return p, err
}

// anyPost finds a post, and asks its server for one that is not known.
func (s *Service) anyPost(ctx context.Context, id string) (*storage.Post, error) {
	p, err := s.post(ctx, id)
	if err == nil || !strings.Contains(id, "://") {
		return p, err
	}
	_, p, err = s.Resolver.Any(ctx, id)
	if err != nil {
		return nil, Explain(err, "the post")
	}
	if p == nil {
		return nil, invalid("that is a person, not a post")
	}
	return p, nil
}

// actor finds somebody by URL or handle, and asks their server if they are not known.
func (s *Service) actor(ctx context.Context, who string) (*storage.Actor, error) {
	if strings.TrimPrefix(who, "@") == s.IDs.Handle() || who == s.IDs.Owner() {
		return nil, invalid("that is yourself")
	}
	a, _, err := s.Resolver.Any(ctx, who)
	if err != nil {
		return nil, Explain(err, who)
	}
	if a == nil {
		return nil, invalid("that is a post, not a person")
	}
	return a, nil
}

// knownActor finds somebody among those who are known; nobody is asked.
func (s *Service) knownActor(ctx context.Context, who string) (*storage.Actor, error) {
	find := s.DB.Actor
	if !strings.Contains(who, "://") {
		who, find = strings.TrimPrefix(strings.ToLower(who), "@"), s.DB.ActorByHandle
	}
	a, err := find(ctx, who)
	return a, Explain(err, "the account")
}
