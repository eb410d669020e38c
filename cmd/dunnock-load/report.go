package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"text/tabwriter"
)

// figure is something that was measured.
type figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit,omitempty"`
	// Limit is nil for what is for information.
	Limit  *float64 `json:"limit,omitempty"`
	AtMost bool     `json:"at_most,omitempty"` // else the limit is the least
	Met    bool     `json:"met"`
}

// report is what a run found.
type report struct {
	Figures []figure `json:"figures"`
	Lost    bool     `json:"lost"`   // a figure that must be nothing is not
	Missed  bool     `json:"missed"` // any limit

	prefix string // of the names of figures
}

// add notes a figure, and holds it to its limit if there is one.
func (r *report) add(name string, value float64, unit string) {
	f := figure{Name: r.prefix + name, Value: value, Unit: unit, Met: true}
	limit, ok := limitOf(f.Name)
	if !ok {
		limit, ok = limitOf(name)
		ok = ok && limit.always
	}
	if ok {
		f.Limit, f.AtMost, f.Met = &limit.value, limit.most, limit.met(value)
		r.Lost = r.Lost || !f.Met && limit.always
		r.Missed = r.Missed || !f.Met
	}
	r.Figures = append(r.Figures, f)
}

// value is that of a figure, if it was measured; the last one.
func (r *report) value(name string) (value float64, ok bool) {
	for _, f := range r.Figures {
		if f.Name == name {
			value, ok = f.Value, true
		}
	}
	return value, ok
}

// print shows the report, as a table or as JSON.
func (r *report) print(w io.Writer, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "FIGURE\tLIMIT\tMEASURED\t")
	for _, f := range r.Figures {
		limit, verdict := "", ""
		if f.Limit != nil {
			limit = map[bool]string{true: "≤ ", false: "≥ "}[f.AtMost] + number(*f.Limit)
			verdict = map[bool]string{true: "ok", false: "MISSED"}[f.Met]
		}
		fmt.Fprintf(t, "%s\t%s\t%s %s\t%s\n", f.Name, limit, number(f.Value), f.Unit, verdict)
	}
	return t.Flush()
}

// number shows three digits that count.
func number(v float64) string {
	if a := math.Abs(v); v == math.Trunc(v) || a >= 100 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}
