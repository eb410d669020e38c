package sshlink

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

const (
	// chunk is how much is read and written at a time, in bytes: as much as a packet of SSH takes.
	chunk = 32 << 10
	// parting is how long the relay may take to close what we have closed. What it leaves open would stay in memory.
	parting = 30 * time.Second
)

// conn is a channel as a connection. A channel has no deadlines, and its reads and writes end with it only; so each is made in a
// goroutine of its own, which ends when the relay has closed the channel as well, at the latest after parting. What it reads
// after a deadline is for the next Read.
type conn struct {
	ch            ssh.Channel
	s             *session
	local, remote net.Addr

	once   sync.Once
	closed chan struct{} // by Close
	gone   chan struct{} // closed when the far end has closed the channel

	reading  sync.Mutex // over the next six
	by       deadline
	in, left []byte // left is what of in nobody has read yet
	filling  bool
	filled   chan filled // one at most
	end      error       // after left

	writing sync.Mutex // over the next four
	until   deadline
	out     []byte
	flying  bool // out is being written
	written chan error
}

type filled struct {
	n   int
	err error
}

func newConn(s *session, ch ssh.Channel, requests <-chan *ssh.Request, local, remote net.Addr) *conn {
	c := &conn{ch: ch, s: s, local: local, remote: remote, closed: make(chan struct{}), gone: make(chan struct{}),
		filled: make(chan filled, 1), written: make(chan error, 1)}
	go func() {
		ssh.DiscardRequests(requests)
		close(c.gone)
	}()
	return c
}

// Read implements [net.Conn].
func (c *conn) Read(p []byte) (int, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	if err := c.may(&c.by); err != nil || len(p) == 0 {
		return 0, err
	}
	if len(c.left) == 0 && c.end == nil {
		if !c.filling {
			c.filling = true
			if c.in == nil {
				c.in = make([]byte, chunk)
			}
			go c.fill()
		}
		select {
		case f := <-c.filled:
			c.filling, c.left, c.end = false, c.in[:f.n], f.err
		case <-c.closed:
			return 0, net.ErrClosed
		case <-c.by.passed():
			return 0, os.ErrDeadlineExceeded
		}
	}
	n := copy(p, c.left)
	if c.left = c.left[n:]; n == 0 {
		return 0, c.end
	}
	return n, nil
}

func (c *conn) fill() {
	n, err := c.ch.Read(c.in)
	if err != nil && c.s.wire.cut.Load() {
		err = errCut // a stream that is cut must not look like one that is whole
	}
	c.filled <- filled{n, err}
}

// Write implements [net.Conn]. What a deadline interrupts may be sent in part or whole.
func (c *conn) Write(p []byte) (n int, err error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	for {
		if err := c.may(&c.until); err != nil {
			return n, err
		}
		sent := 0
		if !c.flying {
			if len(p) == 0 {
				return n, nil
			}
			sent = min(len(p), chunk)
			c.out = append(c.out[:0], p[:sent]...) // whoever called may use p again after a deadline
			c.flying = true
			go func() {
				_, err := c.ch.Write(c.out)
				c.written <- err
			}()
		}
		select {
		case err := <-c.written:
			c.flying = false
			if err != nil {
				return n, c.broken(err)
			}
			n, p = n+sent, p[sent:]
		case <-c.closed:
			return n, net.ErrClosed
		case <-c.until.passed():
			return n, os.ErrDeadlineExceeded
		}
	}
}

func (c *conn) broken(err error) error {
	if c.s.wire.cut.Load() {
		return errCut
	}
	if errors.Is(err, io.EOF) {
		return io.ErrClosedPipe // the far end has closed it
	}
	return err
}

// may says why nothing can be read or written, if so.
func (c *conn) may(d *deadline) error {
	select {
	case <-c.closed:
		return net.ErrClosed
	case <-d.passed():
		return os.ErrDeadlineExceeded
	default:
		return nil
	}
}

// Close implements [net.Conn]. It waits for nobody.
func (c *conn) Close() error {
	c.once.Do(func() {
		close(c.closed)
		c.by.set(time.Time{})
		c.until.set(time.Time{})
		go c.part()
	})
	return nil
}

// part closes the channel, and sees that the relay does so too.
func (c *conn) part() {
	late := time.AfterFunc(parting, func() { c.s.lose("does not end what is closed") })
	defer late.Stop()
	_ = c.ch.Close()
	<-c.gone
}

// LocalAddr implements [net.Conn].
func (c *conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr implements [net.Conn].
func (c *conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline implements [net.Conn].
func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline implements [net.Conn].
func (c *conn) SetReadDeadline(t time.Time) error { return c.limit(&c.by, t) }

// SetWriteDeadline implements [net.Conn].
func (c *conn) SetWriteDeadline(t time.Time) error { return c.limit(&c.until, t) }

func (c *conn) limit(d *deadline, t time.Time) error {
	select {
	case <-c.closed:
		return net.ErrClosed
	default:
		d.set(t)
		return nil
	}
}

// addr is an address that is none of this machine's.
type addr string

func (addr) Network() string  { return "tcp" }
func (a addr) String() string { return string(a) }
