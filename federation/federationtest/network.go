package federationtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/dunnock-server/dunnock/hardening/egress"
	"github.com/dunnock-server/dunnock/hardening/pipenet"
)

// errNoHost is what dialling a host that is not there, or is down, gives.
var errNoHost = errors.New("no such host")

// Network connects nodes within one process, in memory: what is dialled as NAME:80 arrives at the listener of NAME. Its
// connections block durably in a testing/synctest bubble, so time there passes only when all nodes wait.
type Network struct {
	mu    sync.Mutex
	hosts map[string]*pipenet.Listener
	// Fault, if set, is asked before each connection from one host to another and says what becomes of it. It is called
	// from many goroutines.
	Fault func(from, to string) Fault
	heard func(from, to string, sent []byte) // under mu
}

// Hear has f be given what one host sends another on connections that it makes, or has made, as it goes on the wire. f is called
// from many goroutines.
func (n *Network) Hear(f func(from, to string, sent []byte)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.heard = f
}

// tell gives what was sent to who hears.
func (n *Network) tell(from, to string, sent []byte) {
	n.mu.Lock()
	heard := n.heard
	n.mu.Unlock()
	if heard != nil {
		heard(from, to, sent)
	}
}

// Fault is what happens to a connection.
type Fault uint8

// The faults.
const (
	None    Fault = iota
	Refused       // it is not made
	Lost          // what is sent arrives, and the answer is lost
	Twice         // what is sent arrives again, a while after
)

// NewNetwork makes a network without hosts.
func NewNetwork() *Network { return &Network{hosts: map[string]*pipenet.Listener{}} }

// Listen puts a host on the network. Closing the listener takes it off.
func (n *Network) Listen(host string) net.Listener {
	l := pipenet.Listen(host)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hosts[host] = l
	return &listener{l, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.hosts[host] == l {
			delete(n.hosts, host)
		}
	}}
}

// Relay is the way out of a host.
func (n *Network) Relay(from string) egress.Relay { return relay{n, from} }

type relay struct {
	network *Network
	from    string
}

func (relay) Name() string { return "memory" }
func (relay) Kind() string { return "memory" }
func (relay) Close() error { return nil }

// DialContext implements [egress.Relay].
func (r relay) DialContext(ctx context.Context, _, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	fault := None
	if r.network.Fault != nil {
		fault = r.network.Fault(r.from, host)
	}
	if fault == Refused {
		return nil, fmt.Errorf("dial: %w", errNoHost)
	}
	conn, err := r.network.dial(ctx, host)
	if err != nil {
		return nil, err
	}
	conn = tapped{conn, func(sent []byte) { r.network.tell(r.from, host, sent) }}
	switch fault {
	case Lost:
		return deaf{conn}, nil
	case Twice:
		return &echo{Conn: conn, again: func(sent []byte) { r.network.replay(host, sent) }}, nil
	}
	return conn, nil
}

// dial connects to a host.
func (n *Network) dial(ctx context.Context, host string) (net.Conn, error) {
	n.mu.Lock()
	l := n.hosts[host]
	n.mu.Unlock()
	if l == nil {
		return nil, fmt.Errorf("dial: %w", errNoHost)
	}
	conn, err := l.Dial(ctx)
	if errors.Is(err, net.ErrClosed) {
		return nil, fmt.Errorf("dial: %w", errNoHost)
	}
	return conn, err
}

// replayAfter is when what was sent twice comes again: later than what was sent next, and within the hour in which a
// signature is taken.
const replayAfter = 20 * time.Minute

// replay sends what was sent before once more, as whoever saw it could.
func (n *Network) replay(host string, sent []byte) {
	time.Sleep(replayAfter)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := n.dial(ctx, host)
	if err != nil {
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := conn.Write(sent); err == nil {
		_, _ = conn.Read(make([]byte, 1))
	}
}

// echo remembers what is sent.
type echo struct {
	net.Conn
	again func(sent []byte)

	mu   sync.Mutex
	sent []byte
	once sync.Once
}

func (e *echo) Write(p []byte) (int, error) {
	n, err := e.Conn.Write(p)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.sent = append(e.sent, p[:n]...)
	return n, err
}

func (e *echo) Close() error {
	e.once.Do(func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		go e.again(e.sent)
	})
	return e.Conn.Close()
}

// tapped lets somebody listen to what is sent.
type tapped struct {
	net.Conn
	heard func(sent []byte)
}

func (t tapped) Write(p []byte) (int, error) {
	t.heard(p)
	return t.Conn.Write(p)
}

// deaf is a connection whose answers never arrive.
type deaf struct{ net.Conn }

// Read waits for an answer and throws it away: the far end has done its work by then.
func (d deaf) Read(p []byte) (int, error) {
	if _, err := d.Conn.Read(p); err != nil {
		return 0, err
	}
	return 0, errors.Join(net.ErrClosed, d.Close())
}

// listener is on the network until it is closed.
type listener struct {
	*pipenet.Listener
	leave func()
}

func (l *listener) Close() error {
	l.leave()
	return l.Listener.Close()
}
