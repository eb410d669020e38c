package ingress

import (
	"net"
	"sync"
	"time"
)

// grace is how long a connection may keep the node waiting whoever else comes: a busy machine may not have got to read what
// is there already.
const grace = 250 * time.Millisecond

// admission bounds the connections of a server, over all its listeners.
//
// When all slots are taken, the one that has waited for its client longest is closed for a newcomer: for the rest of a
// request, for the next one, or for the client to read. So whoever opens connections and does nothing with them, by way of a
// proxy or a tor daemon where all clients look alike, shortens the time that each may take to slots / (their newcomers a
// second), and closes nobody who is quicker. Only the time counts, not what is waited for: else somebody who fills the slots
// with the better sort could have every newcomer closed. A request that is there as a whole is never closed. While there is
// nothing else, and within the grace, newcomers wait in the kernel's queue.
type admission struct {
	total   int
	perPeer int
	peer    func(net.Addr) peer

	mu    sync.Mutex
	room  *sync.Cond // to look again for it
	conns map[*admittedConn]struct{}
	peers map[peer]int // connections at the moment; no entry for none
}

func newAdmission(total, perPeer int, of func(net.Addr) peer) *admission {
	a := &admission{total: total, perPeer: perPeer, peer: of, conns: make(map[*admittedConn]struct{}), peers: make(map[peer]int)}
	a.room = sync.NewCond(&a.mu)
	return a
}

// listener gives ln's connections as far as there is room. A connection beyond its network's share is closed at once.
func (a *admission) listener(ln net.Listener) net.Listener {
	return &admitted{Listener: ln, admission: a}
}

type admitted struct {
	net.Listener
	*admission
	closed bool // under admission.mu
}

func (l *admitted) Close() error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.wake()
	return l.Listener.Close()
}

func (l *admitted) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if c := l.enter(conn); c != nil {
			return c, nil
		}
		conn.Close()
	}
}

// enter makes room for a connection, and returns nil when there is none for it.
func (l *admitted) enter(conn net.Conn) *admittedConn {
	c := &admittedConn{Conn: conn, admission: l.admission, from: l.peer(conn.RemoteAddr())}
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		if l.closed || c.from.counted() && l.peers[c.from] >= l.perPeer {
			return nil
		}
		if len(l.conns) < l.total {
			break
		}
		slowest, left := l.slowest()
		if left <= 0 {
			l.leave(slowest)
			slowest.Conn.Close() // whoever serves it finds out
			break
		}
		timer := time.AfterFunc(left, l.wake)
		l.room.Wait()
		timer.Stop()
	}
	c.waits = time.Now()
	l.conns[c] = struct{}{}
	if c.from.counted() {
		l.peers[c.from]++
	}
	return c
}

// slowest is the connection that has waited for its client longest, and what is left of its grace; nil and a whole one when
// none waits. a.mu is held.
func (a *admission) slowest() (slowest *admittedConn, left time.Duration) {
	for c := range a.conns {
		if !c.waits.IsZero() && (slowest == nil || c.waits.Before(slowest.waits)) {
			slowest = c
		}
	}
	if slowest == nil {
		return nil, grace
	}
	return slowest, grace - time.Since(slowest.waits)
}

// wake has those who wait for room look again.
func (a *admission) wake() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.room.Broadcast()
}

// leave gives a connection's slot back, once. a.mu is held.
func (a *admission) leave(c *admittedConn) {
	if _, in := a.conns[c]; !in {
		return
	}
	delete(a.conns, c)
	if c.from.counted() {
		if a.peers[c.from]--; a.peers[c.from] == 0 {
			delete(a.peers, c.from)
		}
	}
	a.room.Broadcast()
}

// admittedConn is a connection that has a slot, until it is closed.
type admittedConn struct {
	net.Conn
	*admission
	from  peer
	waits time.Time // since when, for its client; zero: a request of it is being answered. Under admission.mu
}

func (c *admittedConn) Close() error {
	c.mu.Lock()
	c.leave(c)
	c.mu.Unlock()
	return c.Conn.Close()
}

// Write counts as waiting, which is long for a client that does not read.
func (c *admittedConn) Write(b []byte) (int, error) {
	before := c.wait(time.Now())
	defer c.wait(before)
	return c.Conn.Write(b)
}

// wait notes since when the connection waits for its client, zero for not at all, and returns what was noted before.
func (c *admittedConn) wait(since time.Time) (before time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before, c.waits = c.waits, since
	return before
}
