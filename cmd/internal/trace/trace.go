// Package trace reads and writes when people acted, as tables of comma-separated values (RFC 4180). It knows nothing of how such
// times come about or what can be concluded from them, and opens no files.
package trace

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/dunnock-server/dunnock/hardening/timing"
)

// Person is somebody's acts, in the order of their times.
type Person struct {
	Name string
	Acts []Act
	// Elsewhere is when they acted on other servers, under their name.
	Elsewhere []time.Time
	// Offset is theirs from UTC, in minutes, at most of the acts; nil: not known.
	Offset *int
}

// Act is an act: a post, like, boost, pin or profile.
type Act struct {
	At   time.Time
	Kind string
}

// Timed are the acts as timing takes them. Posts are the ones that have a hurry.
func (p Person) Timed() []timing.Act {
	acts := make([]timing.Act, len(p.Acts))
	for i, a := range p.Acts {
		acts[i] = timing.Act{At: a.At, Other: a.Kind != post}
	}
	return acts
}

const post = "post"

var kinds = []string{post, "like", "boost", "pin", "profile"}

// elsewhere is what somebody did on another server: no act of a node's.
const elsewhere = "elsewhere"

// latest is a time that no clock of this century shows: the end of the year 2200, in Unix seconds.
const latest = 7289654400

// Fault is what is wrong with a table.
type Fault struct {
	Line   int
	Column string // empty: the line as a whole
	Why    string
}

func (f *Fault) Error() string {
	if f.Column == "" {
		return fmt.Sprintf("line %d: %s", f.Line, f.Why)
	}
	return fmt.Sprintf("line %d: %s: %s", f.Line, f.Column, f.Why)
}

// farthest is the most that a clock is before or behind UTC, in minutes.
const farthest = 14 * 60

// Read reads a table with the columns person, unix (in seconds) and, if not all acts are posts, kind, and, if it is known,
// utc_offset_minutes, in any order; other columns are left alone. Rows of the kind "elsewhere" are no acts of a node's, and who has
// no others is left out. People come in the order of their names. What is wrong with the table is a *Fault.
func Read(from io.Reader) ([]Person, error) {
	r := csv.NewReader(from)
	r.ReuseRecord = true
	head, err := r.Read()
	if err != nil {
		return nil, faultOf(err, 1)
	}
	person, unix, kind, offset := slices.Index(head, "person"), slices.Index(head, "unix"), slices.Index(head, "kind"), slices.Index(head, "utc_offset_minutes")
	for name, column := range map[string]int{"person": person, "unix": unix} {
		if column < 0 {
			return nil, &Fault{Line: 1, Column: name, Why: "there is no such column: the first line names them, as in person,unix,kind"}
		}
	}
	of, offsets := map[string]*Person{}, map[string]map[int]int{}
	for {
		row, err := r.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, faultOf(err, 0)
		}
		line, _ := r.FieldPos(0)
		a := Act{Kind: post}
		if kind >= 0 {
			a.Kind = row[kind]
		}
		i := slices.Index(kinds, a.Kind)
		if i < 0 && a.Kind != elsewhere {
			return nil, &Fault{line, "kind", fmt.Sprintf("%q is none of %v and elsewhere", a.Kind, kinds)}
		}
		seconds, err := strconv.ParseInt(row[unix], 10, 64)
		if err != nil || seconds < 0 || seconds > latest {
			return nil, &Fault{line, "unix", fmt.Sprintf("%q is no time in seconds since 1970", row[unix])}
		}
		a.At = time.Unix(seconds, 0).UTC()
		if row[person] == "" {
			return nil, &Fault{line, "person", "it is empty"}
		}
		p := of[row[person]]
		if p == nil {
			p = &Person{Name: row[person]}
			of[p.Name], offsets[p.Name] = p, map[int]int{}
		}
		if offset >= 0 {
			minutes, err := strconv.Atoi(row[offset])
			if err != nil || minutes < -farthest || minutes > farthest {
				return nil, &Fault{line, "utc_offset_minutes", fmt.Sprintf("%q is no offset from UTC in minutes", row[offset])}
			}
			offsets[p.Name][minutes]++
		}
		if i < 0 {
			p.Elsewhere = append(p.Elsewhere, a.At)
			continue
		}
		a.Kind = kinds[i]
		p.Acts = append(p.Acts, a)
	}
	var people []Person
	for _, name := range slices.Sorted(maps.Keys(of)) {
		p := of[name]
		if len(p.Acts) == 0 {
			continue
		}
		slices.SortStableFunc(p.Acts, func(a, b Act) int { return a.At.Compare(b.At) })
		slices.SortFunc(p.Elsewhere, time.Time.Compare)
		for _, minutes := range slices.Sorted(maps.Keys(offsets[name])) {
			if p.Offset == nil || offsets[name][minutes] > offsets[name][*p.Offset] {
				p.Offset = &minutes
			}
		}
		people = append(people, *p)
	}
	if len(people) == 0 {
		return nil, &Fault{Line: 1, Why: "there are no acts"}
	}
	return people, nil
}

