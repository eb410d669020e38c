package exposure

// MaxPulls is maxPulls.
const MaxPulls = maxPulls

// Kept returns how many rows are kept in memory.
func (l *Ledger) Kept() int {
	l.pulls.mu.Lock()
	defer l.pulls.mu.Unlock()
	return len(l.pulls.rows)
}
