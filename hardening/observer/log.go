package observer

import (
	"math"
	"slices"
	"time"
)

// log is a list of times in the order of time, in hours since the begin of the weeks, cut to them.
type log struct {
	at    []float64
	hours float64 // of the weeks
	// parts of the acts, blurred, by hour of the day and of the week, in UTC
	day  [24]float64
	week [168]float64
}

func newLog(times []time.Time, begin, end time.Time) log {
	l := log{hours: end.Sub(begin).Hours()}
	origin := begin.UTC().Truncate(24 * time.Hour)
	shift := begin.Sub(origin).Hours() + 24*float64((origin.Weekday()+6)%7)
	var day [24]float64
	var week [168]float64
	for _, t := range times {
		if t.Before(begin) || !t.Before(end) {
			continue
		}
		h := t.Sub(begin).Hours()
		l.at = append(l.at, h)
		w := int(h+shift) % 168
		day[w%24]++
		week[w]++
	}
	slices.Sort(l.at)
	blurInto(l.day[:], day[:], len(l.at))
	blurInto(l.week[:], week[:], len(l.at))
	return l
}

// blurInto makes parts of counts on a circle, spread over the neighbours, with one act more that is anywhere.
func blurInto(parts, counts []float64, n int) {
	kernel := []float64{0.1, 0.2, 0.4, 0.2, 0.1}
	for i := range parts {
		parts[i] = 1 / float64(len(parts)) / float64(n+1)
		for k, share := range kernel {
			parts[i] += share * counts[(i+k-2+len(counts))%len(counts)] / float64(n+1)
		}
	}
}

// within is how many of the log's acts lie in [from, to).
func (l log) within(from, to float64) float64 {
	a, _ := slices.BinarySearch(l.at, from)
	b, _ := slices.BinarySearch(l.at, to)
	return float64(b - a)
}

const floor = 0.0003

// lags are the borders of the windows in which the log's acts before a release are counted, in hours; negative ones are after it.
var lags = [...]float64{-96, -24, -3, 0, 3, 12, 24, 48, 96, 192, 480}

// spans are what the intensity is smoothed over, in hours to each side.
var spans = [...]float64{0.5, 1.5, 4, 12, 42}

// scores say in many ways how well a log goes with what was released. The first is that of the simple attack.
func (l log) scores(seen log, delays []time.Duration) []float64 {
	var s []float64
	acts, releases := max(float64(len(l.at)), 1), max(float64(len(seen.at)), 1)
	for _, span := range spans {
		sum := 0.0
		for _, release := range seen.at {
			near := 0.0
			for _, d := range delays {
				near += l.within(release-d.Hours()-span, release-d.Hours()+span)
			}
			sum += math.Log(near/acts/max(float64(len(delays)), 1) + floor*span/spans[0])
		}
		s = append(s, sum/releases)
	}
	for i := range len(lags) - 1 {
		sum := 0.0
		for _, release := range seen.at {
			width := lags[i+1] - lags[i]
			sum += math.Log1p(l.within(release-lags[i+1], release-lags[i]) / acts * l.hours / width)
		}
		s = append(s, sum/releases)
	}
	since, day, week := 0.0, 0.0, 0.0
	for _, release := range seen.at {
		k, _ := slices.BinarySearch(l.at, release)
		last := 0.0
		if k > 0 {
			last = l.at[k-1]
		}
		since -= math.Log1p(release - last)
	}
	for h, part := range seen.day {
		day += part * math.Log(l.day[h])
	}
	for h, part := range seen.week {
		week += part * math.Log(l.week[h])
	}
	s = append(s, since/releases, day, week)
	for _, days := range []float64{1, 3, 7} {
		s = append(s, correlation(l.volume(24*days), seen.volume(24*days)))
	}
	return append(s, -math.Abs(math.Log(acts/releases)))
}

// volume is how many acts each span has.
func (l log) volume(span float64) []float64 {
	n := make([]float64, max(int(l.hours/span), 1))
	for _, h := range l.at {
		if i := int(h / span); i < len(n) {
			n[i]++
		}
	}
	return n
}

// correlation is Pearson's, and 0 where one of the two does not vary.
func correlation(a, b []float64) float64 {
	ma, mb := mean(a), mean(b)
	ab, aa, bb := 0.0, 0.0, 0.0
	for i := range a {
		ab += (a[i] - ma) * (b[i] - mb)
		aa += (a[i] - ma) * (a[i] - ma)
		bb += (b[i] - mb) * (b[i] - mb)
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return ab / math.Sqrt(aa*bb)
}
