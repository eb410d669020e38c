package timing

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// owner acts in sessions between 7 and 23 o'clock, most in the evening, for so many days: hour is a draw of the hour of the day.
func owner(days int, r *rand.Rand) (acts []time.Time) {
	begin := at("2026-01-01T00:00:00Z")
	for d := range days {
		for range 1 + r.IntN(3) {
			h := 7 + 16*math.Sqrt(r.Float64())
			session := begin.Add(time.Duration(d)*day + time.Duration(h*float64(time.Hour)))
			for range 1 + r.IntN(4) {
				acts = append(acts, session)
				session = session.Add(time.Duration(r.Int64N(int64(20 * time.Minute))))
			}
		}
	}
	slices.SortFunc(acts, time.Time.Compare)
	return acts
}

// unevenness is how far times of the day are from flat, in eighths of a day: half the sum of the distances from an eighth, which
// is 0 for flat and 7/8 for all in one.
func unevenness(times []time.Time) float64 {
	var eighths [8]float64
	for _, at := range times {
		eighths[int(sinceMidnight(at.UTC())/(3*time.Hour))] += 1 / float64(len(times))
	}
	sum := 0.0
	for _, share := range eighths {
		sum += math.Abs(share-1.0/8) / 2
	}
	return sum
}

// Under Level the day looks flat, although most acts leave at once: this is all that it does.
func TestLevelIsFlat(t *testing.T) {
	acts := owner(400, dice(1))
	s, r := State{}, dice(2)
	var releases []time.Time
	var delays []time.Duration
	for i, actAt := range acts {
		var release time.Time
		s, release, _ = Mode{Kind: Level}.Arrive(s, actAt, r)
		if i > len(acts)/4 {
			releases, delays = append(releases, release), append(delays, release.Sub(actAt))
		}
	}
	slices.Sort(delays)
	sum := time.Duration(0)
	for _, d := range delays {
		sum += d
	}
	before, after := unevenness(acts), unevenness(releases)
	t.Logf("unevenness %.2f, %.2f after; delay: median %v, mean %v", before, after, delays[len(delays)/2], sum/time.Duration(len(delays)))
	if before < 0.3 || after > before/3 {
		t.Errorf("unevenness %.2f of the acts, %.2f of the releases", before, after)
	}
	if delays[len(delays)/2] > 30*time.Minute {
		t.Errorf("the median delay is %v", delays[len(delays)/2])
	}
}

// Without a past the delay is any part of a day: the first release tells nothing of the hour of the act.
func TestLevelWithoutAPast(t *testing.T) {
	r, counts := dice(4), [24]int{}
	for range 24_000 {
		_, release, _ := Mode{Kind: Level}.Arrive(State{}, at("2026-03-01T21:05:00Z"), r)
		counts[release.Hour()]++
	}
	for hour, n := range counts {
		if n < 850 || n > 1150 {
			t.Errorf("%d of 24,000 at %d o'clock", n, hour)
		}
	}
}

// A session leaves as it was done, however long it is held.
func TestSessionsStayTogether(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, r, begun := State{}, dice(rapid.Uint64().Draw(t, "seed")), drawTime(t, "act")
		var first time.Duration
		for i, actAt := 0, begun; actAt.Sub(begun) <= sessionSpan; i++ {
			var release time.Time
			s, release, _ = Mode{Kind: Level}.Arrive(s, actAt, r)
			if i == 0 {
				first = release.Sub(actAt)
			}
			if d := release.Sub(actAt); d != first {
				t.Fatalf("act %d is held for %v, the first for %v", i, d, first)
			}
			actAt = actAt.Add(time.Duration(rapid.Int64Range(1, int64(sessionGap)).Draw(t, "pause")))
		}
		before := s.Session
		s, _, _ = Mode{Kind: Level}.Arrive(s, s.Session.Last.Add(sessionGap+1), r)
		if s.Session.First == before.First {
			t.Fatal("one session, with a pause longer than there is in one")
		}
	})
}

// A rhythm that was damaged is none: the delay is any part of a day.
func TestDamagedRhythm(t *testing.T) {
	for _, n := range []float64{-1, math.NaN(), math.Inf(1)} {
		s := State{}
		for i := range s.Rhythm.Acts {
			s.Rhythm.Acts[i] = 1000
		}
		s.Rhythm.Acts[5] = n
		held := 0
		for seed := range uint64(100) {
			if _, release, verdict := (Mode{Kind: Level}).Arrive(s, at("2026-03-01T21:05:00Z"), dice(seed)); verdict == Drawn && release.After(at("2026-03-01T21:05:00Z")) {
				held++
			}
		}
		if held < 99 {
			t.Errorf("with %v in it %d of 100 are held", n, held)
		}
	}
}

// A state that was written and read is the same one: a restart changes nothing.
func TestStateSurvives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, a, b, r, q := drawMode(t, true), State{}, State{}, dice(1), dice(1)
		now := drawTime(t, "begin").UTC()
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			var atA, atB time.Time
			if rapid.Bool().Draw(t, "act") {
				a, atA, _ = m.Arrive(a, now, r)
				b, atB, _ = m.Arrive(b, now, q)
			} else {
				waiting := Queue{rapid.IntRange(0, 2).Draw(t, "posts"), rapid.IntRange(0, 30).Draw(t, "others")}
				a, _, atA = m.Tick(a, now, waiting, r)
				b, _, atB = m.Tick(b, now, waiting, q)
			}
			text, err := json.Marshal(b)
			if err != nil {
				t.Fatal(err)
			}
			b = State{}
			if err := json.Unmarshal(text, &b); err != nil {
				t.Fatal(err)
			}
			if !atA.Equal(atB) || a != b {
				t.Fatalf("%v: %v and %v\n%+v\n%+v", m, atA, atB, a, b)
			}
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(40*time.Hour)).Draw(t, "pause")))
		}
	})
}
