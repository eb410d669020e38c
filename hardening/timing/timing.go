// Package timing says when an act may leave the node, and which times its documents may carry.
//
// An observer who can see the second at which an act arrives, hour by hour and for weeks, learns the owner's time zone,
// habits and, by comparison with what the owner does elsewhere, who the owner is. So an act has one release for all the
// world, and every time told to others counts from that release: what is derived here never depends on the act itself.
//
// The functions are pure: all state comes in as arguments and goes out as results, so that the worker and a simulation
// run the same code. Nothing here reads a clock, draws a random number, sleeps, logs or stores. The package does not
// decide which mode an act falls under (policy does) and keeps no order between acts (the queue does).
package timing

import "time"

// Grain is the step to which every time told to others is cut: an observer who reads a document learns the release to
// ten minutes. It stays well below the six hours after which Mastodon no longer shows a post in home timelines.
const Grain = 10 * time.Minute

// Mode is a way of choosing an act's release. The zero value is Hold.
type Mode uint8

const (
	// Hold never releases. It is what a missing, unknown or damaged setting amounts to.
	Hold Mode = iota
	// Now releases at the act itself: every observer learns when the owner acted.
	Now
)

// String is the mode as the configuration writes it; a mode that does not exist reads as what it does, "hold".
func (m Mode) String() string {
	if m == Now {
		return "now"
	}
	return "hold"
}

// Release is the moment, in UTC, from which an act done at actAt exists for the world. It is drawn once per act and
// shared by all its destinations. ok is false when the act is not to be released: under Hold, under a mode that does not
// exist, and for an act without a time.
func (m Mode) Release(actAt time.Time) (at time.Time, ok bool) {
	if m != Now || actAt.IsZero() {
		return time.Time{}, false
	}
	return actAt.Round(0).UTC(), true // Round(0) drops the monotonic reading: a release is stored and compared
}
