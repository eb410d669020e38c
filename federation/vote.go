package federation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/dunnock-server/dunnock/federation/wire"
	"github.com/dunnock-server/dunnock/storage"
)

// Vote answers a poll. Choices are options by their text, or by number from 1. A vote cannot be changed.
func (s *Service) Vote(ctx context.Context, id string, choices []string) (*Post, error) {
	p, err := s.anyPost(ctx, id)
	if err != nil {
		return nil, err
	}
	if p.Local {
		return nil, invalid("the poll is your own")
	}
	poll, err := s.DB.Poll(ctx, p.URI)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, invalid("the post has no poll")
	}
	if err != nil {
		return nil, err
	}
	picked, err := pick(poll, choices)
	if err != nil {
		return nil, err
	}
	author, err := s.Resolver.Actor(ctx, p.Author)
	if err != nil {
		return nil, Explain(err, "the author of the poll")
	}
	err = s.write(ctx, func(ctx context.Context, tx storage.Tx) error { return s.vote(ctx, tx, p, poll, author, picked) })
	if err != nil {
		return nil, err
	}
	return s.viewOf(ctx, p.URI)
}

// pick finds the options that are meant.
func pick(poll *storage.Poll, choices []string) ([]int, error) {
	var picked []int
	for _, choice := range choices {
		at := slices.IndexFunc(poll.Options, func(o storage.PollOption) bool { return o.Name == choice })
		if n, err := strconv.Atoi(choice); at < 0 && err == nil && n >= 1 && n <= len(poll.Options) {
			at = n - 1
		}
		if at < 0 {
			return nil, invalid(fmt.Sprintf("the poll has no option %q", choice))
		}
		if !slices.Contains(picked, at) {
			picked = append(picked, at)
		}
	}
	switch {
	case len(picked) == 0:
		return nil, invalid("name the option to vote for")
	case len(picked) > 1 && !poll.Multiple:
		return nil, invalid("the poll takes one choice only")
	case !poll.ClosesAt.IsZero() && poll.ClosesAt.Before(time.Now()):
		return nil, conflict("the poll has closed")
	}
	return picked, nil
}

func (s *Service) vote(ctx context.Context, tx storage.Tx, p *storage.Post, poll *storage.Poll, author *storage.Actor, picked []int) error {
	before, err := tx.Votes(ctx, p.URI, s.IDs.Owner())
	if err != nil {
		return err
	}
	if len(before) > 0 {
		return conflict("you have voted already")
	}
	now := time.Now()
	for _, choice := range picked {
		if _, err := tx.InsertVote(ctx, &storage.Vote{Poll: p.URI, Voter: s.IDs.Owner(), Choice: choice}); err != nil {
			return err
		}
		ballot := &storage.Post{URI: s.IDs.Post(wire.NewToken()), Author: s.IDs.Owner(), Name: poll.Options[choice].Name,
			InReplyTo: p.URI, Recipients: storage.Recipients{To: []string{p.Author}}}
		_, err := s.tell(ctx, tx, now, time.Time{}, act{about: p.URI, inboxes: []string{author.Inbox}, Activity: wire.Activity{
			Type: "Create", Object: s.IDs.Object(ballot, nil), To: []string{p.Author},
		}})
		if err != nil {
			return err
		}
	}
	return nil
}
