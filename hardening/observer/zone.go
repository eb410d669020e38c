package observer

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Zoned is the result of Zone: how often the guess of the offset from UTC was right within three hours, and the bits learned over
// the prior of where people live.
type Zoned struct {
	People int `json:"people"`
	// Prior is what who sees nothing gets right, from where the others live.
	Prior Share `json:"prior"`
	// Hours goes by the hours of the day, Gaps by those together with the pause after each release.
	Hours Share `json:"hours"`
	Gaps  Share `json:"gaps"`
	// HourBits and GapBits are the means of log2(what the truth is given after / before).
	HourBits float64 `json:"hour_bits"`
	GapBits  float64 `json:"gap_bits"`
}

const (
	offsets    = 24 // whole hours, from -11 to +12; +13 is -11 on the clock
	leastHours = -11
	halfHours  = 48
	right      = 3 // hours
)

// pauses are the borders between kinds of pauses, in hours.
var pauses = []float64{0.1, 0.5, 2, 5, 9, 16, 30}

// Zone guesses each person's offset from UTC from the times of what their node released, in several runs of the same people.
// offset is the true one of each, in minutes; it is rounded to the hour.
//
// For each offset it asks how likely releases at such local hours are (Hours), or at such hours before such pauses (Gaps), by the
// releases of the others, whose offsets are known and whose nodes work in the same way; how much that is to be trusted, as
// releases are not independent of each other, is learned on the others, too. The prior is the others' offsets, blurred.
//
// Limits: it takes all acts of a person for those of one zone, and does not know weekends, summer time or sleep. Where releases are
// bound to UTC, as at the end of a day, it takes the prior for what it sees.
func Zone(runs []Run, offset []int, r *rand.Rand) Zoned {
	n := len(offset)
	truth := make([]int, n)
	for i, minutes := range offset {
		truth[i] = ((int(math.Round(float64(minutes)/60))-leastHours)%offsets + offsets) % offsets
	}
	prior, none := make([][]float64, n), make([][]float64, n)
	for i := range prior {
		prior[i], none[i] = priorWithout(truth, i), make([]float64, offsets)
	}
	z := Zoned{People: n}
	z.Prior, _ = judge(prior, [][][]float64{none}, truth, r)
	var hours, gaps [][][]float64
	for _, run := range runs {
		hours = append(hours, run.zones(truth, nil))
		gaps = append(gaps, run.zones(truth, pauses))
	}
	z.Hours, z.HourBits = judge(prior, hours, truth, r)
	z.Gaps, z.GapBits = judge(prior, gaps, truth, r)
	return z
}

// priorWithout is how likely each offset is by where all but one live.
func priorWithout(truth []int, i int) []float64 {
	p := make([]float64, offsets)
	for o := range p {
		p[o] = 0.5 / offsets
	}
	for k, o := range truth {
		if k != i {
			for d, share := range []float64{0.25, 0.5, 0.25} {
				p[(o+d-1+offsets)%offsets] += share
			}
		}
	}
	sum := 0.0
	for _, x := range p {
		sum += x
	}
	for o := range p {
		p[o] /= sum
	}
	return p
}

// zones are, for each person and offset, the log-likelihood of the releases by the others' template.
func (run Run) zones(truth []int, borders []float64) [][]float64 {
	seen := make([][][2]int, len(run.Releases)) // half hour in UTC, and kind of pause
	templates := make([][][halfHours]float64, len(run.Releases))
	for i, times := range run.Releases {
		times = slices.Clone(times)
		slices.SortFunc(times, time.Time.Compare)
		templates[i] = make([][halfHours]float64, len(borders)+1)
		for k, at := range times {
			if at.Before(run.Begin) || !at.Before(run.End) {
				continue
			}
			next := run.End
			if k+1 < len(times) {
				next = times[k+1]
			}
			pause, _ := slices.BinarySearch(borders, next.Sub(at).Hours())
			u := at.UTC()
			half := 2*u.Hour() + u.Minute()/30
			seen[i] = append(seen[i], [2]int{half, pause})
			templates[i][pause][local(half, truth[i])]++
		}
		weigh := 1 / max(float64(len(seen[i])), 1) // each person counts the same
		for p := range templates[i] {
			for h := range templates[i][p] {
				templates[i][p][h] *= weigh
			}
		}
	}
	scores := make([][]float64, len(run.Releases))
	for i := range run.Releases {
		all := make([][halfHours]float64, len(borders)+1)
		for k := range templates {
			for p := range all {
				for h := range all[p] {
					if k != i {
						all[p][h] += templates[k][p][h]
					}
				}
			}
		}
		for p := range all {
			all[p] = likely(all[p])
		}
		scores[i] = make([]float64, offsets)
		for o := range offsets {
			for _, s := range seen[i] {
				scores[i][o] += math.Log(all[s[1]][local(s[0], o)])
			}
		}
	}
	return scores
}

// local is a half hour of the day in UTC as the offset of that number has it.
func local(half, offset int) int { return (half + 2*(offset+leastHours) + 2*halfHours) % halfHours }

// likely are the parts of weights on the circle of the day, blurred.
func likely(weights [halfHours]float64) (parts [halfHours]float64) {
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	for h := range parts {
		parts[h] = 0.1 / halfHours
		for d, share := range []float64{0.1, 0.2, 0.4, 0.2, 0.1} {
			parts[h] += 0.9 * share * (weights[(h+d-2+halfHours)%halfHours] + 1e-9) / (sum + halfHours*1e-9)
		}
	}
	return parts
}

// trusts are how much of a log-likelihood may count.
var trusts = []float64{0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.6, 1}

// judge guesses from scores by run, person and offset: it learns on the others how far to trust them.
func judge(prior [][]float64, scores [][][]float64, truth []int, r *rand.Rand) (Share, float64) {
	n := len(truth)
	gained := make([][]float64, len(trusts)) // by trust and person
	hits := make([][]float64, len(trusts))
	for t, trust := range trusts {
		gained[t], hits[t] = make([]float64, n), make([]float64, n)
		for i := range n {
			for _, of := range scores {
				after := make([]float64, offsets)
				for o := range after {
					after[o] = math.Log(prior[i][o]) + trust*of[i][o]
				}
				after = softmax(after)
				each := 1 / float64(len(scores))
				gained[t][i] += each * math.Log2(after[truth[i]]/prior[i][truth[i]])
				guess := slices.Index(after, slices.Max(after))
				if d := (guess - truth[i] + offsets) % offsets; d <= right || d >= offsets-right {
					hits[t][i] += each
				}
			}
		}
	}
	hit, bits := make([]float64, n), 0.0
	for i := range n {
		chosen, most := 0, math.Inf(-1)
		for t := range trusts {
			sum := -gained[t][i]
			for _, g := range gained[t] {
				sum += g
			}
			if sum > most+1e-9 {
				chosen, most = t, sum
			}
		}
		hit[i] = hits[chosen][i]
		bits += gained[chosen][i] / float64(n)
	}
	return shareOf(hit, r), bits
}
