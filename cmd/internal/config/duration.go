package config

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// units of durations. Months and years are left out: they are not of one length.
var units = map[byte]time.Duration{'w': 7 * 24 * time.Hour, 'd': 24 * time.Hour, 'h': time.Hour, 'm': time.Minute}

// ParseDuration reads "30d", "1w", "1d12h" or "90m": whole numbers, each with its unit, together more than nothing.
func ParseDuration(s string) (time.Duration, error) {
	bad := fmt.Errorf("%q is not a duration: write a number and m, h, d or w, such as 30d or 1d12h", s)
	var total time.Duration
	for rest := s; rest != ""; {
		digits := 0
		for digits < len(rest) && rest[digits] >= '0' && rest[digits] <= '9' {
			digits++
		}
		n, err := strconv.ParseInt(rest[:digits], 10, 64)
		if err != nil || digits == len(rest) {
			return 0, bad
		}
		unit, ok := units[rest[digits]]
		if !ok || n > int64((math.MaxInt64-total)/unit) {
			return 0, bad
		}
		total += time.Duration(n) * unit
		rest = rest[digits+1:]
	}
	if total == 0 {
		return 0, bad
	}
	return total, nil
}
