// Package timing says when an act may leave the node, and which times its documents may carry.
//
// An observer who can see the second at which an act arrives, hour by hour and for weeks, learns the owner's time zone,
// habits and, by comparison with what the owner does elsewhere, who the owner is. So an act has one release for all the
// world, and every time told to others counts from that release: what is derived here never depends on the act itself.
//
// What each mode stops, and what it does not, is said at its Kind. None but Steady stops who compares releases with what one of
// the suspects did elsewhere: delays of minutes, hours or a day do not, since many acts average them out.
//
// The functions are pure: all state comes in as arguments and goes out as results, randomness is handed in, so that the worker
// and a simulation run the same code. Nothing here reads a clock, sleeps, logs or stores. The package does not decide which
// mode an act falls under (policy does) and keeps no order between acts (the queue does).
package timing

import (
	"math/rand/v2"
	"time"
)

// Grain is the step to which every time told to others is cut: an observer who reads a document learns the release to
// ten minutes. It stays well below the six hours after which Mastodon no longer shows a post in home timelines.
const Grain = 10 * time.Minute

// State is what a mode remembers of the acts before. It survives a restart as JSON; the zero value is that of a node without a
// past. A mode leaves alone what belongs to other modes, so that a change of mode forgets nothing.
type State struct {
	Rhythm  Rhythm  `json:"rhythm"`
	Session Session `json:"session"`
	Ticks   Ticks   `json:"ticks"`
}

// Verdict is what becomes of an act. The zero value is Held.
type Verdict uint8

const (
	// Held is an act that is not released.
	Held Verdict = iota
	// Drawn is an act whose release is known.
	Drawn
	// Waiting is an act that a tick will release.
	Waiting
)

// Arrive is told of an act done at actAt, once, and draws its release, in UTC, which all its destinations share: the moment from
// which it exists for the world. Acts are told in the order of their times. Modes with ticks draw none: they have the act wait
// for one. An act without a time is held, and so is every act under a mode that is not Valid.
func (m Mode) Arrive(s State, actAt time.Time, r *rand.Rand) (after State, release time.Time, verdict Verdict) {
	if actAt.IsZero() || m.Valid() != nil {
		return s, time.Time{}, Held
	}
	actAt = actAt.Round(0).UTC() // Round(0) drops the monotonic reading: a release is stored and compared
	var delay time.Duration
	switch m.Kind {
	case Now:
	case Uniform:
		delay = m.From + part(m.To-m.From, r)
	case Exponential:
		delay = exponential(m.Mean, m.Cap, r)
	case Batch:
		return s, actAt.Truncate(m.Period).Add(m.Period), Drawn
	case Level:
		s, delay = s.level(actAt, r)
	case Drip, Steady:
		s.Ticks = s.Ticks.arrive(actAt)
		return s, time.Time{}, Waiting
	default:
		return s, time.Time{}, Held
	}
	return s, actAt.Add(delay), Drawn
}

// Release is the release of an act under a mode that needs neither a past nor chance, which Now and Hold are: under any other
// the act is held.
func (m Mode) Release(actAt time.Time) (at time.Time, ok bool) {
	if m.Kind != Now {
		return time.Time{}, false
	}
	_, at, verdict := m.Arrive(State{}, actAt, nil)
	return at, verdict == Drawn
}

// part is a random part of d, which may be 0.
func part(d time.Duration, r *rand.Rand) time.Duration {
	if d <= 0 {
		return 0
	}
	return time.Duration(r.Int64N(int64(d) + 1))
}
