package timing

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// person is somebody's acts over 16 weeks, of which one in three is a post.
func person(r *rand.Rand) (acts []Act) {
	for _, at := range owner(16*7, r) {
		acts = append(acts, Act{At: at, Other: r.IntN(3) > 0})
	}
	return acts
}

// With the rate settled and the reserve not used up, two owners who act at other times release at the same ones: what is seen
// does not depend on when the acts were.
func TestSteadyDoesNotDependOnTheActs(t *testing.T) {
	m := mode(t, "steady 10/week reserve 20")
	warm, end := at("2026-01-29T00:00:00Z"), at("2026-04-23T00:00:00Z")
	for seed := range uint64(20) {
		past := slices.DeleteFunc(person(dice(seed)), func(a Act) bool { return a.At.After(warm) })
		var ticks [][]time.Time
		for other := range uint64(2) {
			later := slices.DeleteFunc(person(dice(1000+2*seed+other)), func(a Act) bool { return !a.At.After(warm) })
			all := Replay(m, slices.Concat(past, later), end, dice(seed))
			if all.State.Ticks.Skipped != 0 {
				t.Fatalf("%d ticks were skipped", all.State.Ticks.Skipped)
			}
			var releases []time.Time
			for _, at := range all.At {
				if !at.IsZero() {
					releases = append(releases, at)
				}
			}
			slices.SortFunc(releases, time.Time.Compare)
			if !slices.Equal(releases, all.Ticks) || len(releases) < 60 {
				t.Fatalf("%d releases at %d ticks", len(releases), len(all.Ticks))
			}
			ticks = append(ticks, all.Ticks)
		}
		if !slices.Equal(ticks[0], ticks[1]) {
			t.Fatalf("seed %d: the releases of two owners differ", seed)
		}
	}
}

// A rate that follows the owner stays as it is for four weeks, whatever is done in them.
func TestRateIsSlow(t *testing.T) {
	s, r, now := State{}, dice(1), at("2026-01-01T00:00:00Z")
	m := mode(t, "drip 1x")
	var rates []float64
	for range 16 * 7 {
		for range 3 + len(rates)*5 { // ever more
			s, _, _ = m.Arrive(s, now, r)
		}
		for end := now.Add(day); ; {
			before := s.Ticks.PerDay
			if s.Ticks.Next.After(end) {
				break
			}
			s, _, _ = m.Tick(s, cmp.Or(s.Ticks.Next, now), Queue{Posts: 1}, r)
			if s.Ticks.PerDay != before {
				rates = append(rates, s.Ticks.PerDay)
			}
		}
		now = now.Add(day)
	}
	if len(rates) != 4 || rates[0] != firstPerDay || rates[1] < 2 || rates[3] <= rates[2] {
		t.Errorf("in 16 weeks the rate was settled at %v", rates)
	}
}

// Ticks come as often as they should, and without memory: as many of the pauses are longer than the mean as in a Poisson process.
func TestTicksArePoisson(t *testing.T) {
	s, r, now := State{}, dice(2), at("2026-01-01T00:00:00Z")
	m := mode(t, "steady 70/week reserve 1")
	var n, long int
	sum := 0.0
	for last := (time.Time{}); n < 20_000; {
		s, _, now = m.Tick(s, now, Queue{Others: 5}, r)
		if !last.IsZero() {
			n++
			sum += now.Sub(last).Hours()
			if now.Sub(last).Hours() > 2.4 {
				long++
			}
		}
		last = now
	}
	if mean, share := sum/float64(n), float64(long)/float64(n); mean < 2.33 || mean > 2.47 || math.Abs(share-math.Exp(-1)) > 0.012 {
		t.Errorf("mean pause %v h, %v of them longer than 2.4", mean, share)
	}
}

