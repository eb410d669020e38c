package main

import (
	"runtime"
	"testing"
	"time"
)

func TestMemoryIsGivenBack(t *testing.T) {
	ticks := make(chan time.Time)
	go giveBack(t.Context(), ticks)
	held := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapSys - m.HeapReleased
	}
	tick := func() { ticks <- time.Time{} }
	tick() // it looks once more after this one
	before := held()
	burst := make([][]byte, 64)
	for i := range burst {
		burst[i] = make([]byte, 1<<20)
		burst[i][0] = 1
	}
	tick() // much was made, and may go on
	high := held()
	runtime.KeepAlive(burst)
	clear(burst)
	tick() // quiet
	tick() // it has looked
	if after := held(); high < before+32<<20 || after > before+16<<20 {
		t.Errorf("%d MiB before, %d in the burst, %d when quiet again", before>>20, high>>20, after>>20)
	}
}
