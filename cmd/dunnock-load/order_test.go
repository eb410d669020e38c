package main

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/dunnock-server/dunnock/cmd/dunnock-load/internal/fleet"
)

func TestPlaces(t *testing.T) {
	followers := []*fleet.Actor{{Host: "a"}, {Host: "b"}, {Host: "c"}, {Host: "d"}}
	at := func(second int, host, object, kind string) fleet.Arrival {
		return fleet.Arrival{Host: host, Object: object, Type: kind, Came: time.Unix(int64(second), 0)}
	}
	place, lost, doubled := places([]fleet.Arrival{
		at(5, "a", "post", "Create"), at(1, "c", "post", "Create"), at(3, "b", "post", "Create"), at(4, "b", "post", "Create"),
		at(2, "d", "another", "Create"), at(2, "d", "post", "Delete"),
	}, "post", followers)
	if !slices.Equal(place, []int{3, 1, 0, -1}) || lost != 1 || doubled != 1 {
		t.Errorf("%v, %d lost, %d doubled", place, lost, doubled)
	}
}

func TestAlike(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	same, backwards := r.Perm(100), make([]int, 100)
	for i, v := range same {
		backwards[i] = 99 - v
	}
	missing := slices.Clone(same)
	missing[7] = -1
	for name, pair := range map[string][2][]int{"itself": {same, same}, "backwards": {same, backwards}, "with one missing": {same, missing}} {
		if s := alike(pair[0], pair[1]); s < 9.8 {
			t.Errorf("%s: %v", name, s)
		}
	}
	for range 100 {
		if s := alike(r.Perm(100), r.Perm(100)); s > limits[fanoutOrder].value {
			t.Errorf("two random orders: %v", s)
		}
		if s := alike(r.Perm(100), nil); s > limits[fanoutOrder].value {
			t.Errorf("a random order and the indices: %v", s)
		}
	}
}
