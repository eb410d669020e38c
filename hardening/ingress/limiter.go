package ingress

import (
	"container/list"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxBuckets bounds the table. An attacker with more networks than that evicts the buckets of others, which thereby are
// full again: the table protects itself before it protects from them, and MaxConns is what is left.
const maxBuckets = 4096

// limiter is a token bucket for each network, and one for all whose network is not known.
type limiter struct {
	crowd *rate.Limiter

	rate  rate.Limit
	burst int
	full  time.Duration // in which an empty bucket is full again

	mu     sync.Mutex
	byPeer map[string]*list.Element
	recent *list.List // of *bucket, most recently used first
}

type bucket struct {
	id     string
	used   time.Time
	tokens *rate.Limiter
}

func newLimiter(c Config) *limiter {
	return &limiter{
		crowd: rate.NewLimiter(rate.Limit(c.CrowdRate), c.CrowdBurst),
		rate:  rate.Limit(c.Rate), burst: c.Burst,
		full:   time.Duration(float64(c.Burst) / c.Rate * float64(time.Second)),
		byPeer: make(map[string]*list.Element), recent: list.New(),
	}
}

// allow takes a token of p's bucket, if there is one.
func (l *limiter) allow(p peer) bool {
	switch {
	case p.exempt:
		return true
	case p.crowd:
		return l.crowd.Allow()
	}
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	el, ok := l.byPeer[p.id]
	if ok {
		l.recent.MoveToFront(el)
	} else {
		el = l.recent.PushFront(&bucket{id: p.id, tokens: rate.NewLimiter(l.rate, l.burst)})
		l.byPeer[p.id] = el
	}
	b := el.Value.(*bucket)
	b.used = now
	// A bucket that has filled up again says nothing, so it is forgotten: a network is known for as long as it is busy.
	for old := l.recent.Back(); old != el; old = l.recent.Back() {
		o := old.Value.(*bucket)
		if l.recent.Len() <= maxBuckets && now.Sub(o.used) < l.full {
			break
		}
		l.recent.Remove(old)
		delete(l.byPeer, o.id)
	}
	return b.tokens.AllowN(now, 1)
}