// After a stop nothing is released at once, however much waits and however long it was.
func TestNothingBursts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, r := mode(t, rapid.SampledFrom([]string{"drip 50/week", "steady 50/week reserve 2"}).Draw(t, "mode")), dice(rapid.Uint64().Draw(t, "seed"))
		waiting := Queue{Posts: rapid.IntRange(0, 50).Draw(t, "posts"), Others: rapid.IntRange(2, 50).Draw(t, "others")}
		s, _, next := m.Tick(State{}, at("2026-03-01T00:00:00Z"), waiting, r)
		now := next.Add(late + time.Duration(rapid.Int64Range(1, int64(1000*day)).Draw(t, "stop")))
		s, pick, next := m.Tick(s, now, waiting, r)
		if pick != (Pick{}) || !next.After(now) || s.Ticks.Missed != 1 || s.Ticks.Skipped != 0 {
			t.Fatalf("%+v, next %v, %+v", pick, next, s.Ticks)
		}
		// One that arrives, or a start, is no tick.
		if same, pick, again := m.Tick(s, now, waiting, r); pick != (Pick{}) || again != next || same != s {
			t.Fatalf("%+v before the tick is due", pick)
		}
		if _, pick, _ := m.Tick(s, next, waiting, r); pick.Post != (waiting.Posts > 0) || pick.Other == pick.Post || pick.Index < 0 || pick.Index >= waiting.Others {
			t.Fatalf("%+v of %+v", pick, waiting)
		}
	})
}

// There is no tick before the reserve is there, unless it does not come for four weeks.
func TestReserveComesFirst(t *testing.T) {
	m, r, begin := mode(t, "steady 7/week reserve 5"), dice(1), at("2026-03-01T00:00:00Z")
	s, pick, next := m.Tick(State{}, begin, Queue{Posts: 30, Others: 4}, r)
	if pick != (Pick{}) || !s.Ticks.Next.IsZero() || next != begin.Add(patience) {
		t.Errorf("with 4 of 5: %+v, %v", pick, next)
	}
	if with, _, next := m.Tick(s, begin.Add(time.Hour), Queue{Others: 5}, r); with.Ticks.Next.IsZero() || !next.After(begin.Add(time.Hour)) {
		t.Error("with 5 of 5: no tick")
	}
	if late, pick, _ := m.Tick(s, next, Queue{Posts: 30}, r); late.Ticks.Next.IsZero() || pick != (Pick{}) {
		t.Error("after four weeks: no tick, or one at once")
	}
}

// A tick that finds nothing is counted, and changes nothing of the next ones.
func TestSkipped(t *testing.T) {
	m, a, b, r, q := mode(t, "drip 7/week"), State{}, State{}, dice(1), dice(1)
	now := at("2026-03-01T00:00:00Z")
	for range 100 {
		var nextA, nextB time.Time
		a, _, nextA = m.Tick(a, now, Queue{}, r)
		b, _, nextB = m.Tick(b, now, Queue{Posts: 3}, q)
		if nextA != nextB {
			t.Fatal("what waits changes the next tick")
		}
		now = nextA
	}
	if a.Ticks.Skipped != 99 || b.Ticks.Skipped != 0 {
		t.Errorf("%d and %d skipped", a.Ticks.Skipped, b.Ticks.Skipped)
	}
}

// Every act is released once at most, none before it was done, and those that wait at the end are the ones that are not.
func TestReplay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, r := drawMode(t, true), dice(rapid.Uint64().Draw(t, "seed"))
		acts := person(r)
		end := at("2026-04-23T00:00:00Z")
		all := Replay(m, acts, end, r)
		told := 0
		for i, at := range all.At {
			if at.IsZero() {
				continue
			}
			told++
			if at.Before(acts[i].At) {
				t.Fatalf("%v: released %v before it was done", m, acts[i].At.Sub(at))
			}
		}
		if ticks := m.Kind == Drip || m.Kind == Steady; ticks && told != len(all.Ticks)-all.State.Ticks.Skipped || !ticks && told != len(acts) {
			t.Fatalf("%v: %d of %d told, %d ticks, %d skipped", m, told, len(acts), len(all.Ticks), all.State.Ticks.Skipped)
		}
	})
}

