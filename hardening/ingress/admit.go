package ingress

import (
	"net"
	"sync"
)

// admission bounds the connections of a server, over all its listeners.
type admission struct {
	slots   chan struct{}
	perPeer int
	peer    func(address string) peer

	mu    sync.Mutex
	peers map[peer]int // connections at the moment; no entry for none
}

func newAdmission(total, perPeer int, of func(string) peer) *admission {
	return &admission{slots: make(chan struct{}, total), perPeer: perPeer, peer: of, peers: make(map[peer]int)}
}

// listener gives ln's connections as far as there is room. When all slots are taken it stops accepting, so that clients wait
// in the kernel's queue; a connection beyond its network's share is closed at once.
func (a *admission) listener(ln net.Listener) net.Listener {
	return &admitted{Listener: ln, admission: a, done: make(chan struct{})}
}

type admitted struct {
	net.Listener
	*admission
	once sync.Once
	done chan struct{}
}

func (l *admitted) Close() error {
	l.once.Do(func() { close(l.done) })
	return l.Listener.Close()
}

func (l *admitted) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.done:
		return nil, net.ErrClosed
	}
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			<-l.slots
			return nil, err
		}
		p := l.peer(conn.RemoteAddr().String())
		if !l.enter(p) {
			conn.Close()
			continue
		}
		return &admittedConn{Conn: conn, leave: sync.OnceFunc(func() { l.leave(p) })}, nil
	}
}

func (a *admission) enter(p peer) bool {
	if p.exempt {
		return true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.peers[p] >= a.perPeer {
		return false
	}
	a.peers[p]++
	return true
}

func (a *admission) leave(p peer) {
	if !p.exempt {
		a.mu.Lock()
		if a.peers[p]--; a.peers[p] == 0 {
			delete(a.peers, p)
		}
		a.mu.Unlock()
	}
	<-a.slots
}

type admittedConn struct {
	net.Conn
	leave func()
}

func (c *admittedConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
