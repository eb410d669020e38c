package wire

import (
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestLongText: however much of what looks like a link a text holds, its cost grows with its length and no faster.
func TestLongText(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, piece := range []string{"https://b.example/", "-https://b.example/-", ")", "@a@b.example", "#a", "https://b.example/" + strings.Repeat(")", 3000) + " "} {
		fastest := func(length int) time.Duration {
			source := "https://b.example/" + strings.Repeat(piece, length/len(piece))
			best := time.Duration(math.MaxInt64)
			for range 3 {
				start := threadTime(t)
				ours.Text(source, nil)
				best = min(best, threadTime(t)-start)
			}
			return best
		}
		// Four times the text takes four times as long; were it each by each, sixteen times.
		if short, long := fastest(75_000), fastest(300_000); long > 10*short {
			t.Errorf("%.20q: %v, and for four times the text %v", piece, short, long)
		}
	}
}

// threadTime is the processor time that the thread has had: what else the machine does is not in it.
func threadTime(t *testing.T) time.Duration {
	var at unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &at); err != nil {
		t.Fatal(err)
	}
	return time.Duration(at.Nano())
}
