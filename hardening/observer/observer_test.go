package observer

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

const weeks = 8

var monday = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)

func hours(h float64) time.Duration { return time.Duration(h * float64(time.Hour)) }

// crowd are people of whom each acts in sessions on some days, in the waking hours of their zone; every second act is elsewhere.
// They differ in zone and hours, and in how much they do.
func crowd(n int, r *rand.Rand) (own, logs [][]time.Time, offsets []int) {
	for range n {
		offset := []int{-300, 60, 120, 540}[r.IntN(4)]
		wakes, busy := 7+2*r.Float64(), 0.5+0.4*r.Float64()
		var at [2][]time.Time
		for day := range weeks * 7 {
			if r.Float64() > busy {
				continue
			}
			session := monday.Add(hours(24*float64(day) + wakes + 14*r.Float64()*r.Float64() - float64(offset)/60))
			for k := range 2 + r.IntN(4) {
				at[k%2] = append(at[k%2], session)
				session = session.Add(hours(0.2 * r.Float64()))
			}
		}
		own, logs, offsets = append(own, at[0]), append(logs, at[1]), append(offsets, offset)
	}
	return own, logs, offsets
}

// anyTime is a time of the weeks.
func anyTime(r *rand.Rand) time.Time { return monday.Add(hours(weeks * 7 * 24 * r.Float64())) }

// nodes are ways in which a node can release: each but the last leaks by one signal.
var nodes = map[string]struct {
	release func(own, log []time.Time, r *rand.Rand) []time.Time
	caught  bool
}{
	"at once": {func(own, _ []time.Time, _ *rand.Rand) []time.Time { return own }, true},
	"within a day": {func(own, _ []time.Time, r *rand.Rand) []time.Time {
		return each(own, func(at time.Time) time.Time { return at.Add(hours(24 * r.Float64())) })
	}, true},
	"at the end of the day": {func(own, _ []time.Time, r *rand.Rand) []time.Time {
		return each(own, func(at time.Time) time.Time { return at.Truncate(24 * time.Hour).Add(24 * time.Hour) })
	}, true},
	"any day, at the hour": {func(own, _ []time.Time, r *rand.Rand) []time.Time {
		return each(own, func(at time.Time) time.Time {
			return monday.Add(at.Sub(at.Truncate(24*time.Hour)) + hours(24*float64(r.IntN(weeks*7))))
		})
	}, true},
	"as much, at any time": {func(own, log []time.Time, r *rand.Rand) []time.Time {
		return each(log, func(time.Time) time.Time { return anyTime(r) })
	}, true},
	"without regard": {func(_, _ []time.Time, r *rand.Rand) (at []time.Time) {
		for range 60 {
			at = append(at, anyTime(r))
		}
		return at
	}, false},
}

func each(from []time.Time, f func(time.Time) time.Time) (to []time.Time) {
	for _, at := range from {
		to = append(to, f(at))
	}
	return to
}

// runsOf are several runs of people under one node, with the delays that the attacker takes it to have.
func runsOf(own, logs [][]time.Time, release func(own, log []time.Time, r *rand.Rand) []time.Time, n int) (runs []Run) {
	for k := range n {
		run := Run{Begin: monday, End: monday.Add(weeks * 7 * 24 * time.Hour), Logs: logs}
		r := rand.New(rand.NewPCG(uint64(k), 5))
		for i := range own {
			seen := release(own[i], logs[i], r)
			var delays []time.Duration
			for j, at := range seen {
				delays = append(delays, max(at.Sub(own[i][min(j, len(own[i])-1)]), 0))
			}
			run.Releases, run.Delays = append(run.Releases, seen), append(run.Delays, delays)
		}
		runs = append(runs, run)
	}
	return runs
}

// Each signal is found by itself, and where there is none nothing is found.
func TestLink(t *testing.T) {
	const people = 12
	own, logs, _ := crowd(people, rand.New(rand.NewPCG(1, 2)))
	for name, node := range nodes {
		t.Run(name, func(t *testing.T) {
			l := Link(runsOf(own, logs, node.release, 2), rand.New(rand.NewPCG(3, 4)))
			t.Logf("simple %.2f, learned %.2f (%.2f-%.2f), %.2f bits", l.Simple.Mean, l.Learned.Mean, l.Learned.Low, l.Learned.High, l.Bits)
			if l.People != people || l.Chance != 1.0/people || l.Bits > math.Log2(people) || l.Learned.Low > l.Learned.Mean || l.Learned.High < l.Learned.Mean {
				t.Errorf("%+v", l)
			}
			if node.caught && (l.Learned.Low <= 2*l.Chance || l.Bits < 0.3) {
				t.Error("it was not caught")
			}
			if !node.caught && (l.Learned.Low > l.Chance || l.Simple.Low > l.Chance || l.Bits > 0.2) {
				t.Error("there is nothing to be found")
			}
		})
	}
}

