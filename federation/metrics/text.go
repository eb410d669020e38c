package metrics

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Types of a family.
const (
	gauge   = "gauge"
	counter = "counter"
)

// text is one in the making.
type text struct{ strings.Builder }

// sample is a value and what it is of.
type sample struct {
	value  float64
	labels []label
}

type label struct{ name, value string }

func number[N int | int64 | uint64](n N) sample { return sample{value: float64(n)} }

func yes(is bool) sample {
	if is {
		return number(1)
	}
	return number(0)
}

// at is a moment in whole seconds; the zero Time is no sample.
func at(t time.Time) []sample {
	if t.IsZero() {
		return nil
	}
	return []sample{number(t.Unix())}
}

func (s sample) with(labels ...label) sample {
	s.labels = labels
	return s
}

// family writes samples of one name; none, if there are none.
func (t *text) family(name, kind, help string, samples ...sample) {
	if len(samples) == 0 {
		return
	}
	fmt.Fprintf(t, "# HELP dunnock_%s %s\n# TYPE dunnock_%[1]s %[3]s\n", name, help, kind)
	for _, s := range samples {
		t.WriteString("dunnock_" + name)
		before := "{"
		for _, l := range s.labels {
			t.WriteString(before + l.name + `="` + escape.Replace(strings.ToValidUTF8(l.value, "\ufffd")) + `"`)
			before = ","
		}
		if len(s.labels) > 0 {
			t.WriteString("}")
		}
		t.WriteString(" " + strconv.FormatFloat(s.value, 'f', -1, 64) + "\n")
	}
}

// escape is what the format has for the values of labels.
var escape = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
