package timing

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Kind is a way of choosing releases. The zero value is Hold.
type Kind uint8

const (
	// Hold never releases. It is what a missing, unknown or damaged setting amounts to.
	Hold Kind = iota
	// Now releases at the act itself: every observer learns when the owner acted.
	Now
	// Uniform delays each act by any time of a range. It hides the minute. It does not hide the zone unless the range is a day, nor
	// who the owner is from whoever has a log of a suspect's acts elsewhere.
	Uniform
	// Exponential delays each act by a time that is mostly short. It hides what Uniform hides, and less of it.
	Exponential
	// Batch releases what was done in a period at its end. It hides when in the period it was, not which periods were idle.
	Batch
	// Level holds just enough sessions for the owner's silent hours that the day looks flat. It blurs the zone, and does nothing
	// against comparison with a log.
	Level
	// Drip releases the newest act at each tick of a Poisson process. Ticks at which nothing waits pass in silence, and tell that the
	// owner was idle.
	Drip
	// Steady releases at ticks drawn in advance, for which a reserve of acts without hurry is kept: as long as it lasts, the number and
	// times of the releases do not depend on the acts.
	Steady
)

var kinds = []string{Hold: "hold", Now: "now", Uniform: "jitter", Exponential: "jitter", Batch: "batch", Level: "level", Drip: "drip", Steady: "steady"}

// Mode is a way of choosing releases with its settings. The zero value holds everything.
type Mode struct {
	Kind      Kind
	From, To  time.Duration // of Uniform: the range, both ends included
	Mean, Cap time.Duration // of Exponential: the mean before it is cut, and the longest
	Period    time.Duration // of Batch: ends at its multiples since the year 1 in UTC, which for a day is midnight
	Ticks     Rate          // of Drip and Steady
	Reserve   int           // of Steady: acts that wait before the first tick. 0: DefaultReserve
}

// Rate is how often ticks come. The zero value is DefaultFactor times the owner's own rate of the past months.
type Rate struct {
	PerWeek float64 // ticks a week, whatever the owner does
	Factor  float64 // or so many times the acts of the past months
}

const (
	// DefaultReserve is the reserve of Steady, in acts.
	DefaultReserve = 12
	// DefaultFactor is how many ticks come for each act of the past months.
	DefaultFactor = 1.0

	longest     = 90 * 24 * time.Hour // that an act may be held by a draw
	mostPerWeek = 10_000
)

// Preset is the mode for what is public of a preset of the policy: open, careful or strict.
func Preset(name string) (Mode, bool) {
	switch name {
	case "open":
		return Mode{Kind: Now}, true
	case "careful":
		return Mode{Kind: Level}, true
	case "strict":
		return Mode{Kind: Steady}, true
	}
	return Mode{}, false
}

const forms = "now, jitter 1h..8h, jitter mean 1h cap 6h, batch 24h, level, drip, steady, steady 20/week or steady 1.2x"

// ParseMode reads a mode as the configuration writes it:
//
//	now | jitter A..B | jitter mean M cap C | batch PERIOD | level | drip [RATE] | steady [RATE [reserve N]]
//
// Times are Go's durations (90m, 24h), of 90 days at most; RATE is N/week or Nx. "hold" is a mode, too.
func ParseMode(text string) (Mode, error) {
	words := strings.Fields(text)
	m, err := parseMode(words)
	if err != nil {
		return Mode{}, fmt.Errorf("%q is no mode: %w", text, err)
	}
	if err := m.Valid(); err != nil {
		return Mode{}, fmt.Errorf("%q: %w", text, err)
	}
	return m, nil
}

func parseMode(words []string) (m Mode, err error) {
	if len(words) == 0 {
		return m, errors.New("one of " + forms)
	}
	rest := words[1:]
	switch words[0] {
	case "hold", "now", "level":
		m.Kind = map[string]Kind{"hold": Hold, "now": Now, "level": Level}[words[0]]
		if len(rest) > 0 {
			return m, fmt.Errorf("%s has no settings", words[0])
		}
	case "jitter":
		if len(rest) == 4 && rest[0] == "mean" && rest[2] == "cap" {
			m.Kind = Exponential
			return m, errors.Join(parseDuration(rest[1], &m.Mean), parseDuration(rest[3], &m.Cap))
		}
		from, to, ok := strings.Cut(strings.Join(rest, ""), "..")
		if !ok {
			return m, errors.New("jitter is written jitter 1h..8h or jitter mean 1h cap 6h")
		}
		m.Kind = Uniform
		return m, errors.Join(parseDuration(from, &m.From), parseDuration(to, &m.To))
	case "batch":
		if len(rest) != 1 {
			return m, errors.New("batch is written batch 24h")
		}
		m.Kind = Batch
		return m, parseDuration(rest[0], &m.Period)
	case "drip", "steady":
		m.Kind = Drip
		if words[0] == "steady" {
			m.Kind = Steady
		}
		if len(rest) > 0 && rest[0] != "reserve" {
			if m.Ticks, err = parseRate(rest[0]); err != nil {
				return m, err
			}
			rest = rest[1:]
		}
		if m.Kind == Steady && len(rest) == 2 && rest[0] == "reserve" {
			if m.Reserve, err = strconv.Atoi(rest[1]); err != nil || m.Reserve <= 0 {
				return m, fmt.Errorf("a reserve is a number of acts, not %q", rest[1])
			}
			rest = nil
		}
		if len(rest) > 0 {
			return m, fmt.Errorf("%s is followed by a rate, as in %[1]s 20/week or %[1]s 1.2x", words[0])
		}
	default:
		return m, errors.New("one of " + forms)
	}
	return m, nil
}

