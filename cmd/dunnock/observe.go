package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/dunnock-server/dunnock/cmd/internal/trace"
	"github.com/dunnock-server/dunnock/hardening/observer"
	"github.com/dunnock-server/dunnock/hardening/timing"
)

func (m *Main) observeCommand() *cli.Command {
	return &cli.Command{
		Name: "observe", Category: catNode, Usage: "attack what others would see, and say what it tells them",
		UsageText:   "dunnock observe COMMAND [OPTIONS]",
		Subcommands: []*cli.Command{m.observeTimingCommand()},
	}
}

func (m *Main) observeTimingCommand() *cli.Command {
	return &cli.Command{
		Name: "timing", Usage: "find who acts, and in which time zone, by when things are released",
		UsageText: "dunnock observe timing --trace FILE (--policy NAME | --releases FILE)... [OPTIONS]",
		Description: "Plays a platform that sees when each person's node releases something, and knows how nodes delay. The trace is that of " +
			"simulate timing; the first eight weeks, in which nodes learn, are not looked at.\n\n" +
			"Linked is how often it can say which of the people a node belongs to, by a log of what each did elsewhere in the same weeks (rows " +
			"of the kind elsewhere): by a simple score, and by many of them, weighed as learned on other people. Zone is how often the offset " +
			"from UTC is guessed right within three hours, by the hours of the day and by the pauses as well (column utc_offset_minutes). Beside each " +
			"is the range that nine tenths of other people would lie in, and the bits learned. What chance and prior give without seeing " +
			"anything is in the last line. These attacks are a lower bound: what they do not find, stronger ones may." +
			examples("dunnock observe timing --trace weeks.csv --policy careful --policy strict",
				"dunnock observe timing --trace weeks.csv --releases releases.csv --json"),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "trace", Usage: "read acts from `FILE`"},
			&cli.StringSliceFlag{Name: "policy", Usage: "release as `NAME` does: a preset or a mode (see simulate timing)"},
			&cli.StringSliceFlag{Name: "releases", Usage: "read releases from `FILE`, which simulate timing wrote"},
			&cli.IntFlag{Name: "runs", Usage: "draw the releases of each policy `N` times", Value: 5},
			&cli.Uint64Flag{Name: "seed", Usage: "draw as `N` has it", Value: 1},
			jsonFlag(),
		},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			policies, files := c.StringSlice("policy"), c.StringSlice("releases")
			switch {
			case c.String("trace") == "":
				return usageError{c.Command.HelpName + " needs --trace", c.Command.HelpName}
			case len(policies)+len(files) == 0:
				return usageError{c.Command.HelpName + " needs --policy or --releases", c.Command.HelpName}
			case c.Int("runs") < 1 || c.Int("runs") > 1000:
				return usagef("--runs %d is not between 1 and 1000", c.Int("runs"))
			}
			var modes []timing.Mode
			for _, policy := range policies {
				mode, err := modeOf(policy)
				if err != nil {
					return err
				}
				modes = append(modes, mode)
			}
			people, err := readTrace(c.String("trace"))
			if err != nil {
				return err
			}
			w, err := newWatch(people, c.Uint64("seed"))
			if err != nil {
				return usagef("%s: %v", c.String("trace"), err)
			}
			var drawn [][][][]time.Time
			for _, name := range files {
				releases, err := readReleases(name, people)
				if err != nil {
					return err
				}
				drawn = append(drawn, [][][]time.Time{releases})
			}
			step, finished := m.progress("observing")
			defer finished()
			var rows []observed
			add := func(name string, drawn [][][]time.Time) {
				if rows = append(rows, w.observe(name, drawn)); step != nil {
					step(int64(len(rows)), int64(len(files)+len(modes)))
				}
			}
			for i, name := range files {
				add(name, drawn[i])
			}
			for i, mode := range modes {
				var drawn [][][]time.Time
				for run := range c.Int("runs") {
					drawn = append(drawn, simulate(mode, people, c.Uint64("seed")+uint64(run)).releases)
				}
				add(policies[i], drawn)
			}
			finished()
			if c.Bool("json") {
				return m.page().json(rows)
			}
			showObserved(m.page(), rows)
			return nil
		},
	}
}

func readReleases(name string, people []trace.Person) ([][]time.Time, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, usagef("--releases: %v", err)
	}
	defer f.Close()
	releases, err := trace.ReadReleases(f, people)
	var fault *trace.Fault
	switch {
	case errors.As(err, &fault):
		return nil, usagef("%s: %v", name, fault)
	case err != nil:
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return releases, nil
}

