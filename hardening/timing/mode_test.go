package timing

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func dice(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 7)) }

func mode(t interface {
	Helper()
	Fatal(...any)
}, text string) Mode {
	t.Helper()
	m, err := ParseMode(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestParseMode(t *testing.T) {
	for text, want := range map[string]Mode{
		"hold":                   {},
		"now":                    {Kind: Now},
		"level":                  {Kind: Level},
		"jitter 0..30m":          {Kind: Uniform, To: 30 * time.Minute},
		"jitter 1h .. 8h30m":     {Kind: Uniform, From: time.Hour, To: 8*time.Hour + 30*time.Minute},
		"jitter mean 1h cap 6h":  {Kind: Exponential, Mean: time.Hour, Cap: 6 * time.Hour},
		"batch 24h":              {Kind: Batch, Period: 24 * time.Hour},
		"drip":                   {Kind: Drip},
		"drip 2x":                {Kind: Drip, Ticks: Rate{Factor: 2}},
		"steady":                 {Kind: Steady},
		"steady 20/week":         {Kind: Steady, Ticks: Rate{PerWeek: 20}},
		"steady 1.2x reserve 30": {Kind: Steady, Ticks: Rate{Factor: 1.2}, Reserve: 30},
		"steady reserve 3":       {Kind: Steady, Reserve: 3},
	} {
		if got, err := ParseMode(text); got != want || err != nil {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for text, why := range map[string]string{
		"":                       "one of now",
		"soon":                   "one of now",
		"now 1h":                 "no settings",
		"jitter":                 "is written",
		"jitter 8h..1h":          "ends at 1h, before it begins at 8h",
		"jitter 0..0":            "is not between 1s and 2160h",
		"jitter -1h..1h":         "is not between 0 and",
		"jitter 1h..91d":         "no time",
		"jitter 0..2161h":        "is not between",
		"jitter mean 6h cap 1h":  "the cap of 1h is below the mean of 6h",
		"batch":                  "is written",
		"batch 1s":               "is not between 1m and",
		"drip 2":                 "no rate",
		"drip 2x reserve 3":      "followed by a rate",
		"steady NaNx":            "is not between",
		"steady Infx":            "is not between",
		"steady 0x":              "no rate",
		"steady 1000000/week":    "is not between",
		"steady 1x reserve 0":    "number of acts",
		"steady 1x reserve 2000": "is not between",
		"steady 1x often":        "followed by a rate",
	} {
		if m, err := ParseMode(text); err == nil || !strings.Contains(err.Error(), why) || m != (Mode{}) {
			t.Errorf("%q: %+v, %v", text, m, err)
		}
	}
}

// drawMode gives any valid mode that has no ticks or, if they may, has.
func drawMode(t *rapid.T, ticks bool) Mode {
	span := func(name string, least time.Duration) time.Duration {
		return time.Duration(rapid.Int64Range(int64(least/time.Second), int64(longest/time.Second)).Draw(t, name)) * time.Second
	}
	kinds := []Kind{Now, Uniform, Exponential, Batch, Level}
	if ticks {
		kinds = append(kinds, Drip, Steady)
	}
	m := Mode{Kind: rapid.SampledFrom(kinds).Draw(t, "kind")}
	switch m.Kind {
	case Uniform:
		m.From = span("from", 0)
		m.To = max(m.From, span("to", time.Second))
	case Exponential:
		m.Mean = span("mean", time.Second)
		m.Cap = max(m.Mean, span("cap", time.Second))
	case Batch:
		m.Period = span("period", time.Minute)
	case Drip, Steady:
		m.Ticks.Factor = rapid.SampledFrom([]float64{0, 0.5, 1.25, 3}).Draw(t, "factor")
		if m.Ticks.Factor == 0 {
			m.Ticks.PerWeek = rapid.SampledFrom([]float64{0, 0.5, 7, 1000}).Draw(t, "a week")
		}
		if m.Kind == Steady {
			m.Reserve = rapid.IntRange(0, 20).Draw(t, "reserve")
		}
	}
	return m
}

func TestModeReadsAsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawMode(t, true)
		if got := mode(t, m.String()); got != m {
			t.Fatalf("%q is read as %q", m, got)
		}
	})
	if got := (Mode{Kind: 99}).String(); got != "hold" {
		t.Errorf("a mode that does not exist reads as %q", got)
	}
}

// A mode that is not valid holds, also where the kind alone would release.
func TestNotValidHolds(t *testing.T) {
	for _, m := range []Mode{{}, {Kind: 99}, {Kind: Uniform, From: 2, To: 1}, {Kind: Uniform, To: 91 * day}, {Kind: Batch}, {Kind: Exponential},
		{Kind: Steady, Ticks: Rate{PerWeek: 1, Factor: 1}}} {
		_, at, verdict := m.Arrive(State{}, time.Now(), dice(1))
		if verdict != Held || !at.IsZero() {
			t.Errorf("%+v: %v %v", m, verdict, at)
		}
		if _, pick, next := m.Tick(State{}, time.Now(), Queue{Posts: 1, Others: 100}, dice(1)); pick != (Pick{}) || !next.IsZero() {
			t.Errorf("%+v releases at a tick", m)
		}
	}
	if _, _, verdict := mode(t, "now").Arrive(State{}, time.Time{}, nil); verdict != Held {
		t.Error("an act without a time is released")
	}
}

// No act leaves before it was done, nor later than its mode says.
func TestDrawsStayWithin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, s, r, actAt := drawMode(t, false), State{}, dice(rapid.Uint64().Draw(t, "seed")), drawTime(t, "act")
		for range rapid.IntRange(1, 30).Draw(t, "acts") {
			var release time.Time
			var verdict Verdict
			s, release, verdict = m.Arrive(s, actAt, r)
			least, most := time.Duration(0), map[Kind]time.Duration{Uniform: m.To, Exponential: m.Cap, Batch: m.Period, Level: day}[m.Kind]
			if m.Kind == Uniform {
				least = m.From
			}
			if d := release.Sub(actAt); verdict != Drawn || d < least || d > most || release.Location() != time.UTC {
				t.Fatalf("%v: %v after the act, %v", m, d, verdict)
			}
			if m.Kind == Batch && (release.Truncate(m.Period) != release || !release.After(actAt)) {
				t.Fatalf("%v: at %v", m, release)
			}
			actAt = actAt.Add(time.Duration(rapid.Int64Range(0, int64(40*time.Hour)).Draw(t, "pause")))
		}
	})
}

// mean is that of many delays, in hours.
func mean(m Mode, n int) (mean, top float64) {
	r, actAt := dice(3), at("2026-03-01T12:00:00Z")
	for range n {
		_, release, _ := m.Arrive(State{}, actAt, r)
		h := release.Sub(actAt).Hours()
		mean += h / float64(n)
		top = max(top, h)
	}
	return mean, top
}

func TestJitterIsAsWide(t *testing.T) {
	if m, top := mean(mode(t, "jitter 2h..8h"), 20000); m < 4.9 || m > 5.1 || top < 7.9 {
		t.Errorf("uniform from 2 to 8 hours: mean %v, at most %v", m, top)
	}
	if m, top := mean(mode(t, "jitter mean 1h cap 90h"), 20000); m < 0.96 || m > 1.04 || top < 6 {
		t.Errorf("exponential of 1 hour: mean %v, at most %v", m, top)
	}
	// Cut at its mean, a mean of 1 is 1 - 1/(e-1) = 0.418.
	if m, top := mean(mode(t, "jitter mean 1h cap 1h"), 20000); m < 0.40 || m > 0.435 || top > 1 {
		t.Errorf("exponential cut at its mean: mean %v, at most %v", m, top)
	}
}
