package relay

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"

	"golang.org/x/crypto/ssh"
)

// ports are those that visitors can come to.
type ports struct {
	listen func(port uint16) (net.Listener, error)

	mu  sync.Mutex
	all map[uint16]*port
}

// port has an owner for as long as it is listened at.
type port struct {
	ln    net.Listener
	owner *session // under ports.mu
	wish  wish     // of the owner: clients know a port by the address they asked for
}

// take gives a port to a session: one that nobody has, or that another session of the same key has, which ends. The listener
// stays where it is then, so that no visitor finds the port closed.
func (p *ports) take(n *session, w wish) bool {
	if w.Port > 65535 || !slices.Contains(n.Ports, uint16(w.Port)) {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-n.done: // it would be given back by nobody
		return false
	default:
	}
	if at := p.all[uint16(w.Port)]; at != nil { // of the same key: no other may have it
		if at.owner != n {
			at.owner.end("another session of its key has taken its port over")
			at.owner = n
		}
		at.wish = w
		return true
	}
	ln, err := p.listen(uint16(w.Port))
	if err != nil {
		n.s.c.Log.Warn("a port cannot be listened at", "key", n.Name, "port", w.Port, "err", err)
		return false
	}
	if p.all == nil {
		p.all = make(map[uint16]*port)
	}
	at := &port{ln: ln, owner: n, wish: w}
	p.all[uint16(w.Port)] = at
	go p.serve(at)
	return true
}

// give takes a port back.
func (p *ports) give(n *session, w wish) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := p.all[uint16(w.Port)]
	if w.Port > 65535 || at == nil || at.owner != n {
		return false
	}
	p.close(uint16(w.Port))
	return true
}

// leave takes back all ports of a session that has ended.
func (p *ports) leave(n *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for number, at := range p.all {
		if at.owner == n {
			p.close(number)
		}
	}
}

func (p *ports) close(number uint16) {
	p.all[number].ln.Close()
	delete(p.all, number)
}

// serve hands visitors to whoever owns the port.
func (p *ports) serve(at *port) {
	for {
		conn, err := at.ln.Accept()
		p.mu.Lock()
		n, w := at.owner, at.wish
		p.mu.Unlock()
		if err != nil {
			if pause(context.Background(), err) {
				continue
			}
			return
		}
		if !acquire(n.in) {
			conn.Close()
			continue
		}
		go func() {
			defer release(n.in)
			n.visit(conn, w)
		}()
	}
}

// visit opens a channel to the client for a visitor (RFC 4254 section 7.2).
func (n *session) visit(conn net.Conn, w wish) {
	from, _ := netip.ParseAddrPort(conn.RemoteAddr().String())
	n.s.tick.wait()
	ch, requests, err := n.conn.OpenChannel("forwarded-tcpip", ssh.Marshal(struct {
		Address string
		Port    uint32
		Origin  string
		From    uint32
	}{w.Address, w.Port, from.Addr().Unmap().String(), uint32(from.Port())}))
	if err != nil {
		n.s.tick.wait()
		conn.Close()
		return
	}
	n.join(conn, ch, requests)
}
