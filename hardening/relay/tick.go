package relay

import (
	"io"
	"net"
	"time"

	"golang.org/x/crypto/ssh"
)

// ticks is the time between two moments at which something is passed on. The moments are the same for all connections. Zero:
// nothing waits.
type ticks time.Duration

// wait waits for the next.
func (t ticks) wait() {
	if t > 0 {
		now := time.Now()
		time.Sleep(now.Truncate(time.Duration(t)).Add(time.Duration(t)).Sub(now))
	}
}

const (
	// parting is how long a peer may take to receive what was sent before an end.
	parting = 30 * time.Second
	// What is passed on at one tick, in bytes: at first, and at most.
	leastAtOnce, mostAtOnce = 16 << 10, 256 << 10
)

// join passes on between a connection and a channel until both have ended: each end of a stream by itself, and all at once what
// fails. When the session is cut, the connection is reset: a stream that is cut must not look like one that is whole.
func (n *session) join(conn net.Conn, ch ssh.Channel, requests <-chan *ssh.Request) {
	out, in := make(chan struct{}), make(chan struct{})
	go func() { // to the connection
		defer close(out)
		err := n.s.tick.pass(conn, ch)
		if n.wire.cut.Load() {
			if c, ok := conn.(interface{ SetLinger(int) error }); ok {
				_ = c.SetLinger(0)
			}
			conn.Close()
		} else if c, ok := conn.(interface{ CloseWrite() error }); ok && err == nil {
			_ = c.CloseWrite()
		} else {
			conn.Close()
		}
	}()
	go func() { // to the channel
		defer close(in)
		if err := n.s.tick.pass(ch, conn); err != nil {
			_ = ch.Close()
		} else {
			_ = ch.CloseWrite()
		}
	}()
	go func() {
		<-out
		<-in
		_ = ch.Close()
	}()
	ssh.DiscardRequests(requests) // until the client has closed the channel
	_ = conn.SetReadDeadline(time.Now())
	_ = conn.SetWriteDeadline(time.Now().Add(parting))
	<-out // what it had sent
	conn.Close()
	<-in
}

// pass copies until the end of src, or what fails.
func (t ticks) pass(dst io.Writer, src io.Reader) error {
	buf := make([]byte, leastAtOnce)
	for {
		n, err := src.Read(buf)
		t.wait()
		if n > 0 {
			if _, err := dst.Write(buf[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if n == len(buf) && n < mostAtOnce {
			buf = make([]byte, 2*n)
		}
	}
}
