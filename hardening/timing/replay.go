package timing

import (
	"math/rand/v2"
	"slices"
	"time"
)

// Act is one act of a trace.
type Act struct {
	At    time.Time
	Other bool // it has no hurry: no post
}

// Released is what becomes of the acts of a trace.
type Released struct {
	At    []time.Time // of each act, in the order of the trace; zero: never
	Ticks []time.Time // all that passed, also those that released nothing
	State State       // at the end
}

// Replay sends acts, in the order of their times, through a mode as a node would that always runs, from the first act to end.
func Replay(m Mode, acts []Act, end time.Time, r *rand.Rand) Released {
	p := replay{mode: m, Released: Released{At: make([]time.Time, len(acts))}, r: r}
	for i, a := range acts {
		p.until(a.At)
		var verdict Verdict
		p.State, p.At[i], verdict = m.Arrive(p.State, a.At, r)
		if verdict != Waiting {
			continue
		}
		if a.Other {
			p.others = append(p.others, i)
		} else {
			p.posts = append(p.posts, i)
		}
		p.tick(a.At)
	}
	p.until(end)
	return p.Released
}

type replay struct {
	Released
	mode          Mode
	r             *rand.Rand
	posts, others []int // that wait
	next          time.Time
}

// until lets the ticks before a time pass.
func (p *replay) until(end time.Time) {
	for !p.next.IsZero() && p.next.Before(end) {
		p.tick(p.next)
	}
}

func (p *replay) tick(now time.Time) {
	due := p.State.Ticks.Next
	after, pick, next := p.mode.Tick(p.State, now, Queue{Posts: len(p.posts), Others: len(p.others)}, p.r)
	if !due.IsZero() && after.Ticks.Next != due {
		p.Ticks = append(p.Ticks, due)
	}
	p.State, p.next = after, next
	switch {
	case pick.Post:
		last := len(p.posts) - 1
		p.At[p.posts[last]] = now
		p.posts = p.posts[:last]
	case pick.Other:
		p.At[p.others[pick.Index]] = now
		p.others = slices.Delete(p.others, pick.Index, pick.Index+1)
	}
}
