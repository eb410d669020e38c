package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/cmd/internal/trace"
	"github.com/dunnock-server/dunnock/hardening/timing"
)

func (m *Main) simulateCommand() *cli.Command {
	return &cli.Command{
		Name: "simulate", Category: catNode, Usage: "see what a setting would do, without doing it",
		UsageText:   "dunnock simulate COMMAND [OPTIONS]",
		Subcommands: []*cli.Command{m.simulateTimingCommand()},
	}
}

func (m *Main) simulateTimingCommand() *cli.Command {
	return &cli.Command{
		Name: "timing", Usage: "find when acts would have been released",
		UsageText: "dunnock simulate timing --trace FILE --policy NAME --out FILE [OPTIONS]",
		Description: "Sends people's acts through the release process of a node, in simulated time, each person's through one of its own. The " +
			"trace is a table of comma-separated values whose first line names the columns: person, unix (the time of the act in seconds), and " +
			"kind (post, like, boost, pin, profile; rows of the kind elsewhere are left out; without the column all acts are posts). The " +
			"result has the columns person, act_unix, kind and release_unix, which is empty for an act that was not released before the last act " +
			"of all.\n\n" +
			"A policy is open, careful or strict, or a mode in quotes:\n\n" +
			"now                     at once\n" +
			"jitter A..B             after any time of a range\n" +
			"jitter mean M cap C     after a time that is mostly short\n" +
			"batch PERIOD            at the end of each period\n" +
			"level                   most at once, some in your silent hours (careful)\n" +
			"drip [RATE]             at random ticks, if anything waits\n" +
			"steady [RATE]           at random ticks, with a reserve (strict)\n\n" +
			"A RATE is 20/week, or 1.2x for so many ticks for each act of the past months; behind that of steady, reserve 30 has so many " +
			"acts wait before the first tick. The same trace, policy and seed give the same result. What is printed leaves out the first eight weeks, in which the process learns and fills its reserve. " +
			"It says how late acts are, not how well they are hidden." +
			examples("dunnock simulate timing --trace weeks.csv --policy strict --out releases.csv",
				"dunnock simulate timing --trace weeks.csv --policy 'steady 1.2x' --out -"),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "trace", Usage: "read acts from `FILE`"},
			&cli.StringFlag{Name: "policy", Usage: "release as `NAME` does: a preset or a mode"},
			&cli.Uint64Flag{Name: "seed", Usage: "draw as `N` has it", Value: 1},
			&cli.StringFlag{Name: "out", Usage: "write releases to `FILE`; - is the standard output"},
			jsonFlag(),
		},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			for _, name := range []string{"trace", "policy", "out"} {
				if c.String(name) == "" {
					return usageError{c.Command.HelpName + " needs --" + name, c.Command.HelpName}
				}
			}
			if c.Bool("json") && c.String("out") == "-" {
				return usageError{"--json and --out - both write to the standard output", c.Command.HelpName}
			}
			mode, err := modeOf(c.String("policy"))
			if err != nil {
				return err
			}
			people, err := readTrace(c.String("trace"))
			if err != nil {
				return err
			}
			s := simulate(mode, people, c.Uint64("seed"))
			out, err := m.output(c.String("out"))
			if err != nil {
				return fmt.Errorf("writing releases: %w", err)
			}
			defer out.discard()
			if err := trace.Write(out, people, s.releases); err != nil {
				return fmt.Errorf("writing releases to %s: %w", c.String("out"), err)
			}
			if err := out.keep(); err != nil {
				return fmt.Errorf("writing releases to %s: %w", c.String("out"), err)
			}
			if c.Bool("json") {
				return m.page().json(s)
			}
			if c.String("out") != "-" {
				s.show(m.page())
			}
			return nil
		},
	}
}

// modeOf is the mode that --policy names.
func modeOf(policy string) (timing.Mode, error) {
	if mode, ok := timing.Preset(policy); ok {
		return mode, nil
	}
	mode, err := timing.ParseMode(policy)
	if err != nil {
		return mode, usagef("--policy: %v; or one of the presets open, careful, strict", err)
	}
	return mode, nil
}

// readTrace reads a trace from a file.
func readTrace(name string) ([]trace.Person, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, usagef("--trace: %v", err)
	}
	defer f.Close()
	people, err := trace.Read(f)
	var fault *trace.Fault
	switch {
	case errors.As(err, &fault):
		return nil, usagef("%s: %v", name, fault)
	case err != nil:
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return people, nil
}

