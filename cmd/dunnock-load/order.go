package main

import (
	"math"
	"slices"

	"github.com/dunnock-server/dunnock/cmd/dunnock-load/internal/fleet"
)

// places gives the place of each follower in the order in which a post came to them, -1 for whom it did not reach; how many
// those are; and how many deliveries were one too many.
func places(arrivals []fleet.Arrival, post string, followers []*fleet.Actor) (place []int, lost, doubled int) {
	arrivals = slices.DeleteFunc(arrivals, func(a fleet.Arrival) bool { return a.Object != post || a.Type != "Create" })
	slices.SortStableFunc(arrivals, func(a, b fleet.Arrival) int { return a.Came.Compare(b.Came) })
	at := map[string]int{}
	for i, a := range arrivals {
		if _, known := at[a.Host]; known {
			doubled++
		} else {
			at[a.Host] = i
		}
	}
	for _, f := range followers {
		i, ok := at[f.Host]
		if !ok {
			i = -1
			lost++
		}
		place = append(place, i)
	}
	return place, lost, doubled
}

// alike says how much two orders have in common: their rank correlation (Spearman's) without its sign, in standard
// deviations of what it is between random ones. Nil is the order of the indices. Places below zero are left out.
func alike(a, b []int) float64 {
	var xs, ys []float64
	for i := range a {
		other := i
		if b != nil {
			other = b[i]
		}
		if a[i] >= 0 && other >= 0 {
			xs, ys = append(xs, float64(a[i])), append(ys, float64(other))
		}
	}
	n := float64(len(xs))
	if n < 3 {
		return 0
	}
	var sx, sy, sxx, syy, sxy float64
	for i, x := range xs {
		y := ys[i]
		sx, sy, sxx, syy, sxy = sx+x, sy+y, sxx+x*x, syy+y*y, sxy+x*y
	}
	rho := (n*sxy - sx*sy) / math.Sqrt((n*sxx-sx*sx)*(n*syy-sy*sy))
	return math.Abs(rho) * math.Sqrt(n-1)
}
