package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/dunnock-server/dunnock/cmd/dunnock-load/internal/fleet"
	"github.com/dunnock-server/dunnock/cmd/dunnock-load/internal/volley"
	"github.com/dunnock-server/dunnock/federation"
	"github.com/dunnock-server/dunnock/federation/control"
)

// How the load is while the node is killed again and again. There is to be a bit of everything under way at any moment, and
// no more than a node that runs for fractions of a second can do.
const (
	faithful   = 10                     // the first actors of the fleet: they follow all the time
	senders    = 8                      // send at once, each for actors of its own among the others
	maxLife    = 300 * time.Millisecond // of the node; the shortest is nothing, and starting takes part of it
	sendPause  = 40 * time.Millisecond  // at most, between two acts of a sender
	postPause  = 200 * time.Millisecond // at most, between two posts
	slowAnswer = 3 * time.Millisecond   // of the fleet, so that some are cut off
)

// storm is the load that goes on while the node is killed.
type storm struct {
	*trial
	before int64 // the newest notification before it

	mu       sync.Mutex
	number   int         // of the last act
	taken    []fleet.Act // in the order they were answered, of one actor that is the order they were sent
	posts    []string    // URIs of the owner's posts that were answered
	unsure   int         // posts whose answer was cut off
	crashed  int         // ends of the node that nobody brought about
	from     int         // deliveries before
	stopping chan struct{}
}

// killOften kills the node that many times, and counts in the end.
func (t *trial) killOften(ctx context.Context, times int, seed uint64) error {
	if err := t.befriend(ctx, t.fleet.Actors[:faithful]); err != nil {
		return err
	}
	before, err := t.newest(ctx)
	if err != nil {
		return err
	}
	s := &storm{trial: t, before: before, number: t.next(), from: t.fleet.Arrived(), stopping: make(chan struct{})}
	t.fleet.SetAnswer(slowAnswer)
	defer t.fleet.SetAnswer(0)
	var load sync.WaitGroup
	for i := range senders {
		load.Go(func() { s.send(ctx, rand.New(rand.NewPCG(seed, uint64(i))), i) })
	}
	load.Go(func() { s.post(ctx, rand.New(rand.NewPCG(seed, senders))) })
	err = s.lives(ctx, times, rand.New(rand.NewPCG(seed, senders+1)))
	close(s.stopping)
	load.Wait()
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return err
	}
	t.number = s.number
	if err := t.drain(ctx); err != nil {
		return err
	}
	if err := t.meddle(); err != nil {
		return err
	}
	t.add("kills: SIGKILLs under load", float64(times), "")
	return s.count(ctx)
}

// lives kills the node again and again, and has it run in the end.
func (s *storm) lives(ctx context.Context, times int, r *rand.Rand) error {
	for i := range times {
		if i%50 == 0 {
			s.say("SIGKILL %d of %d", i+1, times)
		}
		if i > 0 { // it runs when this begins
			if err := s.node.Exec(ctx); err != nil {
				return err
			}
		}
		select {
		case <-s.node.Ended():
			s.crashed++
			s.warn("dunnock ended by itself:\n%s", s.node.Log())
		case <-time.After(time.Duration(r.Int64N(int64(maxLife)))):
		case <-ctx.Done():
			return ctx.Err()
		}
		s.node.Kill()
		if err := pauseFor(ctx, 10*time.Millisecond); err != nil { // for connections on their way to be taken as those of this life
			return err
		}
		s.fleet.NextLife()
	}
	return s.node.Start(ctx)
}

// over says whether no more is to be begun.
func (s *storm) over(ctx context.Context) bool {
	select {
	case <-s.stopping:
		return true
	case <-ctx.Done():
		return true
	default:
		return false
	}
}

// send is what some of the others do: every act is sent until it is answered 2xx, and the next one only then.
func (s *storm) send(ctx context.Context, r *rand.Rand, i int) {
	var mine []*sender
	for j := faithful + i; j < actors; j += senders {
		mine = append(mine, &sender{Actor: s.fleet.Actors[j], liked: map[string]bool{}})
	}
	link := link{target: s.target()}
	defer link.close()
	for !s.over(ctx) {
		act := mine[r.IntN(len(mine))].choose(s, r)
		request, err := volley.Post(s.node.Inbox(), act.Body, act.Actor.Key)
		if err != nil {
			panic(err) // the first ones could be signed
		}
		for !link.exchange(ctx, request).OK() {
			if pauseFor(ctx, 5*time.Millisecond) != nil {
				return
			}
		}
		s.mu.Lock()
		s.taken = append(s.taken, act)
		s.mu.Unlock()
		if pauseFor(ctx, time.Duration(r.Int64N(int64(sendPause)))) != nil {
			return
		}
	}
}

// post is what the owner does. A call that is cut off is not made again: whether it did what it was for is not known.
func (s *storm) post(ctx context.Context, r *rand.Rand) {
	for i := 0; !s.over(ctx); i++ {
		var post federation.Post
		err := s.node.Call(ctx, "post", control.NewPost{Text: fmt.Sprint("Under fire, number ", i)}, &post)
		var refused *federation.Error
		if errors.As(err, &refused) {
			s.warn("the node refuses a post: %v", err)
		}
		s.mu.Lock()
		if err == nil {
			s.posts = append(s.posts, post.URI)
		} else {
			s.unsure++
		}
		s.mu.Unlock()
		if pauseFor(ctx, time.Duration(r.Int64N(int64(postPause)))) != nil {
			return
		}
	}
}
