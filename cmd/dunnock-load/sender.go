package main

import (
	"context"
	"math/rand/v2"

	"github.com/dunnock-server/dunnock/cmd/dunnock-load/internal/fleet"
	"github.com/dunnock-server/dunnock/cmd/dunnock-load/internal/volley"
)

// link is a connection that is made anew when it breaks.
type link struct {
	target volley.Target
	conn   *volley.Conn
}

// exchange sends a request, and gives the answer, if there was any.
func (l *link) exchange(ctx context.Context, request []byte) volley.Answer {
	if l.conn == nil {
		conn, err := l.target.Dial(ctx)
		if err != nil {
			return volley.Answer{}
		}
		l.conn = conn
	}
	answer, err := l.conn.Exchange(request)
	if err != nil {
		l.close()
	}
	return answer
}

func (l *link) close() {
	if l.conn != nil {
		l.conn.Close()
		l.conn = nil
	}
}

// sender is an actor that sends.
type sender struct {
	*fleet.Actor
	liked  map[string]bool
	follow *fleet.Act // what it follows the owner by; nil: it does not
}

// choose makes an act: most are mentions, some likes, and some begin or end a follow.
func (a *sender) choose(s *storm, r *rand.Rand) fleet.Act {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.number++
	switch r.IntN(10) {
	case 0, 1, 2:
		if len(s.posts) == 0 {
			break
		}
		if post := s.posts[r.IntN(len(s.posts))]; !a.liked[post] {
			a.liked[post] = true
			return a.Like(post, s.number)
		}
	case 3:
		if a.follow != nil {
			undo := a.Undo(*a.follow, s.number)
			a.follow = nil
			return undo
		}
		follow := a.Follow(s.owner(), s.number)
		a.follow = &follow
		return follow
	}
	return a.Mention(s.owner(), s.number)
}
