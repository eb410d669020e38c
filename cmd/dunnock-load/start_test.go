package main

import "testing"

func TestStart(t *testing.T) {
	f, code := load(t, nil, "start", "--times", "3", "--idle", "1s", "--posts", "1000", "--queue", "1000")
	for _, name := range []string{startTime, idleRSS, idleAnonymous, binarySize} {
		if f[name] <= 0 || f[atSize+name] <= 0 {
			t.Errorf("%s: %v, at size %v", name, f[name], f[atSize+name])
		}
	}
	if f[idleAnonymous] >= f[idleRSS] || code != 0 {
		t.Errorf("exit %d", code)
	}
}
