package config

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
)

// Fault is one thing wrong with a configuration.
type Fault struct {
	// File is the path as it was given.
	File string `json:"file"`
	// Line counts from 1; what is missing is reported where it would stand.
	Line int `json:"line"`
	// Key is dotted, such as "listen.address"; empty for the file as a whole.
	Key string `json:"key"`
	// Problem is what is wrong, Remedy what to write instead.
	Problem string `json:"problem"`
	Remedy  string `json:"remedy"`
}

// String is the fault in two lines: where and what, then the remedy.
func (f Fault) String() string {
	where := fmt.Sprintf("%s:%d: ", f.File, f.Line)
	if f.Key != "" {
		where += f.Key + ": "
	}
	return where + f.Problem + "\n    " + f.Remedy
}

// Faults is the error of Load: everything that is wrong, in the order of the file.
type Faults []Fault

// Error is every fault, one after the other.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.String()
	}
	return strings.Join(lines, "\n")
}

func (f Faults) sort() {
	slices.SortStableFunc(f, func(a, b Fault) int { return cmp.Compare(a.Line, b.Line) })
}

// ReadFile reads a configuration of any kind, as far as a byte beyond MaxSize, which is for the parser to refuse. faults are
// what is wrong with who may read and write the file; missing is the remedy where there is none.
func ReadFile(path, missing string) (data []byte, warnings, faults Faults, err error) {
	return readUpTo(path, MaxSize, missing)
}

// readUpTo is [ReadFile] with another bound.
func readUpTo(path string, size int64, missing string) (data []byte, warnings, faults Faults, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil, Faults{{File: path, Line: 1, Problem: "there is no such file", Remedy: missing}}
	} else if err != nil {
		return nil, nil, nil, fmt.Errorf("opening the configuration: %w", err)
	}
	defer f.Close()
	if data, err = io.ReadAll(io.LimitReader(f, size+1)); err != nil {
		return nil, nil, nil, fmt.Errorf("reading the configuration: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, nil, nil, fmt.Errorf("reading the configuration: %w", err)
	}
	warnings, faults = checkMode(path, info.Mode())
	return data, warnings, faults, nil
}

// checkMode looks at the permissions. Another user of the machine who can write the file can send everything through a
// relay of their own; one who can read it learns who runs the node, and how it goes out.
func checkMode(path string, mode fs.FileMode) (warnings, faults Faults) {
	if runtime.GOOS == "windows" || !mode.IsRegular() {
		return nil, nil
	}
	fault := Fault{File: path, Line: 1, Remedy: "run: chmod 600 " + path}
	switch {
	case mode.Perm()&0o022 != 0:
		fault.Problem = fmt.Sprintf("others may write to this file (mode %#o)", mode.Perm())
		return nil, Faults{fault}
	case mode.Perm()&0o004 != 0:
		fault.Problem = fmt.Sprintf("every user of this machine may read this file (mode %#o)", mode.Perm())
		return Faults{fault}, nil
	}
	return nil, nil
}
