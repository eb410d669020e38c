package main

import (
	"time"

	"github.com/dunnock-server/dunnock/cmd/dunnock-load/internal/gauge"
)

// measure runs a load, which is told when it began, and gives how long it took and the processor time that the node used.
func (t *trial) measure(load func(begun time.Time) error) (took, cpu time.Duration, err error) {
	used, err := gauge.CPU(t.node.PID())
	if err != nil {
		return 0, 0, err
	}
	begun := time.Now()
	if err := load(begun); err != nil {
		return 0, 0, err
	}
	took = time.Since(begun)
	now, err := gauge.CPU(t.node.PID())
	return took, now - used, err
}

// yardstick measures what RSA costs now, right beside what is compared to it, and adds that to the report.
func (t *trial) yardstick() (gauge.RSA, error) {
	t.say("measuring RSA")
	r, err := gauge.MeasureRSA()
	if err == nil {
		t.add("CPU of one RSA-2048 signature", ms(r.Sign), "ms")
		t.add("CPU of one RSA-2048 verification", ms(r.Verify), "ms")
	}
	return r, err
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// meddle lets a test spoil what is about to be counted.
func (t *trial) meddle() error {
	if t.main.meddle == nil {
		return nil
	}
	return t.main.meddle(t)
}
