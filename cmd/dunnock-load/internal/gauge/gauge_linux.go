package gauge

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// CPU is the processor time that a process has used, in user and kernel mode, all its threads: what /proc/PID/stat has as
// utime and stime, to the nanosecond rather than the tick.
func CPU(pid int) (time.Duration, error) {
	const scheduler = 2 // CPUCLOCK_SCHED, of a whole process: see clock_getcpuclockid(3)
	return clock(^int32(pid)<<3 | scheduler)
}

// threadCPU is the processor time that the calling thread has used.
func threadCPU() (time.Duration, error) { return clock(unix.CLOCK_THREAD_CPUTIME_ID) }

func clock(id int32) (time.Duration, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(id, &t); err != nil {
		return 0, fmt.Errorf("reading processor time: %w", err)
	}
	return time.Duration(t.Nano()), nil
}

// Look reads what a process holds now.
func Look(pid int) (s Size, err error) {
	proc := filepath.Join("/proc", strconv.Itoa(pid))
	f, err := os.Open(filepath.Join(proc, "status"))
	if err != nil {
		return s, fmt.Errorf("measuring a process: %w", err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ":")
		amount, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err != nil {
			continue
		}
		switch name {
		case "VmRSS":
			s.RSS = amount << 10
		case "RssAnon":
			s.Anonymous = amount << 10
		case "VmHWM":
			s.Peak = amount << 10
		case "Threads":
			s.Threads = int(amount)
		}
	}
	open, err := os.ReadDir(filepath.Join(proc, "fd"))
	s.Descriptors = len(open)
	for _, d := range open {
		// One that was closed since is none.
		if what, err := os.Readlink(filepath.Join(proc, "fd", d.Name())); err == nil && strings.HasPrefix(what, "socket:") {
			s.Sockets++
		}
	}
	return s, err
}
