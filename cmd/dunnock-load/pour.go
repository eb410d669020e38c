package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/dunnock-server/dunnock/cmd/dunnock-load/internal/volley"
)

// burst is how many forged requests are sent in one go over a connection.
const burst = 8

// tide is what became of a flood.
type tide struct{ answered, broken int }

// pour floods the node until ctx ends.
func (t *trial) pour(ctx context.Context, f flood) (all tide) {
	var pouring sync.WaitGroup
	var mu sync.Mutex
	for i := range f.connections {
		target := t.target()
		target.From = f.from[i%len(f.from)]
		pouring.Go(func() {
			one := t.pourOne(ctx, f, target, i)
			mu.Lock()
			defer mu.Unlock()
			all.answered, all.broken = all.answered+one.answered, all.broken+one.broken
		})
	}
	pouring.Wait()
	return all
}

// pourOne floods over one connection after another, each for as long as it lasts.
func (t *trial) pourOne(ctx context.Context, f flood, target volley.Target, i int) (one tide) {
	burst := burst
	if f.large {
		burst = 1
	}
	every := time.Second * time.Duration(burst) * time.Duration(f.connections) / time.Duration(f.rate)
	forger := volley.NewForger(t.node.Address, uint64(i))
	var conn *volley.Conn
	var requests []byte
	due := time.Now().Add(every * time.Duration(i) / time.Duration(f.connections))
	for n := 0; ctx.Err() == nil; n++ {
		if wait := time.Until(due); wait > 0 && pauseFor(ctx, wait) != nil {
			break
		}
		if due = due.Add(every); time.Since(due) > time.Second {
			due = time.Now() // what could not be sent is not sent later
		}
		if conn == nil {
			var err error
			if conn, err = target.Dial(ctx); err != nil {
				one.broken++
				continue
			}
		}
		requests = requests[:0]
		for j := range burst {
			if f.large {
				requests = t.forgeLarge(requests, forger, n*f.connections+i)
				continue
			}
			requests = t.forge(requests, forger, j, (n*f.connections+i)*burst+j)
		}
		answered, err := conn.Burst(requests, burst)
		one.answered += answered
		if err != nil {
			if ctx.Err() == nil {
				one.broken++
			}
			conn.Close()
			conn = nil
		}
	}
	if conn != nil {
		conn.Close()
	}
	return one
}

// forge appends the nth forged request, of one kind or another.
func (t *trial) forge(to []byte, forger *volley.Forger, kind, n int) []byte {
	const path = "/users/owner/inbox"
	victim := t.victim(0)
	if n/burst%2 == 0 {
		victim = t.victim(n / burst / 2)
	}
	nobody := fmt.Sprintf("http://%s/users/nobody%d-%d", victim.Host, t.number, n)
	switch kind % 4 {
	case 0: // a key that does not exist
		return forger.Post(to, path, nobody+"#main-key", create(nobody, t.node.Owner(), n))
	case 1: // a key that does, which did not sign this
		known := t.fleet.Actors[n%actors]
		return forger.Post(to, path, known.Key.ID, create(known.URI, t.node.Owner(), n))
	case 2: // somebody whom nobody here knows is gone
		return forger.Post(to, path, nobody+"#main-key", fmt.Sprintf(
			`{"@context":"https://www.w3.org/ns/activitystreams","id":"%[1]s#delete","type":"Delete","actor":"%[1]s","to":["https://www.w3.org/ns/activitystreams#Public"],"object":"%[1]s"}`, nobody))
	default:
		return forger.Junk(to, n)
	}
}

// forgeLarge appends the nth forged request of the greatest size that is taken.
func (t *trial) forgeLarge(to []byte, forger *volley.Forger, n int) []byte {
	const path = "/users/owner/inbox"
	known := t.fleet.Actors[n%actors]
	body := volley.Large(known.URI, n/3)
	switch n % 3 {
	case 0:
		return forger.Unsigned(to, path, body)
	case 1: // a key that does not exist
		return forger.Post(to, path, known.URI+"#no-key", body)
	default: // a key that does, which did not sign this
		return forger.Post(to, path, known.Key.ID, body)
	}
}

// create is a mention that nobody signed.
func create(actor, owner string, n int) string {
	return fmt.Sprintf(`{"@context":"https://www.w3.org/ns/activitystreams","id":"%[1]s/forged/%[3]d/activity","type":"Create","actor":"%[1]s",`+
		`"to":["https://www.w3.org/ns/activitystreams#Public"],"cc":["%[2]s"],"object":{"id":"%[1]s/forged/%[3]d","type":"Note","attributedTo":"%[1]s",`+
		`"to":["https://www.w3.org/ns/activitystreams#Public"],"cc":["%[2]s"],"content":"<p>buy</p>","tag":[{"type":"Mention","href":"%[2]s"}]}}`, actor, owner, n)
}

// percentile is the value that p percent of all are not above.
func percentile(all []time.Duration, p int) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[(len(sorted)*p+99)/100-1]
}
