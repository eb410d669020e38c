package main

import (
	"maps"
	"os"
	"strings"
	"testing"
)

func TestAll(t *testing.T) {
	scale := "0.01"
	if os.Getenv("DUNNOCK_FULL") == "1" {
		scale = "1"
	}
	f, code := load(t, nil, "all", "--scale", scale)
	want := maps.Clone(nothingWrong)
	maps.Copy(want, found{inboxLost: 0, inboxDoubled: 0, fanoutLost: 0, fanoutDoubled: 0, getRefused: 0, floodMany + floodLost: 0, floodOne + floodLost: 0,
		atSize + inboxLost: 0, atSize + inboxDoubled: 0, atSize + fanoutLost: 0, atSize + fanoutDoubled: 0})
	f.want(t, want)
	for name := range limits {
		if _, measured := f[name]; !measured && name != buildTime && !strings.HasPrefix(name, "relays: ") {
			t.Errorf("%s has a limit and is not measured", name)
		}
	}
	for _, name := range []string{levelRSS, inboxSpeedOver, fanoutTimeOver, atSize + startTime} {
		if f[name] <= 0 {
			t.Errorf("%s: %v", name, f[name])
		}
	}
	if f[levelGoroutines] > limits[levelGoroutines].value || f[levelDescriptors] > limits[levelDescriptors].value || code != 0 {
		t.Errorf("exit %d; %v goroutines and %v descriptors more than before", code, f[levelGoroutines], f[levelDescriptors])
	}
}
