package storage

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Fault is something wrong that [Check] found.
type Fault struct {
	Where   string `json:"where"`   // a page of the file, a table, a row
	Problem string `json:"problem"` // what is wrong with it
	Remedy  string `json:"remedy"`
}

const (
	remedyRestore = "stop the node, move the data directory away and `dunnock restore` a backup"
	maxFaults     = 100 // of a kind
)

// Check reads the whole database at path and the files in dir, and returns what is wrong with them: damaged pages, tables that
// differ from what dunnock makes, records that contradict each other, files that are not as they were kept. It changes
// nothing and may run beside a node. An error means that they could not be read for a reason other than damage.
func Check(ctx context.Context, path, dir string) (faults []Fault, err error) {
	s, err := OpenSnapshot(ctx, path)
	if Trouble(err) == ErrDamaged {
		return damaged(path, err)
	} else if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if faults, err = s.pages(ctx); err != nil {
		return nil, named(path, err)
	}
	files := func(ctx context.Context) ([]Fault, error) { return s.files(ctx, dir) }
	for _, look := range []func(context.Context) ([]Fault, error){s.schema, s.foreign, s.records, s.keys, files} {
		found, err := look(ctx)
		if Trouble(err) == ErrDamaged && len(faults) > 0 {
			break // the pages that cannot be read are named already
		} else if err != nil {
			return faults, named(path, err)
		}
		faults = append(faults, found...)
	}
	return faults, nil
}

// badPage is how SQLite names a page that cannot be read, or holds nonsense.
var badPage = regexp.MustCompile(`^(?:Tree (\d+) page|Tree (\d+):|Page|Freelist:|\*\*\*)`)

// pages has SQLite look at every page in use, whose checksums are looked at with that.
func (s *Snapshot) pages(ctx context.Context) (faults []Fault, err error) {
	lines, err := s.column(ctx, "PRAGMA integrity_check("+strconv.Itoa(maxFaults)+")")
	if err != nil && (len(lines) == 0 || Trouble(err) == nil) {
		return nil, err // else they say what it was
	}
	owners, _ := s.roots(ctx)
	file := filepath.Base(s.path)
	for line := range strings.SplitSeq(strings.Join(lines, "\n"), "\n") {
		if line == "ok" || strings.HasPrefix(line, "***") || strings.HasSuffix(line, ": never used") {
			continue // the last are pages that only a damaged one led to
		}
		where := file
		if m := badPage.FindStringSubmatch(line); m != nil {
			if name := owners[m[1]+m[2]]; name != "" {
				where += ", " + name
			}
		}
		line = strings.ReplaceAll(line, "unable to get the page. error code=8202", "its checksum is wrong: the disk has changed it")
		faults = append(faults, Fault{where, line, remedyRestore})
	}
	if err != nil && len(faults) == 0 {
		faults = append(faults, Fault{file, err.Error(), remedyRestore})
	}
	return faults, nil
}

// roots returns what a tree of pages belongs to, by the number of its first page.
func (s *Snapshot) roots(ctx context.Context) (map[string]string, error) {
	lines, err := s.column(ctx, "SELECT rootpage || ' ' || type || ' ' || name FROM sqlite_schema WHERE rootpage > 0")
	owners := map[string]string{"1": "list of tables"}
	for _, line := range lines {
		page, name, _ := strings.Cut(line, " ")
		owners[page] = name
	}
	return owners, err
}

// schema compares the tables with those that the migrations make.
func (s *Snapshot) schema(ctx context.Context) (faults []Fault, err error) {
	applied, err := s.Migrations(ctx)
	if err != nil {
		return nil, err
	}
	fresh, err := connect(":memory:", "", 1)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, fresh.Close()) }()
	if err := migrateFrom(ctx, fresh, only{migrationFiles, applied}); err != nil {
		return nil, err
	}
	const list = "SELECT type || ' ' || name || ': ' || coalesce(sql, '') FROM sqlite_schema ORDER BY 1"
	want, err := column(ctx, fresh, list)
	if err != nil {
		return nil, err
	}
	got, err := s.column(ctx, list)
	if err != nil {
		return nil, err
	}
	for _, line := range want {
		if !slices.Contains(got, line) {
			what, _, _ := strings.Cut(line, ":")
			faults = append(faults, Fault{what, "it is missing, or not as dunnock makes it", remedyRestore})
		}
	}
	for _, line := range got {
		what, _, _ := strings.Cut(line, ":")
		if !slices.ContainsFunc(want, func(w string) bool { return strings.HasPrefix(w, what+":") }) {
			faults = append(faults, Fault{what, "dunnock has made no such thing: another program has changed the database", remedyRestore})
		}
	}
	return faults, nil
}

func (s *Snapshot) foreign(ctx context.Context) (faults []Fault, err error) {
	rows, err := s.column(ctx, "SELECT \"table\" || ' row ' || coalesce(rowid, 0) || ': it refers to an absent row of ' || parent FROM pragma_foreign_key_check")
	for _, row := range rows {
		where, problem, _ := strings.Cut(row, ": ")
		faults = append(faults, Fault{where, problem, remedyRestore})
	}
	return faults, err
}

// records looks for those that contradict each other.
func (s *Snapshot) records(ctx context.Context) (faults []Fault, err error) {
	applied, err := s.Migrations(ctx)
	if err != nil {
		return nil, err
	}
	known, err := migrationNames()
	if err != nil || len(applied) != len(known) { // the node brings it up to date when it starts
		return nil, err
	}
	for _, r := range rules {
		bad, err := s.column(ctx, fmt.Sprintf("SELECT %s FROM %s WHERE %s LIMIT %d", r.names, r.table, r.wrong, maxFaults))
		if err != nil {
			return faults, err
		}
		for _, name := range bad {
			faults = append(faults, Fault{r.table + " " + name, r.problem, r.remedy})
		}
	}
	return faults, nil
}