// watch is what stays the same in all attacks on the people of a trace.
type watch struct {
	people     []trace.Person
	begin, end time.Time
	logs       [][]time.Time
	offsets    []int // nil: not known of all
	seed       uint64
}

// newWatch says what a trace lacks.
func newWatch(people []trace.Person, seed uint64) (*watch, error) {
	w := &watch{people: people, seed: seed}
	begin, end := span(people)
	w.begin, w.end = begin.Truncate(24*time.Hour).Add(warmUp), end
	if !w.end.After(w.begin) {
		return nil, errors.New("all acts are of the first eight weeks, in which nodes learn: more are needed")
	}
	if len(people) < 2 {
		return nil, errors.New("there are acts of one person alone: who else could it be?")
	}
	logged := false
	for _, p := range people {
		logged = logged || len(p.Elsewhere) > 0
		w.logs = append(w.logs, p.Elsewhere)
		if p.Offset != nil {
			w.offsets = append(w.offsets, *p.Offset)
		}
	}
	if len(w.offsets) < len(people) {
		w.offsets = nil
	}
	if !logged {
		w.logs = nil
	}
	if w.logs == nil && w.offsets == nil {
		return nil, errors.New("there are no rows of the kind elsewhere and no column utc_offset_minutes: nothing to attack with")
	}
	return w, nil
}

// observed is what came of the attacks on one policy.
type observed struct {
	Policy string           `json:"policy"`
	Runs   int              `json:"runs"`
	Link   *observer.Linked `json:"link,omitempty"`
	Zone   *observer.Zoned  `json:"zone,omitempty"`
	Kinds  []delay          `json:"kinds"` // of the first run
}

func (w *watch) observe(policy string, drawn [][][]time.Time) observed {
	o := observed{Policy: policy, Runs: len(drawn), Kinds: lateness(w.people, drawn[0])}
	var runs []observer.Run
	for _, releases := range drawn {
		run := observer.Run{Begin: w.begin, End: w.end, Logs: w.logs}
		for i, p := range w.people {
			var seen []time.Time
			var delays []time.Duration
			for k, at := range releases[i] {
				if !at.Before(w.begin) && at.Before(w.end) {
					seen, delays = append(seen, at), append(delays, at.Sub(p.Acts[k].At))
				}
			}
			run.Releases, run.Delays = append(run.Releases, seen), append(run.Delays, delays)
		}
		runs = append(runs, run)
	}
	dice := func(of string) *rand.Rand {
		return rand.New(rand.NewChaCha8(sha256.Sum256(fmt.Appendf(nil, "%s %d", of, w.seed))))
	}
	if w.logs != nil {
		linked := observer.Link(runs, dice("link"))
		o.Link = &linked
	}
	if w.offsets != nil {
		zoned := observer.Zone(runs, w.offsets, dice("zone"))
		o.Zone = &zoned
	}
	return o
}

func showObserved(p *page, rows []observed) {
	p.f("%-24s %-23s %-23s %-11s %5s %8s %8s\n", "", "linked: simple, learned", "zone: hours, gaps", "bits, bits", "told", "p50", "p95")
	link, zone := "-", "-"
	for _, o := range rows {
		bits, told := "-", delay{}
		attack, guess := "-", "-"
		if o.Link != nil {
			attack = fmt.Sprintf("%.2f  %s", o.Link.Simple.Mean, ranged(o.Link.Learned))
			bits, link = fmt.Sprintf("%.2f", o.Link.Bits), fmt.Sprintf("%.2f", o.Link.Chance)
		}
		if o.Zone != nil {
			guess, zone = fmt.Sprintf("%.2f  %s", o.Zone.Hours.Mean, ranged(o.Zone.Gaps)), fmt.Sprintf("%.2f", o.Zone.Prior.Mean)
			bits += fmt.Sprintf(", %.2f", max(o.Zone.HourBits, o.Zone.GapBits))
		}
		for _, d := range o.Kinds {
			if d.Kind == "post" || told.Kind == "" {
				told = d
			}
		}
		p.f("%-24s %-23s %-23s %-11s %5.2f %8s %8s\n", o.Policy, attack, guess, bits, told.Told, ago(told.P50), ago(told.P95))
	}
	p.f("%-24s %-23s %-23s\n", "nothing seen", link, zone)
}

// ranged is a share with its range.
func ranged(s observer.Share) string { return fmt.Sprintf("%.2f (%.2f-%.2f)", s.Mean, s.Low, s.High) }
