package main

import (
	"time"

	"github.com/dunnock-server/dunnock/cmd/internal/config"
)

// parseDuration reads a duration as the configuration has them.
func parseDuration(s string) (time.Duration, error) {
	d, err := config.ParseDuration(s)
	if err != nil {
		return 0, usagef("%v", err)
	}
	return d, nil
}

// parseSeconds is parseDuration in seconds, as calls have it.
func parseSeconds(s string) (int64, error) {
	d, err := parseDuration(s)
	return int64(d / time.Second), err
}
