package timing

import (
	"math"
	"math/rand/v2"
	"time"
)

const (
	bins     = 48 // of a day in UTC
	bin      = 24 * time.Hour / bins
	halfLife = 60 * 24 * time.Hour // after which an act counts half in a rhythm
	doubt    = 20                  // acts that a rhythm is worth before there are any: it is flat
	blur     = 3                   // bins to each side over which an act counts

	sessionGap  = time.Hour     // between two acts of one session, at most
	sessionSpan = 3 * time.Hour // from the first to the last, at most
)

// Rhythm is when in the day, in UTC, the owner acts: how many acts fell into each half hour, older ones counting less.
type Rhythm struct {
	Acts [bins]float64 `json:"acts"`
	Last time.Time     `json:"last,omitzero"`
}

// Session is the one that goes on: acts that follow each other are held together, since prompt acts cluster and held ones would
// stand alone.
type Session struct {
	First time.Time     `json:"first,omitzero"`
	Last  time.Time     `json:"last,omitzero"`
	Delay time.Duration `json:"delay"`
}

// level is how long an act is held under Level: as long as the session it belongs to. A session is let go at once with the
// probability that makes the owner's busy hours no busier than the mean, and otherwise to a time of the silent hours, in
// proportion to what they lack. As long as little is known of the owner's rhythm, a session is held for any part of a day
// instead, which is flat whatever the rhythm is: for all without a past, for half of them after 20 acts, then for ever fewer.
func (s State) level(actAt time.Time, r *rand.Rand) (State, time.Duration) {
	n := s.Session
	if n.Last.IsZero() || actAt.Sub(n.Last) > sessionGap || actAt.Sub(n.First) > sessionSpan || actAt.Before(n.First) {
		n = Session{First: actAt, Delay: s.Rhythm.delay(actAt, r)}
	}
	n.Last = actAt
	s.Session, s.Rhythm = n, s.Rhythm.add(actAt)
	return s, n.Delay
}

// delay draws three numbers, whatever becomes of the session.
func (h Rhythm) delay(at time.Time, r *rand.Rand) time.Duration {
	unknown, hold, where := r.Float64(), r.Float64(), r.Float64()
	share, known := h.share()
	if unknown*(known+doubt) >= known {
		return time.Duration(where * float64(24*time.Hour))
	}
	const mean = 1.0 / bins
	here := share[binOf(at)]
	if hold*here <= mean {
		return 0
	}
	lack := 0.0
	for _, p := range share {
		lack += max(mean-p, 0)
	}
	for i, p := range share {
		d := max(mean-p, 0)
		if d > 0 && where*lack <= d {
			target := time.Duration(i)*bin + time.Duration(where*lack/d*float64(bin))
			return (target - sinceMidnight(at) + 24*time.Hour) % (24 * time.Hour)
		}
		where -= d / lack
	}
	return 0 // the shares are all the mean, within rounding
}

// share is the part of the owner's acts in each bin, blurred, and how many acts it rests on. A rhythm with a number in it that
// cannot be a count is one that nothing is known of.
func (h Rhythm) share() (share [bins]float64, known float64) {
	for _, n := range h.Acts {
		if !(n >= 0) || math.IsInf(n, 0) {
			return share, 0
		}
		known += n
	}
	if known == 0 {
		return share, 0
	}
	for i, n := range h.Acts {
		for k := -blur; k <= blur; k++ {
			share[(i+k+bins)%bins] += n / known / (2*blur + 1)
		}
	}
	return share, known
}

// add counts an act.
func (h Rhythm) add(at time.Time) Rhythm {
	if passed := at.Sub(h.Last); !h.Last.IsZero() && passed > 0 {
		keep := math.Exp2(-float64(passed) / float64(halfLife))
		for i := range h.Acts {
			h.Acts[i] *= keep
		}
	}
	if at.After(h.Last) {
		h.Last = at
	}
	h.Acts[binOf(at)]++
	return h
}

func sinceMidnight(at time.Time) time.Duration { return at.Sub(at.Truncate(24 * time.Hour)) }

func binOf(at time.Time) int { return int(sinceMidnight(at) / bin) }
