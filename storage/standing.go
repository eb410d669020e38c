package storage

import (
	"context"
	"sync"
	"sync/atomic"
)

// Standing is how the owner and an actor stand to each other.
type Standing struct {
	Follows  bool // the owner follows the actor, who has accepted
	Follower bool // the actor follows the owner, who has accepted
	Blocked  bool // by the owner
	Muted    bool // likewise
	Gone     bool // the actor deleted itself
	// Audience is the URI of the collection of the actor's followers; empty: none, or the actor is not known.
	Audience string
}

// standing reads how the owner and an actor stand to each other, in one query.
func (q Queries) standing(ctx context.Context, owner, actor string) (s Standing, err error) {
	const query = `SELECT EXISTS (SELECT 1 FROM follows WHERE follower = $1 AND followee = $2 AND state = 'accepted'),
		EXISTS (SELECT 1 FROM follows WHERE follower = $2 AND followee = $1 AND state = 'accepted'),
		EXISTS (SELECT 1 FROM relations WHERE actor = $2 AND kind = 'block'),
		EXISTS (SELECT 1 FROM relations WHERE actor = $2 AND kind = 'mute'),
		a.gone_at IS NOT NULL, COALESCE(a.followers, '') FROM (SELECT 1) AS x LEFT JOIN actors AS a ON a.uri = $2`
	err = q.direct().QueryRowContext(ctx, query, owner, actor).
		Scan(&s.Follows, &s.Follower, &s.Blocked, &s.Muted, &s.Gone, &s.Audience)
	return s, err
}

// Standing returns how the owner and an actor stand to each other.
//
// It is remembered until something changes, so its time tells whether it was asked for lately: it is for those who have
// proven who they are, and for those whom they name, and never for whoever is only claimed.
func (d *DB) Standing(ctx context.Context, owner, actor string) (Standing, error) {
	return d.writer.standings.get(ctx, d.Queries, owner, actor)
}

// Standing is [DB.Standing] as the transaction sees it.
func (tx Tx) Standing(ctx context.Context, owner, actor string) (Standing, error) {
	if tx.made.people {
		return tx.standing(ctx, owner, actor)
	}
	return tx.writer.standings.get(ctx, tx.Queries, owner, actor)
}

// maxStandings bounds how many are remembered: together a fraction of a megabyte.
const maxStandings = 1024

// standings remembers how the owner stands to those who were asked about, until a transaction has changed an actor, a follow
// or a relation.
type standings struct {
	changes atomic.Int64 // counts those transactions

	mu    sync.Mutex // not held while storage is read
	since int64      // what changes was before those that are known were read
	known map[pair]Standing
}

type pair struct{ owner, actor string }

// get returns what is known, or reads it.
func (s *standings) get(ctx context.Context, q Queries, owner, actor string) (Standing, error) {
	now, key := s.changes.Load(), pair{owner, actor}
	s.mu.Lock()
	known, ok := s.known[key]
	ok = ok && s.since == now
	s.mu.Unlock()
	if ok {
		return known, nil
	}
	read, err := q.standing(ctx, owner, actor)
	if err != nil {
		return Standing{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.since < now || len(s.known) >= maxStandings || s.known == nil {
		s.since, s.known = max(s.since, now), map[pair]Standing{}
	}
	if s.since == now {
		s.known[key] = read
	}
	return read, nil
}
