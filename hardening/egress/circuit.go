package egress

import (
	"container/list"
	"crypto/tls"
	"slices"
	"sync"
	"time"
)

const (
	maxConns = 4                // of one circuit at a time, in use
	maxIdle  = 2                // of one circuit, kept
	idleFor  = 15 * time.Second // how long; a kept connection also shows that the node is up
)

// circuits is the bounded table of what connections are shared within.
type circuits struct {
	rules  Rules
	tls    *tls.Config
	max    int
	lookup NameLookup // nil: names are not looked up here

	mu     sync.Mutex
	byKey  map[Circuit]*list.Element
	recent *list.List // of *circuit, most recently used first
	closed bool
}

func newCircuits(limit int, rules Rules, config *tls.Config) *circuits {
	return &circuits{rules: rules, tls: config, max: limit, byKey: make(map[Circuit]*list.Element), recent: list.New()}
}

// circuit holds the connections of one (domain, purpose, exit).
type circuit struct {
	Circuit
	relay Relay
	rules Rules
	tls   *tls.Config
	slots chan struct{} // one for each connection in use

	lookup NameLookup
	names  names

	users int // guarded by circuits.mu

	mu      sync.Mutex
	idle    []*conn
	retired bool // nothing is kept any more
}

// acquire gives the circuit for key, which is not closed until as many releases have followed.
func (cs *circuits) acquire(key Circuit, relay Relay) *circuit {
	cs.mu.Lock()
	el, ok := cs.byKey[key]
	if ok {
		cs.recent.MoveToFront(el)
	} else {
		el = cs.recent.PushFront(&circuit{
			Circuit: key, relay: relay, rules: cs.rules, tls: cs.tls, slots: make(chan struct{}, maxConns), lookup: cs.lookup, retired: cs.closed,
		})
		cs.byKey[key] = el
	}
	c := el.Value.(*circuit)
	c.users++
	gone := cs.evict()
	cs.mu.Unlock()
	retire(gone)
	return c
}

func (cs *circuits) release(c *circuit) {
	cs.mu.Lock()
	c.users--
	gone := cs.evict()
	cs.mu.Unlock()
	retire(gone)
}

// evict takes out what is beyond the bound, oldest first. Circuits in use stay: their number is bounded by their users.
func (cs *circuits) evict() (gone []*circuit) {
	for el := cs.recent.Back(); el != nil && cs.recent.Len() > cs.max; {
		c, previous := el.Value.(*circuit), el.Prev()
		if c.users == 0 {
			cs.recent.Remove(el)
			delete(cs.byKey, c.Circuit)
			gone = append(gone, c)
		}
		el = previous
	}
	return gone
}

func (cs *circuits) close() {
	cs.mu.Lock()
	var all []*circuit
	cs.closed = true
	for el := cs.recent.Front(); el != nil; el = el.Next() {
		all = append(all, el.Value.(*circuit))
	}
	cs.mu.Unlock()
	retire(all)
}

// retire closes the kept connections; those in use close when their exchange ends.
func retire(gone []*circuit) {
	for _, c := range gone {
		c.mu.Lock()
		idle := c.idle
		c.idle, c.retired = nil, true
		c.mu.Unlock()
		for _, k := range idle {
			k.close()
		}
	}
}

// take gives a kept connection to origin, reserved for one exchange, or nil.
func (c *circuit) take(origin string) *conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := len(c.idle) - 1; i >= 0; i-- {
		k := c.idle[i]
		if k.origin != origin {
			continue
		}
		c.idle = slices.Delete(c.idle, i, i+1)
		k.expiry.Stop()
		if k.http.Reserve() == nil {
			return k
		}
		go k.close() // the server has ended it
	}
	return nil
}

// keep puts a connection back after an exchange that ended well.
func (c *circuit) keep(k *conn) {
	c.mu.Lock()
	ok := !c.retired && len(c.idle) < maxIdle && k.http.Available() > 0
	if ok {
		c.idle = append(c.idle, k)
		k.expiry = time.AfterFunc(idleFor, func() { c.drop(k) })
	}
	c.mu.Unlock()
	if !ok {
		k.close()
	}
}

func (c *circuit) drop(k *conn) {
	c.mu.Lock()
	i := slices.Index(c.idle, k)
	if i >= 0 {
		c.idle = slices.Delete(c.idle, i, i+1)
	}
	c.mu.Unlock()
	if i >= 0 {
		k.close()
	}
}
