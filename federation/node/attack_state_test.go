package node_test

import (
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
)

// during returns the requests and dials of the node while f runs and takes effect.
func (s *siege) during(f func()) (requests, dials []string) {
	s.Helper()
	s.mu.Lock()
	r, d := len(s.requests), len(s.dials)
	s.mu.Unlock()
	f()
	s.settle()
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests[r:]), slices.Clone(s.dials[d:])
}

// unchanged reports what f changes of all that is stored, and returns the requests and dials that it caused.
func (s *siege) unchanged(f func()) (requests, dials []string) {
	s.Helper()
	before := s.stored()
	requests, dials = s.during(f)
	after := s.stored()
	for _, line := range before {
		if !slices.Contains(after, line) {
			s.Errorf("gone: %.300s", line)
		}
	}
	for _, line := range after {
		if !slices.Contains(before, line) {
			s.Errorf("new:  %.300s", line)
		}
	}
	return requests, dials
}

// silent expects that f changes nothing, and that the node asks nobody.
func (s *siege) silent(f func()) {
	s.Helper()
	if requests, dials := s.unchanged(f); len(requests)+len(dials) > 0 {
		s.Errorf("the node asked %q and dialled %q", requests, dials)
	}
}

// uncounted are tables whose change has no meaning: what came, and what the node asked of whom.
var uncounted = []string{"inbound", "disclosures", "hosts"}

// stored is everything that is stored, a line for each row.
func (s *siege) stored() (lines []string) {
	s.Helper()
	for _, line := range s.query("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'") {
		if table := strings.TrimPrefix(line, " name="); !slices.Contains(uncounted, table) {
			lines = append(lines, s.query("SELECT '"+table+"' AS of, * FROM "+table)...)
		}
	}
	slices.Sort(lines)
	return lines
}

// query looks into the node's database beside it: a row is " name=value name=value".
func (s *siege) query(query string, args ...any) (lines []string) {
	s.Helper()
	db, err := sql.Open("sqlite3", "file:"+url.PathEscape(filepath.Join(s.dir, "dunnock.db"))+"?mode=ro")
	if err != nil {
		s.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(query, args...)
	if err != nil {
		s.Fatal(err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		s.Fatal(err)
	}
	for rows.Next() {
		values := make([]any, len(names))
		for i := range values {
			values[i] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			s.Fatal(err)
		}
		line := ""
		for i, name := range names {
			if name != "fetched_at" { // when it was last asked for
				line += fmt.Sprintf(" %s=%v", name, *values[i].(*any))
			}
		}
		lines = append(lines, line)
	}
	if err := rows.Err(); err != nil {
		s.Fatal(err)
	}
	return lines
}
