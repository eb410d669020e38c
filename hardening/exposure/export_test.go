package exposure

// MaxPulls is maxPulls.
const MaxPulls = maxPulls

// Kept returns how many rows are kept in memory.
func (l *Ledger) Kept() int {
	l.pending.mu.Lock()
	defer l.pending.mu.Unlock()
	return len(l.pending.pulls)
}
