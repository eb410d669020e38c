package metrics_test

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"pgregory.net/rapid"

	"github.com/dunnock-server/dunnock/federation/metrics"
)

// parse has Prometheus' own parser read a text.
func parse(t rapid.TB, text string) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return families
}

// value is that of the sample of a family with such a label; the label may be left out.
func value(t rapid.TB, f *dto.MetricFamily, label string) float64 {
	t.Helper()
	for _, m := range f.GetMetric() {
		found := label == ""
		for _, l := range m.GetLabel() {
			found = found || l.GetValue() == label
		}
		switch {
		case found && m.Gauge != nil:
			return m.GetGauge().GetValue()
		case found && m.Counter != nil:
			return m.GetCounter().GetValue()
		}
	}
	t.Fatalf("%s{%s} is not there", f.GetName(), label)
	return 0
}

// TestText: every figure of a Snapshot is read again as it was, whatever relays are called, and each family says what it is.
func TestText(t *testing.T) {
	moment := time.Unix(1_790_000_000, 500)
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.String().Draw(t, "name")
		n := rapid.Int64Range(0, 1<<52).Draw(t, "n")
		s := metrics.Snapshot{Started: moment, Certificate: moment.Add(time.Hour),
			Relays:  []metrics.Relay{{Name: name, Kind: "ssh", Up: true, Since: moment.Add(time.Minute), Reconnects: int(n)}, {Name: name + "2", Kind: "tor"}},
			Ingress: []metrics.WayIn{{Name: name, Up: true, Since: moment, Seen: moment.Add(time.Second)}, {Name: name + "2"}},
			Counts: metrics.Counts{At: moment, Waiting: n, Due: n + 1, GivenUp: n + 2, Oldest: moment.Add(-time.Hour),
				Attempts: metrics.Attempts{Arrived: uint64(n), Withheld: 1, Hopeless: 2, Failed: 3, Held: 4},
				Inbound:  n + 3, Calls: n + 4, Ledger: n + 5, Database: n + 6, Goroutines: 7, Heap: 8}}
		text := s.Text()
		families := parse(t, text)
		name = strings.ToValidUTF8(name, "\ufffd")
		for _, want := range []struct {
			family, label string
			value         float64
		}{
			{"up", "", 1}, {"start_time_seconds", "", 1_790_000_000}, {"certificate_expiry_time_seconds", "", 1_790_003_600},
			{"relay_up", name, 1}, {"relay_up", name + "2", 0}, {"relay_changed_time_seconds", name, 1_790_000_060},
			{"relay_reconnects_total", name, float64(n)}, {"relay_reconnects_total", name + "2", 0},
			{"ingress_up", name, 1}, {"ingress_up", name + "2", 0}, {"ingress_changed_time_seconds", name, 1_790_000_000}, {"ingress_seen_time_seconds", name, 1_790_000_001},
			{"counted_time_seconds", "", 1_790_000_000}, {"deliveries", "waiting", float64(n)}, {"deliveries", "due", float64(n + 1)}, {"deliveries", "given_up", float64(n + 2)},
			{"oldest_due_time_seconds", "", 1_789_996_400},
			{"delivery_attempts_total", "arrived", float64(n)}, {"delivery_attempts_total", "withheld", 1}, {"delivery_attempts_total", "hopeless", 2},
			{"delivery_attempts_total", "failed", 3}, {"delivery_attempts_total", "held", 4},
			{"inbound_waiting", "", float64(n + 3)}, {"calls_waiting", "", float64(n + 4)}, {"ledger_rows", "", float64(n + 5)}, {"database_bytes", "", float64(n + 6)},
			{"goroutines", "", 7}, {"heap_bytes", "", 8},
		} {
			if got := value(t, families["dunnock_"+want.family], want.label); got != want.value || math.IsNaN(got) {
				t.Errorf("%s{%q} is %v, not %v", want.family, want.label, got, want.value)
			}
		}
		for name, f := range families {
			if f.GetHelp() == "" || !strings.HasPrefix(name, "dunnock_") || (f.GetType() == dto.MetricType_COUNTER) != strings.HasSuffix(name, "_total") {
				t.Errorf("%s: %v, %q", name, f.GetType(), f.GetHelp())
			}
		}
	})
}

// TestDown: of a node that does not run nothing is said but that, and what is not known is left out.
func TestDown(t *testing.T) {
	if families := parse(t, metrics.Snapshot{}.Text()); len(families) != 1 || value(t, families["dunnock_up"], "") != 0 {
		t.Error(families)
	}
	families := parse(t, metrics.Snapshot{Started: time.Unix(1, 0), Relays: []metrics.Relay{{Name: "out", Up: true}}}.Text())
	names := map[string]bool{}
	for name := range families {
		names[strings.TrimPrefix(name, "dunnock_")] = true
	}
	if want := map[string]bool{"up": true, "start_time_seconds": true, "relay_up": true, "relay_reconnects_total": true}; !reflect.DeepEqual(names, want) {
		t.Error(names)
	}
}
