package relay

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/dunnock-server/dunnock/hardening/egress"
)

// every is how often a client is asked for a sign of life. One that has given none for two of them is lost.
const every = 15 * time.Second

// session is one SSH connection of a client.
type session struct {
	*client
	s    *Server
	conn *ssh.ServerConn
	wire *wire
	done chan struct{} // closed when it has ended

	mu     sync.Mutex
	reason string

	working sync.WaitGroup // the connections that it carries
}

// wire is the connection below SSH. It notes that it was cut, which the channels do not tell from the ends of streams.
type wire struct {
	net.Conn
	cut atomic.Bool
}

func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if err != nil {
		w.cut.Store(true)
	}
	return n, err
}

// end ends the session. The first reason counts.
func (n *session) end(reason string) {
	n.mu.Lock()
	if n.reason == "" {
		n.reason = reason
	}
	n.mu.Unlock()
	n.wire.cut.Store(true)
	n.wire.Close()
}

func (n *session) why() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.reason
}

// run serves the session until it ends, and all that it carries with it.
func (n *session) run(ctx context.Context, channels <-chan ssh.NewChannel, requests <-chan *ssh.Request) {
	ctx, cancel := context.WithCancel(ctx)
	n.working.Go(func() { n.requests(requests) })
	n.working.Go(func() { n.channels(ctx, channels) })
	n.working.Go(func() { n.keep(ctx) })
	_ = n.conn.Wait()
	n.end("hung up")
	close(n.done)
	cancel()
	n.s.ports.leave(n)
	n.working.Wait()
}

// keep sees that the client is there: homes change their address without a farewell.
func (n *session) keep(ctx context.Context) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		late := time.AfterFunc(2*every, func() { n.end("does not answer") })
		_, _, _ = n.conn.SendRequest("keepalive@openssh.com", true, nil)
		late.Stop()
	}
}

// wish is what asks for a port, or gives it back (RFC 4254 section 7.1).
type wish struct {
	Address string
	Port    uint32
}

func (n *session) requests(requests <-chan *ssh.Request) {
	for r := range requests {
		var w wish
		ok := false
		switch r.Type {
		case "keepalive@openssh.com":
			ok = true
		case "tcpip-forward":
			ok = ssh.Unmarshal(r.Payload, &w) == nil && n.s.ports.take(n, w)
		case "cancel-tcpip-forward":
			ok = ssh.Unmarshal(r.Payload, &w) == nil && n.s.ports.give(n, w)
		}
		if r.WantReply {
			_ = r.Reply(ok, nil)
		}
	}
}

func (n *session) channels(ctx context.Context, channels <-chan ssh.NewChannel) {
	for ch := range channels {
		if ch.ChannelType() != "direct-tcpip" {
			_ = ch.Reject(ssh.Prohibited, "")
			continue
		}
		if !n.pace.Allow() || !acquire(n.out) {
			_ = ch.Reject(ssh.ResourceShortage, "")
			continue
		}
		n.working.Go(func() {
			defer release(n.out)
			n.direct(ctx, ch)
		})
	}
}

func acquire(slots chan struct{}) bool {
	select {
	case slots <- struct{}{}:
		return true
	default:
		return false
	}
}

func release(slots chan struct{}) { <-slots }

// direct reaches a target for the client (RFC 4254 section 7.2). Why it cannot be reached is not told: that may hold what only
// this machine can see.
func (n *session) direct(ctx context.Context, wanted ssh.NewChannel) {
	var t struct {
		Host   string
		Port   uint32
		Origin string
		From   uint32
	}
	if err := ssh.Unmarshal(wanted.ExtraData(), &t); err != nil || t.Port > 65535 {
		_ = wanted.Reject(ssh.ConnectionFailed, "")
		return
	}
	if t.Host == EchoName && t.Port == 80 {
		n.echo(wanted)
		return
	}
	conn, err := n.reach(ctx, t.Host, uint16(t.Port))
	n.s.tick.wait()
	if err != nil {
		why := ssh.ConnectionFailed
		if errors.Is(err, egress.ErrRefused) {
			why = ssh.Prohibited
		}
		_ = wanted.Reject(why, "")
		return
	}
	ch, requests, err := wanted.Accept()
	if err != nil {
		conn.Close()
		return
	}
	n.join(conn, ch, requests)
}
