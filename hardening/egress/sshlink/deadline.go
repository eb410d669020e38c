package sshlink

import (
	"sync"
	"time"
)

// deadline is a moment that can be moved while somebody waits for it. The zero deadline never comes.
type deadline struct {
	mu    sync.Mutex
	over  chan struct{} // closed once it has passed
	is    bool          // closed
	timer *time.Timer
	turn  int // counts the moves: a timer of an earlier one that fires late means nothing
}

// passed gives a channel that is closed when the moment has come, whenever that then is. One that had come before a move stays
// closed.
func (d *deadline) passed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.over == nil {
		d.over = make(chan struct{})
	}
	return d.over
}

// set moves it; to never, with the zero time.
func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	d.turn++
	if d.over == nil || d.is {
		d.over, d.is = make(chan struct{}), false
	}
	if t.IsZero() {
		return
	}
	wait, turn := time.Until(t), d.turn
	if wait <= 0 {
		d.is = true
		close(d.over)
		return
	}
	d.timer = time.AfterFunc(wait, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.turn == turn && !d.is {
			d.is = true
			close(d.over)
		}
	})
}
