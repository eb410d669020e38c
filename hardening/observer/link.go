package observer

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Run is what a platform has of several people over the same weeks: what the node of each released, and a log of what each did
// elsewhere, under their name. Person i's node is the owner of log i; the attack is to find that out.
type Run struct {
	Begin, End time.Time
	Releases   [][]time.Time
	Logs       [][]time.Time
	// Delays are how late the acts of each person were released: of the others' the mechanism's distribution is made.
	Delays [][]time.Duration
}

// Linked is the result of Link.
type Linked struct {
	People int     `json:"people"`
	Chance float64 `json:"chance"` // of a guess
	// Simple is the attack without learning: which log is denser where the releases come from.
	Simple Share `json:"simple"`
	// Learned weighs many such scores, as learned on other people.
	Learned Share `json:"learned"`
	// Bits is what Learned knows of the owner, beyond that it is one of them: at most the logarithm of People. Below none, what it
	// learned on others misleads it.
	Bits float64 `json:"bits"`
}

const folds = 6

// Link says which log belongs to each node, in several runs of the same people whose releases were drawn anew.
//
// Simple: for each log, the mean over the releases of log(share of that log within 30 minutes of release - delay, averaged over the
// mechanism's delays, + 0.0003); the highest is the guess. Learned: that score with the log's intensity after the mechanism,
// counts in windows of lag, time since the log's last act, hours of the day and of the week, and volume by day, each normalised over
// the logs; weights by a conditional logit (McFadden 1974) learned on five sixths of the people and tried on the others.
//
// Limits: it takes no notice of which posts and which likes they are, and assumes that the log is of the weeks of the releases.
func Link(runs []Run, r *rand.Rand) Linked {
	n := len(runs[0].Releases)
	cases := make([][][][]float64, len(runs)) // by run, node, log and score
	for k, run := range runs {
		cases[k] = run.scores()
	}
	fold := make([]int, n)
	for i, p := range r.Perm(n) {
		fold[p] = i % folds
	}
	simple, learned, bits := make([]float64, n), make([]float64, n), make([]float64, n)
	for f := range min(folds, n) {
		var examples []example
		for _, of := range cases {
			for i, logs := range of {
				if fold[i] != f {
					examples = append(examples, example{logs, i})
				}
			}
		}
		weights := logit(examples)
		for _, of := range cases {
			for i, logs := range of {
				if fold[i] != f {
					continue
				}
				first, all := make([]float64, n), make([]float64, n)
				for j, scores := range logs {
					first[j], all[j] = scores[len(scores)-1], dot(weights, scores)
				}
				each := 1 / float64(len(runs))
				simple[i] += each * best(first, i)
				learned[i] += each * best(all, i)
				bits[i] += each * (math.Log2(softmax(all)[i]) + math.Log2(float64(n)))
			}
		}
	}
	return Linked{People: n, Chance: 1 / float64(n), Simple: shareOf(simple, r), Learned: shareOf(learned, r), Bits: mean(bits)}
}

// standFor is how many delays stand for a mechanism.
const standFor = 50

// others are the delays of all but one.
func (run Run) others(i int) (delays []time.Duration) {
	for k, d := range run.Delays {
		if k != i {
			delays = append(delays, d...)
		}
	}
	slices.Sort(delays)
	return quantiles(delays, standFor)
}

// scores are those of each log for each node, normalised over the logs.
func (run Run) scores() [][][]float64 {
	logs := make([]log, len(run.Logs))
	for j, times := range run.Logs {
		logs[j] = newLog(times, run.Begin, run.End)
	}
	all := make([][][]float64, len(run.Releases))
	for i, times := range run.Releases {
		delays := run.others(i)
		seen := newLog(times, run.Begin, run.End)
		for _, l := range logs {
			all[i] = append(all[i], l.scores(seen, delays))
		}
	}
	// A log that goes well with everybody's releases says nothing: what counts is how much better it goes with these.
	sums := make([][]float64, len(logs))
	for j := range logs {
		sums[j] = make([]float64, len(all[0][0]))
		for i := range all {
			add(sums[j], all[i][j], 1)
		}
	}
	others := float64(max(len(all)-1, 1))
	for i := range all {
		for j, own := range all[i] {
			x := slices.Clone(own)
			add(x, sums[j], -1/others)
			add(x, own, 1/others)
			all[i][j] = append(x, own[0])
		}
		normalise(all[i])
	}
	return all
}

// add adds b, so many times, to a.
func add(a, b []float64, times float64) {
	for s := range a {
		a[s] += times * b[s]
	}
}

// normalise makes the mean of each score 0 and its deviation 1.
func normalise(rows [][]float64) {
	for s := range rows[0] {
		sum, square := 0.0, 0.0
		for _, row := range rows {
			sum += row[s]
		}
		m := sum / float64(len(rows))
		for _, row := range rows {
			square += (row[s] - m) * (row[s] - m)
		}
		deviation := math.Sqrt(square / float64(len(rows)))
		for _, row := range rows {
			if row[s] -= m; deviation > 1e-12 {
				row[s] /= deviation
			} else {
				row[s] = 0
			}
		}
	}
}

func dot(a, b []float64) (sum float64) {
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

// example is the scores of all logs, and which is the true one.
type example struct {
	logs  [][]float64
	truth int
}

// logit are the weights under which the true logs are likeliest, with a ridge against what the examples cannot tell. It is found by
// gradient ascent: the function has one maximum.
func logit(examples []example) []float64 {
	const (
		ridge = 0.1
		steps = 400
	)
	if len(examples) == 0 {
		return nil
	}
	n := len(examples[0].logs[0])
	weights, gradient, speed, prior := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	prior[n-1] = 1
	copy(weights, prior)
	scores := make([]float64, len(examples[0].logs))
	for range steps {
		for s := range gradient {
			gradient[s] = -ridge * (weights[s] - prior[s])
		}
		for _, e := range examples {
			for j, x := range e.logs {
				scores[j] = dot(weights, x)
			}
			for j, p := range softmax(scores) {
				if j == e.truth {
					p--
				}
				for s, x := range e.logs[j] {
					gradient[s] -= p * x / float64(len(examples))
				}
			}
		}
		for s := range weights {
			speed[s] = 0.9*speed[s] + 0.05*gradient[s]
			weights[s] += speed[s]
		}
	}
	return weights
}