func faultOf(err error, line int) error {
	var parse *csv.ParseError
	switch {
	case errors.As(err, &parse):
		return &Fault{Line: parse.Line, Why: parse.Err.Error()}
	case err == io.EOF:
		return &Fault{Line: line, Why: "it is empty"}
	}
	return err
}

// Write writes when each act was released, as a table with the columns person, act_unix, kind and release_unix, which is empty
// where the act never was. releases has a list for each person, with a time for each act.
func Write(to io.Writer, people []Person, releases [][]time.Time) error {
	w := csv.NewWriter(to)
	if err := w.Write(releaseColumns); err != nil {
		return err
	}
	for i, p := range people {
		for k, a := range p.Acts {
			release := ""
			if at := releases[i][k]; !at.IsZero() {
				release = strconv.FormatInt(at.Unix(), 10)
			}
			if err := w.Write([]string{p.Name, strconv.FormatInt(a.At.Unix(), 10), a.Kind, release}); err != nil {
				return err
			}
		}
	}
	w.Flush()
	return w.Error()
}

// ReadReleases reads what Write wrote, for the same people: a time for each of their acts, in the same order, zero where there is
// none. What is wrong with the table, or missing from it, is a *Fault.
func ReadReleases(from io.Reader, people []Person) ([][]time.Time, error) {
	r := csv.NewReader(from)
	r.ReuseRecord = true
	head, err := r.Read()
	if err != nil {
		return nil, faultOf(err, 1)
	}
	if !slices.Equal(head, releaseColumns) {
		return nil, &Fault{Line: 1, Why: fmt.Sprintf("the columns are not %v", releaseColumns)}
	}
	releases := make([][]time.Time, len(people))
	for i, p := range people {
		for _, a := range p.Acts {
			row, err := r.Read()
			if err == io.EOF {
				return nil, &Fault{Line: 1, Why: fmt.Sprintf("it ends before act %d of %s", a.At.Unix(), p.Name)}
			}
			if err != nil {
				return nil, faultOf(err, 0)
			}
			line, _ := r.FieldPos(0)
			if row[0] != p.Name || row[1] != strconv.FormatInt(a.At.Unix(), 10) || row[2] != a.Kind {
				return nil, &Fault{line, "", fmt.Sprintf("it is not of the trace, where %s has a %s at %d", p.Name, a.Kind, a.At.Unix())}
			}
			var at time.Time
			if row[3] != "" {
				seconds, err := strconv.ParseInt(row[3], 10, 64)
				if err != nil || seconds < 0 || seconds > latest {
					return nil, &Fault{line, "release_unix", fmt.Sprintf("%q is no time in seconds since 1970", row[3])}
				}
				at = time.Unix(seconds, 0).UTC()
			}
			releases[i] = append(releases[i], at)
		}
	}
	if _, err := r.Read(); err != io.EOF {
		line, _ := r.FieldPos(0)
		return nil, &Fault{Line: line, Why: "there is more than the trace has"}
	}
	return releases, nil
}

var releaseColumns = []string{"person", "act_unix", "kind", "release_unix"}
