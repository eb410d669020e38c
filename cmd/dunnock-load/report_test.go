package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	r := &report{}
	r.add(inboxSpeed, 4000, "/s")
	r.add(inboxCPU, 0.3456, "ms")
	r.add("something else", 12345.6, "")
	if r.Missed || r.Lost {
		t.Errorf("%+v", r)
	}
	r.add(inboxCPU, 0.36, "ms")
	if !r.Missed || r.Lost {
		t.Errorf("CPU beyond its limit: %+v", r)
	}
	r.prefix = atSize
	r.add(inboxSpeed, 1, "/s") // held by what is kept
	if r.add(inboxLost, 1, ""); !r.Lost {
		t.Errorf("a loss at size is none: %+v", r)
	}
	if v, ok := r.value(inboxCPU); v != 0.36 || !ok {
		t.Errorf("%v %v", v, ok)
	}
	if _, ok := r.value("nothing"); ok {
		t.Error("a figure that is not there")
	}
	var out bytes.Buffer
	if err := r.print(&out, false); err != nil {
		t.Fatal(err)
	}
	var rows []string
	for line := range strings.Lines(out.String()) {
		rows = append(rows, strings.Join(strings.Fields(line), " "))
	}
	want := []string{
		"FIGURE LIMIT MEASURED",
		"inbox: processed and visible ≥ 4000 4000 /s ok",
		"inbox: CPU an activity ≤ 0.35 0.346 ms ok",
		"something else 12346",
		"inbox: CPU an activity ≤ 0.35 0.36 ms MISSED",
		"at size: inbox: processed and visible 1 /s",
		"at size: inbox: answered 2xx and lost ≤ 0 1 MISSED",
	}
	if got := strings.Join(rows, "\n"); got != strings.Join(want, "\n") {
		t.Error(got)
	}
}

// A missed limit is a failure with --limits only.
func TestLimits(t *testing.T) {
	for flag, want := range map[string]int{"--limits": exitFailed, "--limits=false": 0} {
		// Two mentions take longer than a four-thousandth of a second each.
		if f, code := load(t, nil, "inbox", "--count", "2", flag); code != want {
			t.Errorf("%s: exit %d, %v", flag, code, f)
		}
	}
}
