package delivery_test

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkFanOut tells a thousand servers of one act: signatures, views, ledger and commits included, the network not.
func BenchmarkFanOut(b *testing.B) {
	const servers = 1000
	inboxes := make([]string, servers)
	for i := range inboxes {
		inboxes[i] = fmt.Sprintf("http://h%d.example/inbox", i)
	}
	for _, delay := range []time.Duration{0, 200 * time.Millisecond} {
		b.Run(fmt.Sprintf("answer=%v", delay), func(b *testing.B) {
			w := newWorld(b)
			w.far.answer = func(arrival, header) int { time.Sleep(delay); return 202 }
			for b.Loop() {
				w.post(inboxes...)
				w.batch(servers)
			}
			b.ReportMetric(float64(b.N*servers)/b.Elapsed().Seconds(), "deliveries/s")
		})
	}
}
