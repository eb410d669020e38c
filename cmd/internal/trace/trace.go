// Package trace reads and writes when people acted, as tables of comma-separated values (RFC 4180). It knows nothing of how such
// times come about or what can be concluded from them, and opens no files.
package trace

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/dunnock-server/dunnock/hardening/timing"
)

// Person is somebody's acts, in the order of their times.
type Person struct {
	Name string
	Acts []Act
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

// Read reads a table with the columns person, unix (in seconds) and, if not all acts are posts, kind, in any order; other columns
// are left alone, and so are the rows of a kind "elsewhere". People come in the order of their names. What is wrong with the
// table is a *Fault.
func Read(from io.Reader) ([]Person, error) {
	r := csv.NewReader(from)
	r.ReuseRecord = true
	head, err := r.Read()
	if err != nil {
		return nil, faultOf(err, 1)
	}
	person, unix, kind := slices.Index(head, "person"), slices.Index(head, "unix"), slices.Index(head, "kind")
	for name, column := range map[string]int{"person": person, "unix": unix} {
		if column < 0 {
			return nil, &Fault{Line: 1, Column: name, Why: "there is no such column: the first line names them, as in person,unix,kind"}
		}
	}
	of := map[string][]Act{}
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
		if a.Kind == elsewhere {
			continue
		}
		i := slices.Index(kinds, a.Kind)
		if i < 0 {
			return nil, &Fault{line, "kind", fmt.Sprintf("%q is none of %v and elsewhere", a.Kind, kinds)}
		}
		seconds, err := strconv.ParseInt(row[unix], 10, 64)
		if err != nil || seconds < 0 || seconds > latest {
			return nil, &Fault{line, "unix", fmt.Sprintf("%q is no time in seconds since 1970", row[unix])}
		}
		if row[person] == "" {
			return nil, &Fault{line, "person", "it is empty"}
		}
		a.Kind, a.At = kinds[i], time.Unix(seconds, 0).UTC()
		of[row[person]] = append(of[row[person]], a)
	}
	if len(of) == 0 {
		return nil, &Fault{Line: 1, Why: "there are no acts"}
	}
	var people []Person
	for name, acts := range of {
		slices.SortStableFunc(acts, func(a, b Act) int { return a.At.Compare(b.At) })
		people = append(people, Person{Name: name, Acts: acts})
	}
	slices.SortFunc(people, func(a, b Person) int { return cmp.Compare(a.Name, b.Name) })
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
	if err := w.Write([]string{"person", "act_unix", "kind", "release_unix"}); err != nil {
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
