package egress

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// A link that is down is tried again after pauses that double from firstPause to lastPause, each drawn from half of it to all.
const (
	firstPause = time.Second
	lastPause  = 5 * time.Minute
)

// State is what is known of a relay's link. The zero State is one that nobody has tried: it counts as up.
type State struct {
	// Down says that the link was lost, or could not be made.
	Down bool
	// Since is when it came up, or went down. Zero: never tried.
	Since time.Time
	// Lost is when the last outage began; zero if there was none. An outage under way began at Since.
	Lost time.Time
	// Reconnects is how many outages have ended.
	Reconnects int
	// Reason is why it is down, in words of our own that can be logged.
	Reason string
	// Next is when it is tried again.
	Next time.Time
}

// Link keeps a relay's State. The zero Link is ready to use.
type Link struct {
	mu    sync.Mutex
	state State
	pause time.Duration
}

// State returns the state as it is.
func (l *Link) State() State {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

// Up notes that the link works.
func (l *Link) Up() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pause = 0
	if l.state.Down || l.state.Since.IsZero() {
		again := l.state.Reconnects
		if l.state.Down {
			again++
		}
		l.state = State{Since: time.Now(), Lost: l.state.Since, Reconnects: again}
	}
}

// Down notes that it does not. reason is in words of our own. The first call of an outage decides when it began.
func (l *Link) Down(reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if !l.state.Down {
		l.state.Down, l.state.Since = true, now
	}
	l.pause = min(max(2*l.pause, firstPause), lastPause)
	l.state.Reason, l.state.Next = reason, now.Add(l.pause/2+rand.N(l.pause/2))
}

// Run tries links that are down again, each at its time, until ctx ends. It returns nil.
func (c *Client) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, r := range c.relays {
		if linked, ok := r.(Linked); ok {
			wg.Go(func() { c.keep(ctx, linked) })
		}
	}
	wg.Wait()
	return nil
}

// look is how often a link's state is looked at: a look costs nothing, and asks nobody.
const look = time.Second

func (c *Client) keep(ctx context.Context, r Linked) {
	tick := time.NewTicker(look)
	defer tick.Stop()
	connect(ctx, r) // so that its state is known, and what a first act would wait for is done
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			if s := r.State(); s.Down && now.After(s.Next) {
				connect(ctx, r)
			}
		}
	}
}

func connect(ctx context.Context, r Linked) {
	ctx, cancel := context.WithTimeoutCause(ctx, defaultDeadline, errors.New("no answer in time"))
	defer cancel()
	_ = r.Connect(ctx) // the state says why
}

// Way is a relay as the owner sees it.
type Way struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
	// Pool says that it carries what no route says more of.
	Pool bool `json:"pool"`
	// Routes are the domains that it carries by a route.
	Routes []string `json:"routes,omitempty"`
	// Down says that it cannot be reached, and Reason why.
	Down   bool   `json:"down"`
	Reason string `json:"reason,omitempty"`
	// Since is when it came up or went down; zero where it has no link or was not tried yet.
	Since time.Time `json:"since,omitzero"`
	// Reconnects is how often it came back after it was lost, since the node runs.
	Reconnects int `json:"reconnects"`
	// Next is when it is tried again; zero while it is up.
	Next time.Time `json:"next,omitzero"`
}

// Ways returns the relays in the order of the configuration. It asks nobody.
func (c *Client) Ways() []Way {
	ways := make([]Way, len(c.relays))
	for i, r := range c.relays {
		w := Way{Name: r.Name(), Kind: r.Kind(), Pool: slices.Contains(c.general, r)}
		for _, match := range slices.Sorted(maps.Keys(c.routes)) {
			if slices.Contains(c.routes[match], r) {
				w.Routes = append(w.Routes, match)
			}
		}
		if linked, ok := r.(Linked); ok {
			s := linked.State()
			w.Down, w.Since, w.Reconnects = s.Down, s.Since, s.Reconnects
			if s.Down {
				w.Reason, w.Next = s.Reason, s.Next
			}
		}
		ways[i] = w
	}
	return ways
}