func parseDuration(text string, to *time.Duration) (err error) {
	if text == "0" {
		*to = 0
		return nil
	}
	if *to, err = time.ParseDuration(text); err != nil {
		return fmt.Errorf("%q is no time such as 90m or 24h", text)
	}
	return nil
}

func parseRate(text string) (r Rate, err error) {
	to := &r.Factor
	number, ok := strings.CutSuffix(text, "x")
	if !ok {
		to = &r.PerWeek
		if number, ok = strings.CutSuffix(text, "/week"); !ok {
			return r, fmt.Errorf("%q is no rate such as 20/week or 1.2x", text)
		}
	}
	if *to, err = strconv.ParseFloat(number, 64); err != nil || *to <= 0 {
		return r, fmt.Errorf("%q is no rate such as 20/week or 1.2x", text)
	}
	return r, nil
}

// Valid says what is wrong with a mode.
func (m Mode) Valid() error {
	within := func(what string, d, least time.Duration) error {
		if d < least || d > longest {
			return fmt.Errorf("%s of %s is not between %s and %s", what, short(d), short(least), short(longest))
		}
		return nil
	}
	switch m.Kind {
	case Hold, Now, Level:
		return nil
	case Uniform:
		if m.To < m.From {
			return fmt.Errorf("the range ends at %s, before it begins at %s", short(m.To), short(m.From))
		}
		return errors.Join(within("a delay", m.From, 0), within("a delay", m.To, time.Second))
	case Exponential:
		if m.Cap < m.Mean {
			return fmt.Errorf("the cap of %s is below the mean of %s", short(m.Cap), short(m.Mean))
		}
		return errors.Join(within("a mean", m.Mean, time.Second), within("a cap", m.Cap, time.Second))
	case Batch:
		return within("a period", m.Period, time.Minute)
	case Drip, Steady:
		if m.Reserve < 0 || m.Reserve > 1000 {
			return fmt.Errorf("a reserve of %d is not between 1 and 1000", m.Reserve)
		}
		return m.Ticks.valid()
	}
	return fmt.Errorf("there is no mode %d", m.Kind)
}

func (r Rate) valid() error {
	if r.PerWeek != 0 && r.Factor != 0 {
		return errors.New("a rate is either so many ticks a week or a factor, not both")
	}
	if r.PerWeek != 0 && !(r.PerWeek >= 0.1 && r.PerWeek <= mostPerWeek) {
		return fmt.Errorf("%v ticks a week is not between 0.1 and %d", r.PerWeek, mostPerWeek)
	}
	if r.Factor != 0 && !(r.Factor >= 0.1 && r.Factor <= 100) {
		return fmt.Errorf("a factor of %v is not between 0.1 and 100", r.Factor)
	}
	return nil
}

// String is the mode as ParseMode reads it; a mode that is not Valid reads as what it does, "hold".
func (m Mode) String() string {
	if m.Valid() != nil {
		return kinds[Hold]
	}
	text := kinds[m.Kind]
	switch m.Kind {
	case Uniform:
		text += fmt.Sprintf(" %s..%s", short(m.From), short(m.To))
	case Exponential:
		text += fmt.Sprintf(" mean %s cap %s", short(m.Mean), short(m.Cap))
	case Batch:
		text += " " + short(m.Period)
	case Drip, Steady:
		text += m.Ticks.text()
		if m.Kind == Steady && m.Reserve != 0 {
			text += fmt.Sprintf(" reserve %d", m.Reserve)
		}
	}
	return text
}

func (r Rate) text() string {
	switch {
	case r.PerWeek != 0:
		return " " + strconv.FormatFloat(r.PerWeek, 'g', -1, 64) + "/week"
	case r.Factor != 0:
		return " " + strconv.FormatFloat(r.Factor, 'g', -1, 64) + "x"
	}
	return ""
}

// short is d without parts that are zero.
func short(d time.Duration) string {
	text := d.String()
	if d%time.Minute == 0 {
		text = strings.TrimSuffix(text, "0s")
	}
	if d%time.Hour == 0 {
		text = strings.TrimSuffix(text, "0m")
	}
	if text == "" {
		return "0"
	}
	return text
}

// perDay are the ticks a day, with so many acts a day in the past months.
func (r Rate) perDay(acts float64) float64 {
	if r.PerWeek != 0 {
		return r.PerWeek / 7
	}
	factor := r.Factor
	if factor == 0 {
		factor = DefaultFactor
	}
	return min(max(factor*acts, leastPerDay), mostPerWeek/7.0)
}

// exponential is what waiting for an event of a Poisson process takes, given that it takes no more than most: by inversion, so that
// nothing piles up at the end.
func exponential(mean, most time.Duration, r interface{ Float64() float64 }) time.Duration {
	u := r.Float64() * -math.Expm1(-float64(most)/float64(mean))
	return min(time.Duration(-math.Log1p(-u)*float64(mean)), most)
}
