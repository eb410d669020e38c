// Package observer is the attacks: what somebody can conclude from what they saw, computed from that alone. It exists so that a
// setting which feels private and is not is found out here first.
//
// An attack here knows the mechanism, as a real attacker would: the code is public, and so is what a policy does to people on the
// whole. It does not know the owner's acts. What is learned is learned on other people than those it is tried on.
//
// The package takes times and gives figures: it reads no ledger, no database and no files, draws no random number but from what it
// is handed, and changes nothing. It finds what its attacks look for. A figure here is a lower bound of what can be learned:
// stronger attacks exist.
package observer

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Share is how often an attack was right, as a part of 1, over people: Low and High hold nine tenths of what other draws of as many
// people would give (percentile bootstrap, Efron 1979).
type Share struct {
	Mean float64 `json:"mean"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// shareOf is the share of people of whom each has a share.
func shareOf(each []float64, r *rand.Rand) Share {
	const draws = 1000
	means := make([]float64, draws)
	for d := range means {
		for range each {
			means[d] += each[r.IntN(len(each))]
		}
		means[d] /= float64(len(each))
	}
	slices.Sort(means)
	return Share{mean(each), means[draws/20], means[draws-1-draws/20]}
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// softmax turns scores into probabilities.
func softmax(scores []float64) []float64 {
	top, sum := slices.Max(scores), 0.0
	p := make([]float64, len(scores))
	for i, s := range scores {
		p[i] = math.Exp(s - top)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

// best is whether the highest score is that of the truth. A tie counts in part: as often as a guess among those would be right.
func best(scores []float64, truth int) float64 {
	top, ties := slices.Max(scores), 0
	for _, s := range scores {
		if s == top {
			ties++
		}
	}
	if scores[truth] < top {
		return 0
	}
	return 1 / float64(ties)
}

// quantiles are n values that stand for a distribution, of the same weight each.
func quantiles(sorted []time.Duration, n int) []time.Duration {
	if len(sorted) <= n {
		return sorted
	}
	q := make([]time.Duration, n)
	for i := range q {
		q[i] = sorted[(2*i+1)*len(sorted)/(2*n)]
	}
	return q
}