func TestZone(t *testing.T) {
	own, logs, offsets := crowd(24, rand.New(rand.NewPCG(5, 6)))
	for name, node := range nodes {
		z := Zone(runsOf(own, logs, node.release, 2), offsets, rand.New(rand.NewPCG(7, 8)))
		t.Logf("%s: prior %.2f, hours %.2f with %.2f bits, gaps %.2f with %.2f bits", name, z.Prior.Mean, z.Hours.Mean, z.HourBits, z.Gaps.Mean, z.GapBits)
		told := name == "at once" || name == "any day, at the hour"
		if told && (z.Hours.Mean < 0.9 || z.HourBits < 0.8) {
			t.Errorf("%s: it was not caught", name)
		}
		if !told && name != "at the end of the day" && (max(z.HourBits, z.GapBits) > 0.15 || z.Hours.Low > z.Prior.High) {
			t.Errorf("%s: there is nothing to be found", name)
		}
	}
}

// The pauses tell what the hours do not: here they are short in the morning, at whatever hour in UTC that is, while all hours are
// as full.
func TestZoneByGaps(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 1))
	var own [][]time.Time
	var offsets []int
	for i := range 24 {
		offset := []int{-300, 0, 330, 540}[i%4]
		var at []time.Time
		for day := range weeks * 7 {
			begin := monday.Add(hours(24*float64(day) - float64(offset)/60))
			if day%2 == 0 { // a cluster in the morning
				for k := range 12 {
					at = append(at, begin.Add(hours(6+float64(k)*0.05+r.Float64()*0.04)))
				}
				continue
			}
			for range 3 { // and what fills the other hours
				at = append(at, begin.Add(hours(7+23*r.Float64())))
			}
		}
		own, offsets = append(own, slices.DeleteFunc(at, func(x time.Time) bool { return x.Before(monday) })), append(offsets, offset)
	}
	z := Zone(runsOf(own, own, nodes["at once"].release, 1), offsets, rand.New(rand.NewPCG(1, 1)))
	if z.GapBits < z.HourBits-0.1 || z.Gaps.Mean < 0.9 {
		t.Errorf("%+v", z)
	}
}

// Nobody is needed to have done anything.
func TestNothingSeen(t *testing.T) {
	run := Run{Begin: monday, End: monday.Add(weeks * 7 * 24 * time.Hour), Releases: make([][]time.Time, 3), Logs: make([][]time.Time, 3), Delays: make([][]time.Duration, 3)}
	run.Releases[1] = []time.Time{monday.Add(time.Hour), monday.Add(-time.Hour), run.End.Add(time.Hour)}
	run.Logs[2] = []time.Time{monday.Add(2 * time.Hour)}
	l := Link([]Run{run}, rand.New(rand.NewPCG(1, 1)))
	z := Zone([]Run{run}, []int{0, 840, -720}, rand.New(rand.NewPCG(1, 1)))
	for _, x := range []float64{l.Simple.Mean, l.Learned.Mean, l.Bits, z.Prior.Mean, z.Hours.Mean, z.Gaps.Mean, z.HourBits, z.GapBits} {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			t.Errorf("%+v %+v", l, z)
		}
	}
}

// The same times and numbers give the same result.
func TestRepeatable(t *testing.T) {
	own, logs, offsets := crowd(8, rand.New(rand.NewPCG(1, 2)))
	runs := runsOf(own, logs, nodes["within a day"].release, 2)
	dice := func() *rand.Rand { return rand.New(rand.NewPCG(3, 4)) }
	if a, b := Link(runs, dice()), Link(runs, dice()); a != b {
		t.Errorf("%+v\n%+v", a, b)
	}
	if a, b := Zone(runs, offsets, dice()), Zone(runs, offsets, dice()); a != b {
		t.Errorf("%+v\n%+v", a, b)
	}
}
