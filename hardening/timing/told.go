package timing

import (
	"math"
	"time"
)

// Published is the time that a document released at release carries as `published`: rounded down to Grain, in UTC. It
// is computed once and frozen: GoToSocial refuses a `published` that changes. The zero time stays zero.
func Published(release time.Time) time.Time {
	return release.UTC().Truncate(Grain)
}

// Updated is the time that an edit released at release carries as `updated`, in whole seconds of UTC: the release
// rounded down to Grain, or, where that is not later than both published and previous, the later of the two plus one
// second. previous is the last `updated` told, zero if there was none. Mastodon ignores an edit whose `updated` equals
// the last one, GoToSocial one that is earlier than `published`.
//
// The seconds count edits, they are not a clock: an observer who misses some edits of one Grain learns how many.
func Updated(release, published, previous time.Time) time.Time {
	last := published
	if previous.After(last) {
		last = previous
	}
	if at := Published(release); at.After(last) {
		return at
	}
	return last.UTC().Truncate(time.Second).Add(time.Second)
}

// Expiry is when a document that was published at published is to be deleted: d later, with d rounded up to Grain and at
// least one Grain, so that it is never before the release. Clients send d in seconds and may have counted it from their
// own clock to a round hour: an observer who could read it to the second would learn when the owner wrote.
func Expiry(published time.Time, d time.Duration) time.Time {
	return published.UTC().Add(max(roundUp(d), Grain))
}

// PollEnd is the `endTime` of a poll that was published at published and is to run for d. It is Expiry, but at least two
// Grains after published: published is up to one Grain before the release, and a poll must not arrive closed.
func PollEnd(published time.Time, d time.Duration) time.Time {
	return Expiry(published, max(d, 2*Grain))
}

// roundUp rounds d up to Grain; a d too long to be rounded up is rounded down.
func roundUp(d time.Duration) time.Duration {
	down := d.Truncate(Grain)
	if down >= d || down > math.MaxInt64-Grain {
		return down
	}
	return down + Grain
}
