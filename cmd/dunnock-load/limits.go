package main

// bound is a limit of a figure: at least or at most a value, in the figure's unit.
type bound struct {
	value float64
	most  bool
	// always says that missing it is a failure without --limits too: something is lost.
	always bool
}

func atLeast(v float64) bound { return bound{value: v} }
func atMost(v float64) bound  { return bound{value: v, most: true} }

var none = bound{most: true, always: true} // nothing at all

func (b bound) met(v float64) bool {
	if b.most {
		return v <= b.value
	}
	return v >= b.value
}

// Names of figures.
const (
	inboxSpeed   = "inbox: processed and visible"
	inboxCPU     = "inbox: CPU an activity"
	inboxLost    = "inbox: answered 2xx and lost"
	inboxDoubled = "inbox: doubled"
)

// limits are all limits, for two cores with the load on the same machine. A figure without one is for information.
var limits = map[string]bound{
	inboxSpeed:   atLeast(4000),
	inboxCPU:     atMost(0.35),
	inboxLost:    none,
	inboxDoubled: none,
}