// warmUp is how long a process learns before what it does counts.
const warmUp = 8 * 7 * 24 * time.Hour

// simulation is what came of it.
type simulation struct {
	Mode    string  `json:"mode"`
	Seed    uint64  `json:"seed"`
	People  int     `json:"people"`
	Skipped int     `json:"ticks_skipped"` // for want of anything to release, from the first act on
	Kinds   []delay `json:"kinds"`         // after the warm-up

	releases [][]time.Time
}

// delay is how late the acts of a kind were. A quantile is missing where so many were never released.
type delay struct {
	Kind string   `json:"kind"`
	Acts int      `json:"acts"`
	Told float64  `json:"told"`
	P50  *float64 `json:"p50_seconds"`
	P75  *float64 `json:"p75_seconds"`
	P95  *float64 `json:"p95_seconds"`
}

// simulate draws for each person from numbers of their own: one who is left out changes nothing for the others.
func simulate(mode timing.Mode, people []trace.Person, seed uint64) simulation {
	s := simulation{Mode: mode.String(), Seed: seed, People: len(people)}
	_, end := span(people)
	for _, p := range people {
		r := timing.Replay(mode, p.Timed(), end, rand.New(rand.NewChaCha8(sha256.Sum256(fmt.Appendf(nil, "%d %s", seed, p.Name)))))
		s.Skipped += r.State.Ticks.Skipped
		s.releases = append(s.releases, r.At)
	}
	s.Kinds = lateness(people, s.releases)
	return s
}

// span is from when to when people acted.
func span(people []trace.Person) (begin, end time.Time) {
	begin = people[0].Acts[0].At
	for _, p := range people {
		if first := p.Acts[0].At; first.Before(begin) {
			begin = first
		}
		if last := p.Acts[len(p.Acts)-1].At; last.After(end) {
			end = last
		}
	}
	return begin, end
}

// lateness is how late the acts of each kind were, after the warm-up.
func lateness(people []trace.Person, releases [][]time.Time) (kinds []delay) {
	begin, _ := span(people)
	late := map[string][]time.Duration{}
	for i, p := range people {
		for k, a := range p.Acts {
			if a.At.Sub(begin) < warmUp {
				continue
			}
			d := never
			if at := releases[i][k]; !at.IsZero() {
				d = at.Sub(a.At)
			}
			late[a.Kind] = append(late[a.Kind], d)
		}
	}
	for kind, delays := range late {
		slices.Sort(delays)
		d := delay{Kind: kind, Acts: len(delays), P50: quantile(delays, 0.5), P75: quantile(delays, 0.75), P95: quantile(delays, 0.95)}
		told, _ := slices.BinarySearch(delays, never)
		d.Told = float64(told) / float64(len(delays))
		kinds = append(kinds, d)
	}
	slices.SortFunc(kinds, func(a, b delay) int { return strings.Compare(b.Kind, a.Kind) })
	return kinds
}

// never is later than any delay.
const never = time.Duration(1<<63 - 1)

// quantile is the delay, in seconds, that a share of the acts do not exceed; nil: they were never released. The delays are sorted.
func quantile(delays []time.Duration, share float64) *float64 {
	d := delays[min(int(share*float64(len(delays))), len(delays)-1)]
	if d == never {
		return nil
	}
	seconds := d.Seconds()
	return &seconds
}

func (s simulation) show(p *page) {
	p.f("%s, %d people, seed %d\n", s.Mode, s.People, s.Seed)
	if len(s.Kinds) == 0 {
		p.f("all acts are of the first eight weeks, which are left out here\n")
		return
	}
	p.f("%-8s %7s %6s %9s %9s %9s\n", "kind", "acts", "told", "p50", "p75", "p95")
	for _, d := range s.Kinds {
		p.f("%-8s %7d %6.2f %9s %9s %9s\n", d.Kind, d.Acts, d.Told, ago(d.P50), ago(d.P75), ago(d.P95))
	}
	if s.Skipped > 0 {
		p.f("%d ticks passed with nothing to release: each tells that its owner was idle\n", s.Skipped)
	}
}

// ago is a delay in a unit in which it can be read.
func ago(seconds *float64) string {
	switch {
	case seconds == nil:
		return "never"
	case *seconds < 90:
		return fmt.Sprintf("%.0f s", *seconds)
	case *seconds < 90*60:
		return fmt.Sprintf("%.0f min", *seconds/60)
	case *seconds < 72*3600:
		return fmt.Sprintf("%.0f h", *seconds/3600)
	}
	return fmt.Sprintf("%.1f d", *seconds/86400)
}
