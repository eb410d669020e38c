package timing

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err)
	}
	return t
}

func TestRelease(t *testing.T) {
	now := time.Now() // with a monotonic reading
	for _, test := range []struct {
		name string
		mode Mode
		act  time.Time
		ok   bool
	}{
		{"zero mode holds", Mode{}, now, false},
		{"level needs a past", Mode{Kind: Level}, now, false},
		{"unknown mode holds", Mode{Kind: 200}, now, false},
		{"now", Mode{Kind: Now}, now, true},
		{"act without a time", Mode{Kind: Now}, time.Time{}, false},
	} {
		got, ok := test.mode.Release(test.act)
		if ok != test.ok {
			t.Errorf("%s: released %v, want %v", test.name, ok, test.ok)
		}
		if !ok && !got.IsZero() {
			t.Errorf("%s: held, yet says %v", test.name, got)
		}
		if ok && (!got.Equal(test.act) || got != test.act.UTC().Round(0)) {
			t.Errorf("%s: %v, want %v in plain UTC", test.name, got, test.act)
		}
	}
}

func TestTold(t *testing.T) {
	for _, test := range []struct{ name, got, want string }{
		{"published", fmtTime(Published(at("2026-03-01T12:19:59.999+05:45"))), "2026-03-01T06:30:00Z"},
		{"published on the grain", fmtTime(Published(at("2026-03-01T12:20:00Z"))), "2026-03-01T12:20:00Z"},
		{"first edit, later", fmtTime(Updated(at("2026-03-01T13:07:11Z"), at("2026-03-01T12:20:00Z"), time.Time{})),
			"2026-03-01T13:00:00Z"},
		{"first edit, same grain", fmtTime(Updated(at("2026-03-01T12:27:11Z"), at("2026-03-01T12:20:00Z"), time.Time{})),
			"2026-03-01T12:20:01Z"},
		{"second edit, same grain", fmtTime(Updated(at("2026-03-01T12:28:11Z"), at("2026-03-01T12:20:00Z"),
			at("2026-03-01T12:20:01Z"))), "2026-03-01T12:20:02Z"},
		{"clock set back", fmtTime(Updated(at("2026-02-01T00:00:00Z"), at("2026-03-01T12:20:00Z"),
			at("2026-03-01T14:00:00Z"))), "2026-03-01T14:00:01Z"},
		{"previous with a fraction", fmtTime(Updated(at("2026-03-01T12:20:00Z"), at("2026-03-01T12:20:00Z"),
			at("2026-03-01T12:20:00.7Z"))), "2026-03-01T12:20:01Z"},
		{"expiry", fmtTime(Expiry(at("2026-03-01T12:20:00Z"), 30*24*time.Hour)), "2026-03-31T12:20:00Z"},
		{"expiry counted from a clock", fmtTime(Expiry(at("2026-03-01T12:20:00Z"), 86243*time.Second)), "2026-03-02T12:20:00Z"},
		{"expiry of nothing", fmtTime(Expiry(at("2026-03-01T12:20:00Z"), -time.Hour)), "2026-03-01T12:30:00Z"},
		{"short poll", fmtTime(PollEnd(at("2026-03-01T12:20:00Z"), 5*time.Minute)), "2026-03-01T12:40:00Z"},
		{"long poll", fmtTime(PollEnd(at("2026-03-01T12:20:00Z"), 24*time.Hour)), "2026-03-02T12:20:00Z"},
	} {
		if test.got != test.want {
			t.Errorf("%s: %s, want %s", test.name, test.got, test.want)
		}
	}
	if got := Published(time.Time{}); !got.IsZero() {
		t.Errorf("the zero time became %v", got)
	}
	if got := roundUp(math.MaxInt64); got <= 0 {
		t.Errorf("the longest duration wrapped to %v", got)
	}
}

func fmtTime(t time.Time) string { return t.Format(time.RFC3339Nano) }

// drawTime gives any time of the years 1970 to 2200, to the nanosecond, in some zone.
func drawTime(t *rapid.T, name string) time.Time {
	zone := time.FixedZone("", rapid.IntRange(-14*3600, 14*3600).Draw(t, name+" offset"))
	return time.Unix(rapid.Int64Range(0, 7_258_118_400).Draw(t, name),
		rapid.Int64Range(0, 999_999_999).Draw(t, name+" ns")).In(zone)
}

func TestPublishedIsTheFloor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		release := drawTime(t, "release")
		got := Published(release)
		if got.Location() != time.UTC || got.UnixNano()%int64(Grain) != 0 {
			t.Fatalf("%v is not on the grain of UTC", got)
		}
		if d := release.Sub(got); d < 0 || d >= Grain {
			t.Fatalf("%v is %v before the release", got, d)
		}
		if Published(got) != got {
			t.Fatal("not frozen")
		}
	})
}

// TestNothingTellsTheAct draws two releases in one grain: nothing that is told may differ, whatever was told before.
func TestNothingTellsTheAct(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := drawTime(t, "release")
		b := Published(a).Add(time.Duration(rapid.Int64Range(0, int64(Grain)-1).Draw(t, "other")))
		published, previous := Published(drawTime(t, "published")), Published(drawTime(t, "previous"))
		d := time.Duration(rapid.Int64Range(1, int64(1000*time.Hour)).Draw(t, "d"))
		if Published(a) != Published(b) || Updated(a, published, previous) != Updated(b, published, previous) ||
			Expiry(Published(a), d) != Expiry(Published(b), d) || PollEnd(Published(a), d) != PollEnd(Published(b), d) {
			t.Fatalf("%v and %v can be told apart", a, b)
		}
	})
}

func TestUpdatedIncreases(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		published := Published(drawTime(t, "release"))
		previous := time.Time{}
		for _, minutes := range rapid.SliceOfN(rapid.IntRange(-600, 6000), 1, 20).Draw(t, "edits after minutes") {
			release := published.Add(time.Duration(minutes) * time.Minute)
			got := Updated(release, published, previous)
			if !got.After(published) || !got.After(previous) {
				t.Fatalf("%v is not later than %v and %v", got, published, previous)
			}
			if got.Nanosecond() != 0 || got.Location() != time.UTC {
				t.Fatalf("%v is not whole seconds of UTC", got)
			}
			if floor := Published(release); floor.After(published) && floor.After(previous) && got != floor {
				t.Fatalf("%v, want the floor %v", got, floor)
			}
			previous = got
		}
	})
}

func TestEndsComeAfterTheRelease(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		release := drawTime(t, "release")
		d := time.Duration(rapid.Int64Range(math.MinInt64, int64(50*365*24*time.Hour)).Draw(t, "d"))
		expiry, poll := Expiry(Published(release), d), PollEnd(Published(release), d)
		if !expiry.After(release) || poll.Sub(release) <= Grain {
			t.Fatalf("released %v, expires %v, poll ends %v", release, expiry, poll)
		}
		if expiry != Published(expiry) || poll != Published(poll) {
			t.Fatalf("%v or %v is off the grain", expiry, poll)
		}
		if d > 0 && expiry.Sub(Published(release)) < d {
			t.Fatalf("%v is cut short to %v", d, expiry.Sub(Published(release)))
		}
	})
}
