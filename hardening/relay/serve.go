package relay

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

const (
	handshake  = 15 * time.Second // for a stranger to become a client
	maxWaiting = 64               // strangers at a time
	maxNetwork = 8                // of them from one network
)

// Serve takes clients on ln until ctx ends, and then ends their sessions. The error is the listener's; nil when ctx has ended.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	var serving sync.WaitGroup
	defer serving.Wait()
	defer cancel()
	defer context.AfterFunc(ctx, func() { ln.Close() })()
	for {
		conn, err := ln.Accept()
		if ctx.Err() != nil {
			if err == nil {
				conn.Close()
			}
			return nil
		}
		if err != nil {
			if pause(ctx, err) {
				continue
			}
			return err
		}
		if !s.waiting.enter(conn) {
			conn.Close()
			continue
		}
		serving.Go(func() { s.serve(ctx, conn) })
	}
}

// pause waits a little after an error that may pass, such as too many open files.
func pause(ctx context.Context, err error) bool {
	if t, ok := err.(interface{ Temporary() bool }); !ok || !t.Temporary() {
		return false
	}
	select {
	case <-ctx.Done():
	case <-time.After(50 * time.Millisecond):
	}
	return true
}

// serve makes a client of a stranger, or ends the connection.
func (s *Server) serve(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	_ = conn.SetDeadline(time.Now().Add(handshake))
	w := &wire{Conn: conn}
	ours, channels, requests, err := ssh.NewServerConn(w, s.ssh)
	s.waiting.leave(conn)
	if err != nil {
		s.c.Log.Debug("a stranger was turned away")
		return
	}
	_ = conn.SetDeadline(time.Time{})
	who := ours.Permissions.ExtraData[whose{}].(*client)
	n := &session{s: s, client: who, conn: ours, wire: w, done: make(chan struct{})}
	who.sessions.enter(n)
	defer who.sessions.leave(n)
	s.c.Log.Info("connected", "key", who.Name)
	n.run(ctx, channels, requests)
	s.c.Log.Info("disconnected", "key", who.Name, "reason", n.why())
}

// waiting bounds the connections of strangers. For one more, the one that has taken longest is closed.
type waiting struct {
	mu    sync.Mutex
	conns []net.Conn // oldest first
}

func (w *waiting) enter(conn net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	from, same := network(conn), 0
	for _, c := range w.conns {
		if from.IsValid() && network(c) == from {
			same++
		}
	}
	if same >= maxNetwork {
		return false
	}
	if len(w.conns) >= maxWaiting {
		w.conns[0].Close()
		w.conns = slices.Delete(w.conns, 0, 1)
	}
	w.conns = append(w.conns, conn)
	return true
}

func (w *waiting) leave(conn net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns = slices.DeleteFunc(w.conns, func(c net.Conn) bool { return c == conn })
}

// network is what one owner has of addresses: an IPv4 address, or the /64 of an IPv6 one.
func network(c net.Conn) netip.Prefix {
	a, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return netip.Prefix{}
	}
	bits := 32
	if addr := a.Addr().Unmap(); addr.Is6() {
		bits = 64
	}
	p, _ := a.Addr().Unmap().WithZone("").Prefix(bits)
	return p
}

// sessions are those of one key.
type sessions struct {
	mu  sync.Mutex
	all []*session // oldest first
}

func (l *sessions) enter(n *session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all = append(l.all, n); len(l.all) > maxSessions {
		l.all[0].end("too many sessions of its key")
		l.all = slices.Delete(l.all, 0, 1)
	}
}

func (l *sessions) leave(n *session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = slices.DeleteFunc(l.all, func(o *session) bool { return o == n })
}
