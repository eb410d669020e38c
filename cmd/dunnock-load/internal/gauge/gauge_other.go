//go:build !linux

package gauge

import (
	"errors"
	"time"
)

var errLinux = errors.New("processes are measured as Linux lets them be measured, and this is none")

// CPU fails.
func CPU(int) (time.Duration, error) { return 0, errLinux }

func threadCPU() (time.Duration, error) { return 0, errLinux }

// Look fails.
func Look(int) (Size, error) { return Size{}, errLinux }
