package timing

import (
	"math/rand/v2"
	"time"
)

const (
	day         = 24 * time.Hour
	memory      = 56       // days over which the owner's rate is counted
	settled     = 28 * day // for which a rate that follows the owner stays as it is
	firstPerDay = 1.0      // acts a day that an owner without a past is taken to do
	leastPerDay = 1.0 / 7  // ticks
	patience    = 28 * day // for which a reserve is waited for: who never likes anything posts all the same
	late        = time.Minute
)

// Ticks is a process of ticks: the next one, the rate, and what the rate follows.
type Ticks struct {
	Begun   time.Time     `json:"begun,omitzero"`   // when the mode was first asked for a tick
	Next    time.Time     `json:"next,omitzero"`    // zero as long as the reserve is filled
	PerDay  float64       `json:"perDay"`           // ticks
	Settled time.Time     `json:"settled,omitzero"` // when the rate was last settled
	Days    [memory]Count `json:"days"`             // acts of the past days; a ring
	Skipped int           `json:"skipped"`          // ticks for which nothing waited: each tells that the owner was idle
	Missed  int           `json:"missed"`           // ticks at which the node did not run
}

// Count is the number of acts of a day, counted in UTC since 1970.
type Count struct {
	Day  int64 `json:"day"`
	Acts int   `json:"acts"`
}

// Queue is how many acts wait: posts, and others, which have no hurry: likes, boosts, pins, edits of the profile.
type Queue struct{ Posts, Others int }

// Pick is which of the acts that wait a tick releases. The zero value is none.
type Pick struct {
	Post  bool // the newest post
	Other bool // the act without hurry that is number Index of those that wait, in whatever order
	Index int
}

// arrive counts an act for the rate.
func (t Ticks) arrive(at time.Time) Ticks {
	today := at.Unix() / int64(day/time.Second)
	c := &t.Days[((today%memory)+memory)%memory]
	if c.Day != today {
		*c = Count{Day: today}
	}
	c.Acts++
	return t
}

// actsPerDay is the owner's rate over the past days, of which there are as many as the first act is back, and at least 28: with
// fewer it is taken to be one act a day.
func (t Ticks) actsPerDay(now time.Time) float64 {
	today := now.Unix() / int64(day/time.Second)
	first, acts := today, 0
	for _, c := range t.Days {
		if c.Acts > 0 && c.Day < today && c.Day >= today-memory {
			first, acts = min(first, c.Day), acts+c.Acts
		}
	}
	if today-first < int64(settled/day) {
		return firstPerDay
	}
	return float64(acts) / float64(today-first)
}

// Tick is to be called when the next tick is due, when an act arrives, and at the start. It says what is released now, and when the
// next tick is (zero: not before another act has arrived). Only modes with ticks release anything here.
//
// A tick takes the newest post, or, where none waits, any other act, each as likely. The time of the next one depends on nothing
// but chance and the rate, which the acts change every 28 days at the earliest. Ticks that passed while the node did not run are
// left out: nothing is released at the start, and the next tick is drawn from there, which for a Poisson process is as if the
// stop had not been.
func (m Mode) Tick(s State, now time.Time, waiting Queue, r *rand.Rand) (after State, pick Pick, next time.Time) {
	if m.Kind != Drip && m.Kind != Steady || m.Valid() != nil || now.IsZero() {
		return s, Pick{}, time.Time{}
	}
	now = now.Round(0).UTC()
	t := s.Ticks
	if t.Begun.IsZero() {
		t.Begun = now
	}
	switch {
	case t.Next.IsZero() || !(t.PerDay > 0):
		if m.Kind == Steady && waiting.Others < m.reserve() && now.Sub(t.Begun) < patience {
			s.Ticks = t
			return s, Pick{}, t.Begun.Add(patience)
		}
		t = t.draw(m.Ticks, now, r)
	case now.Before(t.Next):
	case now.Sub(t.Next) > late:
		t.Missed++
		t = t.draw(m.Ticks, now, r)
	default:
		if pick = choose(waiting, r); pick == (Pick{}) {
			t.Skipped++
		}
		t = t.draw(m.Ticks, t.Next, r)
	}
	s.Ticks = t
	return s, pick, t.Next
}

func (m Mode) reserve() int {
	if m.Reserve == 0 {
		return DefaultReserve
	}
	return m.Reserve
}

// draw draws the next tick after one, and settles the rate where it is time.
func (t Ticks) draw(rate Rate, from time.Time, r *rand.Rand) Ticks {
	if t.Settled.IsZero() || from.Sub(t.Settled) >= settled || !(t.PerDay > 0) {
		t.PerDay, t.Settled = rate.perDay(t.actsPerDay(from)), from
	}
	mean := time.Duration(float64(day) / t.PerDay)
	t.Next = from.Add(time.Duration(r.ExpFloat64() * float64(mean)))
	return t
}

// choose draws a number in any case, so that what a tick finds does not change the draws after it.
func choose(waiting Queue, r *rand.Rand) Pick {
	u := r.Float64()
	switch {
	case waiting.Posts > 0:
		return Pick{Post: true}
	case waiting.Others > 0:
		return Pick{Other: true, Index: min(int(u*float64(waiting.Others)), waiting.Others-1)}
	}
	return Pick{}
}