// weeks are the acts of people: those of weeks.csv in the folder that DUNNOCK_TRACES names, or of people who were made up.
func weeks(t *testing.T) (people [][]Act) {
	t.Helper()
	dir := os.Getenv("DUNNOCK_TRACES")
	if dir == "" {
		for seed := range uint64(22) {
			people = append(people, person(dice(seed)))
		}
		return people
	}
	f, err := os.Open(filepath.Join(dir, "weeks.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	of := map[string][]Act{}
	for _, row := range rows[1:] {
		unix, err := strconv.ParseInt(row[1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if row[3] != "elsewhere" {
			of[row[0]] = append(of[row[0]], Act{At: time.Unix(unix, 0).UTC(), Other: row[3] != "post"})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(of)) {
		slices.SortFunc(of[name], func(a, b Act) int { return a.At.Compare(b.At) })
		people = append(people, of[name])
	}
	return people
}

// In windows of 6, 24 and 72 hours of the last eight weeks, the number of releases tells nothing of the number of acts: their
// correlation is no further from none than when whole weeks change places. Of releases at once it is.
func TestReleasesTellNothingOfActs(t *testing.T) {
	people := weeks(t)
	reach := func(text string) (p [3]float64, skipped int) {
		m := mode(t, text)
		for w, window := range []time.Duration{6 * time.Hour, day, 3 * day} {
			r := dice(uint64(w))
			var observed float64
			var permuted [400]float64
			for i, acts := range people {
				begin := acts[0].At.Truncate(day).Add(56 * day)
				end := begin.Add(56 * day)
				all := Replay(m, acts, end, dice(uint64(i)))
				skipped += all.State.Ticks.Skipped
				var did []time.Time
				for _, a := range acts {
					did = append(did, a.At)
				}
				a, b := count(did, begin, end, window), count(all.At, begin, end, window)
				observed += product(a, b)
				for k := range permuted {
					permuted[k] += product(shift(a, r, int(7*day/window)), b)
				}
			}
			above := 1
			for _, x := range permuted {
				if x >= observed {
					above++
				}
			}
			p[w] = float64(above) / float64(len(permuted)+1)
		}
		return p, skipped
	}
	p, skipped := reach("steady 0.8x reserve 40")
	if t.Logf("steady: p %.3f, %d ticks skipped", p, skipped); slices.Min(p[:]) < 0.01 {
		t.Errorf("steady: p %v", p)
	}
	p, _ = reach("now")
	if t.Logf("now: p %.3f", p); p[1] > 0.01 {
		t.Errorf("at once: p %v: the test sees nothing", p)
	}
}

// count is how many times fall into each window.
func count(times []time.Time, begin, end time.Time, window time.Duration) []float64 {
	n := make([]float64, end.Sub(begin)/window)
	for _, at := range times {
		if i := int(at.Sub(begin) / window); !at.Before(begin) && i < len(n) {
			n[i]++
		}
	}
	return n
}

// product is that of the two lists with their means taken off.
func product(a, b []float64) (sum float64) {
	ma, mb := 0.0, 0.0
	for i := range a {
		ma, mb = ma+a[i]/float64(len(a)), mb+b[i]/float64(len(b))
	}
	for i := range a {
		sum += (a[i] - ma) * (b[i] - mb)
	}
	return sum
}

// shift has weeks change places: what is the same in all weeks stays.
func shift(a []float64, r *rand.Rand, week int) (b []float64) {
	week = max(week, 1)
	for _, w := range r.Perm(len(a) / week) {
		b = append(b, a[w*week:(w+1)*week]...)
	}
	return append(b, a[len(b):]...)
}

func ExampleMode_Tick() {
	m, _ := ParseMode("steady 14/week reserve 2")
	r := rand.New(rand.NewPCG(1, 2))
	s, _, next := m.Tick(State{}, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Queue{Posts: 1, Others: 2}, r)
	_, pick, _ := m.Tick(s, next, Queue{Posts: 1, Others: 2}, r)
	fmt.Println(pick.Post, pick.Other)
	// Output: true false
}
